#include "command/engine/session.h"

#include "base/files.h"
#include "base/signals.h"
#include "base/terminal.h"
#include "plugin/plugin_list.h"
#include "results/run_id.h"
#include "shalab/error.h"

namespace shalab {

namespace {

constexpr const char* kConfig = "config.ini";

ProgressOptions progress_options(const GlobalOptions& options) {
  ProgressOptions result;
  result.style = progress_style(options.verbosity == Verbosity::quiet);
  return result;
}

}  // namespace

Session::Session(const GlobalOptions& options)
    : options_(options),
      log_(options.verbosity, use_colour(options.colour, 2)),
      progress_(progress_options(options)),
      registry_(load_plugin_list(plugin_folders(options.plugins))),
      services_(services_folders(options)) {
  log_.before_line([this] { progress_.hide(); });
  services_.logger = &log_;
  services_.progress = &progress_;
  services_.cancel = &install_signal_handlers();
}

std::filesystem::path Session::runs_folder() const { return options_.runs; }

RunStore& Session::store() {
  if (!store_) {
    store_ =
        std::make_unique<RunStore>(ResultsDb::open(options_.db), runs_folder());
  }
  return *store_;
}

std::string Session::run_id(const std::string& text) {
  return resolve_run(store().db(), text);
}

std::filesystem::path Session::folder_of(const std::string& run_id) const {
  return runs_folder() / run_id;
}

ResolvedConfig Session::config_of(const std::string& run_id,
                                  const std::vector<std::string>& overrides) {
  const auto file = folder_of(run_id) / kConfig;
  if (!std::filesystem::exists(file)) {
    throw Error(ErrorKind::resume, "run " + run_id + " has no " + file.string(),
                "give the runs folder it was made in with --runs");
  }
  return resolve_text(read_file(file), file.string(), overrides,
                      registry_.list());
}

RunContext Session::context_for(const ResolvedConfig& config) {
  return context_for(config,
                     options_.device.empty()
                         ? config.settings("run").text("device")
                         : options_.device,
                     1);
}

RunContext Session::context_for(const ResolvedConfig& config,
                                const std::string& device,
                                std::int64_t processes) {
  const auto& run = config.settings("run");
  RunContext context;
  context.services = services_;
  context.device = open_device(device, log_);
  context.precision = precision_from(run.text("precision"));
  context.seed = static_cast<std::uint64_t>(run.integer("seed"));
  context.find_run = [this](const std::string& text) {
    return folder_of(run_id(text));
  };
  if (context.device.is_cuda() && run.flag("graph")) {
    context.make_graph = [device = context.device,
                          has_branches =
                              run.flag("branches")](at::Generator generator) {
      return make_work_graph(device, std::move(generator), has_branches);
    };
  }
  apply({run.integer("threads"), context.precision, run.flag("deterministic"),
         processes});
  return context;
}

}  // namespace shalab
