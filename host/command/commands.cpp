#include "command/commands.h"

#include <algorithm>
#include <limits>

namespace shalab {

namespace {

constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();

Command engine(std::string name, std::string arguments, std::string meaning,
               std::vector<OptionSpec> options = {}) {
  CommandSpec spec{std::move(name), std::move(arguments), std::move(meaning),
                   std::move(options)};
  spec.needs_engine = true;
  spec.max_arguments = kAny;
  return {spec, nullptr};
}

struct Shape {
  std::size_t least = 0;
  std::size_t most = 0;
  bool is_default = false;
};

Command own(std::string name, std::string arguments, std::string meaning,
            Shape shape, CommandFunction function,
            std::vector<OptionSpec> options = {}) {
  CommandSpec spec{std::move(name), std::move(arguments), std::move(meaning),
                   std::move(options)};
  spec.min_arguments = shape.least;
  spec.max_arguments = shape.most;
  spec.is_default = shape.is_default;
  return {spec, function};
}

void add_training(std::vector<Command>& all) {
  const OptionSpec devices{"--devices", "", "LIST",
                           "train together on cuda:0,cuda:1 or cpu,cpu"};
  all.push_back(engine("run", "CONFIG [key=value ...]",
                       "train all stages, evaluate and record", {devices}));
  all.push_back(engine(
      "resume", "RUN", "go on from the newest valid checkpoint",
      {devices, {"--force", "", "", "although plugins have changed since"}}));
  all.push_back(engine("evaluate", "RUN [key=value ...]",
                       "measure again, or with other metrics"));
  all.push_back(engine(
      "sample", "RUN", "draw samples: PNG grids and an .npz",
      {{"--kind", "", "LIST", "joint, conditional, interpolate, style, views"},
       {"--given", "", "SUBSET", "the modalities to condition on: m0+m2"},
       {"--input", "", "MODALITY=FILE", "a file of your own to condition on"},
       {"--source", "", "NAME", "latent source"},
       {"--count", "", "N", "number of samples"},
       {"--noise-level", "", "X", "how much a style transfer forgets"},
       {"", "-o", "DIR", "where to write"}}));
  all.push_back(engine("encode", "RUN",
                       "latents, features and labels of a dataset",
                       {{"--split", "", "SPLIT", "train, validation or test"},
                        {"", "-o", "FILE.npz", "where to write"}}));
  all.push_back(engine("judge train", "DATASET [dataset.key=value ...]",
                       "train and store the coherence judges of a dataset",
                       {{"--epochs", "", "N", "passes over the data"},
                        {"--seed", "", "N", "of weights and order"}}));
  all.push_back(
      engine("bench", "CONFIG [key=value ...]",
             "time, memory and operators of a training step, as JSON",
             {{"--stage", "", "NAME", "first_stage, or a fitted prior's"},
              {"--steps", "", "N", "timed steps"},
              {"--warmup", "", "N", "steps before them"},
              {"--top", "", "N", "operators to list"}}));
  all.push_back(engine("score", "METRIC [metric.key=value ...]",
                       "a metric on your own files",
                       {{"--real", "", "PATH", "reference files"},
                        {"--generated", "", "PATH", "files to measure"}}));
}

void add_listings(std::vector<Command>& all) {
  all.push_back(own("check", "CONFIG [key=value ...]",
                    "the resolved config with each value's origin", {1, kAny},
                    command_check));
  all.push_back(own("plugins list", "[KIND]", "all plugins", {0, 1, true},
                    command_plugins_list));
  all.push_back(
      own("plugins show", "NAME", "what a plugin does, and its keys", {0, 1},
          command_plugins_show,
          {{"--kind", "", "KIND", "where plugins of two kinds share a name"},
           {"--markdown", "", "", "the reference page of all plugins"}}));
  all.push_back(own("data list", "", "datasets, data folders and files",
                    {0, 0, true}, command_data_list));
  all.push_back(own("data show", "NAME", "a dataset and its keys", {1, 1},
                    command_data_show));
  all.push_back(engine("data prepare", "NAME [dataset.key=value ...]",
                       "read a dataset and say what is in it"));
  all.push_back(
      engine("data export", "NAME [dataset.key=value ...]",
             "the tuples of a split as arrays, for other programs",
             {{"--split", "", "SPLIT", "train, validation or test"},
              {"", "-o", "FILE.npz", "where to write; pictures as bytes"}}));
}

void add_records(std::vector<Command>& all) {
  all.push_back(own("runs list", "", "recorded runs, newest first",
                    {0, 0, true}, command_runs_list,
                    {{"--state", "", "STATE", "only runs in this state"},
                     {"--count", "", "N", "at most so many (50)"}}));
  all.push_back(own("runs show", "RUN", "one run: plugins, config, numbers",
                    {1, 1}, command_runs_show));
  all.push_back(own("runs tag", "RUN TAG", "name a run", {2, 2},
                    command_runs_tag,
                    {{"--remove", "", "", "take the tag off"}}));
  all.push_back(own("runs delete", "RUN", "hide a run from every listing",
                    {1, 1}, command_runs_delete,
                    {{"--undo", "", "", "bring it back"}}));
  all.push_back(
      own("table", "[RUN ...]", "measurements side by side", {0, kAny},
          command_table,
          {{"--format", "", "FORMAT", "text, csv or json"},
           {"--metrics", "", "LIST", "columns: NAME,NAME"},
           {"--dataset", "", "NAME", "only this dataset"},
           {"--split", "", "SPLIT", "test (default), validation, train, all"},
           {"--each-seed", "", "", "a row per run, no averages"}}));
  all.push_back(own("sql", "SELECT", "a read-only query of the database",
                    {1, 1}, command_sql,
                    {{"--format", "", "FORMAT", "text, csv or json"},
                     {"--rows", "", "N", "at most so many rows (10000)"},
                     {"--seconds", "", "N", "at most so long (10)"}}));
}

std::vector<Command> made() {
  std::vector<Command> all;
  add_training(all);
  add_listings(all);
  add_records(all);
  all.push_back(own("doctor", "", "check environment, plugins and database",
                    {0, 0}, command_doctor,
                    {{"--fix", "", "", "mark dead runs stale"}}));
  all.push_back(
      own("version", "", "version and build facts", {0, 0}, command_version));
  all.push_back(own("help", "[COMMAND]", "this page, or help of a command",
                    {0, 2}, command_help,
                    {{"--markdown", "", "", "the page docs/cli.md"}}));
  return all;
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> all = made();
  return all;
}

std::vector<CommandSpec> command_specs() {
  std::vector<CommandSpec> specs;
  for (const Command& command : commands()) specs.push_back(command.spec);
  return specs;
}

const Command* find_command(const std::string& name) {
  const auto at = std::ranges::find_if(commands(), [&](const Command& command) {
    return command.spec.name == name;
  });
  return at == commands().end() ? nullptr : &*at;
}

}  // namespace shalab
