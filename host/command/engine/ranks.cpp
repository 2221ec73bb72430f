#include "command/engine/ranks.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "model/device.h"
#include "parallel/launch.h"
#include "shalab/error.h"

namespace shalab {

namespace {

[[noreturn]] void refuse_devices(const std::string& why) {
  throw Error(ErrorKind::usage, "--devices: " + why,
              "name them like cuda:0,cuda:1 or cpu,cpu");
}

void check_names(const std::vector<std::string>& names) {
  std::set<std::string> gpus;
  for (const auto& name : names) {
    if (name == "cpu") continue;
    if (name.rfind("cuda:", 0) != 0)
      refuse_devices("unknown device '" + name + "'");
    if (!gpus.insert(name).second) refuse_devices(name + " stands twice");
  }
  if (!gpus.empty() && gpus.size() != names.size()) {
    refuse_devices("CPUs and GPUs cannot train together");
  }
}

std::string text_of(const Order& order) {
  return nlohmann::json{{"config", order.config},
                        {"devices", order.devices},
                        {"folder", order.folder.string()},
                        {"other_plugins", order.accept_other_plugins}}
      .dump();
}

Order order_from(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  return {json.at("config").get<std::string>(),
          json.at("devices").get<std::vector<std::string>>(),
          json.at("folder").get<std::string>(),
          json.at("other_plugins").get<bool>()};
}

void train_as_rank(Session& session, Collective& collective,
                   const Order& order) {
  auto config =
      resolve_text(order.config, "config.ini", {}, session.registry().list());
  const auto& device =
      order.devices.at(static_cast<std::size_t>(collective.rank()));
  auto context = session.context_for(config, device, collective.size());
  context.services.logger = quiet_services().logger;
  context.folder = order.folder;
  context.collective = &collective;
  collective.use(context.device);
  Experiment experiment(std::move(config), session.registry(), context);
  Pipeline pipeline(experiment, context);
  begin(pipeline, experiment.config(), context, order.accept_other_plugins);
  pipeline.train();
  collective.close();
}

}  // namespace

std::vector<std::string> devices_asked(const Arguments& arguments,
                                       const GlobalOptions& options) {
  if (!arguments.has("--devices")) return {};
  if (!options.device.empty()) refuse_devices("--device is given too");
  std::vector<std::string> names;
  std::istringstream text(arguments.text("--devices"));
  for (std::string name; std::getline(text, name, ',');) names.push_back(name);
  if (names.empty()) refuse_devices("the list is empty");
  check_names(names);
  return names;
}

std::vector<std::string> devices_of(const ResolvedConfig& config,
                                    const std::vector<std::string>& asked,
                                    const std::string& device, Logger& logger) {
  const auto& run = config.settings("run");
  const auto count = static_cast<std::size_t>(run.integer("devices"));
  if (!asked.empty() && asked.size() != count) {
    throw Error(ErrorKind::resume,
                "the run trains on " + std::to_string(count) +
                    " devices, --devices names " + std::to_string(asked.size()),
                "name as many as before: each has a noise stream of its own");
  }
  if (!asked.empty()) return asked;
  const auto name = device.empty() ? run.text("device") : device;
  if (count == 1) return {name};
  const bool on_gpus = open_device(name, logger).is_cuda();
  std::vector<std::string> names;
  for (std::size_t rank = 0; rank < count; ++rank) {
    names.push_back(on_gpus ? "cuda:" + std::to_string(rank) : "cpu");
  }
  return names;
}

std::unique_ptr<Collective> open_collective() {
  return is_rank() ? std::make_unique<Collective>() : nullptr;
}

void send_order(const Order& order, const RunContext& context) {
  context.collective->text_of(0, text_of(order));
  context.collective->use(context.device);
}

void begin(Pipeline& pipeline, const ResolvedConfig& config,
           const RunContext& context, bool accept_other_plugins) {
  const bool is_restored = pipeline.restore({accept_other_plugins});
  auto* collective = context.collective;
  const auto own = std::to_string(pipeline.global_step());
  if (collective != nullptr && collective->text_of(0, own) != own) {
    throw Error(
        ErrorKind::resume,
        "ranks find different checkpoints in " + context.folder.string(),
        "resume again; no other program may change them meanwhile");
  }
  const auto& first = config.settings("first_stage").text("run");
  if (is_restored || first.empty()) return;
  std::string folder;
  if (is_lead(context)) folder = context.find_run(first).string();
  if (collective != nullptr) folder = collective->text_of(0, folder);
  pipeline.adopt_first_stage(folder);
}

int follow(const GlobalOptions& options) {
  GlobalOptions quiet = options;
  quiet.verbosity = Verbosity::quiet;
  Session session(quiet);
  Collective collective;
  std::string name = "rank " + std::to_string(collective.rank());
  try {
    const auto order = order_from(collective.text_of(0, ""));
    name += " (" +
            order.devices.at(static_cast<std::size_t>(collective.rank())) + ")";
    train_as_rank(session, collective, order);
    return 0;
  } catch (const Error& error) {
    throw Error(error.kind(), name + ": " + error.message(), error.hint());
  } catch (const std::exception& error) {
    throw Error(ErrorKind::run, name + ": " + error.what());
  }
}

int launch_ranks(Session& session, const std::vector<std::string>& devices) {
  const auto ended = launch(static_cast<int>(devices.size()));
  if (ended.code) return *ended.code;
  const std::string what =
      "a process of the run ended before its time (killed, crashed, or with "
      "the "
      "error above). mpiexec says:\n" +
      ended.words;
  if (!ended.run_id.empty()) {
    auto& store = session.store();
    store.finish(ended.run_id, store.latest_attempt(ended.run_id),
                 RunState::failed, 1, what);
  }
  throw Error(ErrorKind::run, what,
              "go on from the newest checkpoint with: shalab resume " +
                  (ended.run_id.empty() ? "RUN" : ended.run_id) +
                  " --devices LIST");
}

}  // namespace shalab
