#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "command/engine/arguments.h"
#include "command/engine/commands.h"
#include "command/engine/session.h"
#include "config/field_check.h"
#include "run/judges.h"
#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab {

namespace {

constexpr const char* kUsage =
    "shalab judge train DATASET [dataset.key=value ...] [--epochs N] "
    "[--seed N]";

Settings dataset_settings(const Registry& registry, const std::string& name,
                          const std::vector<std::string>& overrides) {
  auto settings = registry.settings_of("dataset", name);
  for (const auto& text : overrides) {
    const auto equals = text.find('=');
    const auto key =
        text.substr(text.find('.') + 1, equals - text.find('.') - 1);
    const auto* field = settings.fields().find(key);
    if (text.rfind("dataset.", 0) != 0 || field == nullptr) {
      throw Error(ErrorKind::usage,
                  "'" + text + "' sets no key of dataset " + name,
                  "see shalab plugins show " + name);
    }
    const auto parsed = parse_value(*field, text.substr(equals + 1));
    if (!parsed.value) {
      throw Error(ErrorKind::usage, text + ": " + parsed.complaint,
                  describe(*field));
    }
    settings.set(key, *parsed.value);
  }
  return settings;
}

void print(const Dataset& dataset, const JudgeBank& bank, bool json) {
  nlohmann::json list = nlohmann::json::array();
  for (std::size_t m = 0; m < bank.judges.size(); ++m) {
    const auto& name = dataset.modalities()[m].name;
    if (json) {
      list.push_back({{"modality", name}, {"accuracy", bank.accuracies[m]}});
    } else {
      std::printf("%-12s accuracy %.4f on the test split\n", name.c_str(),
                  bank.accuracies[m]);
    }
  }
  if (json) {
    std::cout << nlohmann::json{{"judges", list}}.dump(2) << '\n';
  }
}

}  // namespace

int command_judge(const Invocation& invocation) {
  const Arguments arguments(invocation.arguments,
                            {{"--epochs", "N"}, {"--seed", "N"}});
  const auto& words = arguments.positionals();
  if (words.size() != 2 || words[0] != "train") {
    throw Error(ErrorKind::usage, "judge needs 'train' and a dataset",
                std::string("usage: ") + kUsage);
  }
  const auto& name = words[1];
  Session session(invocation.options);
  const auto settings =
      dataset_settings(session.registry(), name, arguments.overrides());
  const auto device = open_device(
      invocation.options.device.empty() ? "auto" : invocation.options.device);
  apply({});
  auto dataset =
      session.registry().make_dataset(name, settings, {session.services()});
  dataset->to(device);
  JudgeTraining training;
  training.epochs = arguments.integer("--epochs", training.epochs, 1);
  training.seed = static_cast<std::uint64_t>(arguments.integer("--seed", 1, 0));
  training.device = device;
  train_judges(*dataset, name, session.services(), training);
  print(*dataset, make_judge_bank(*dataset, name, session.services(), device),
        invocation.options.json);
  return 0;
}

int command_data_prepare(const Invocation& invocation) {
  const Arguments arguments(invocation.arguments, {});
  const auto& words = arguments.positionals();
  if (words.size() != 2 || words[0] != "prepare") {
    throw Error(ErrorKind::usage, "data prepare needs the name of a dataset",
                "usage: shalab data prepare NAME [dataset.key=value ...]");
  }
  Session session(invocation.options);
  const auto settings =
      dataset_settings(session.registry(), words[1], arguments.overrides());
  const auto dataset =
      session.registry().make_dataset(words[1], settings, {session.services()});
  std::cout << words[1] << ": " << dataset->size(Split::train) << " train, "
            << dataset->size(Split::validation) << " validation, "
            << dataset->size(Split::test) << " test tuples of "
            << dataset->modalities().size() << " modalities ("
            << dataset->fingerprint() << ")\n";
  if (!dataset->note().empty()) {
    std::cout << "note: " << dataset->note() << '\n';
  }
  return 0;
}

}  // namespace shalab
