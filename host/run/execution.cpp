#include "run/execution.h"

#include <ATen/Parallel.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "run/execution_timing.h"
#include "shalab/error.h"

namespace shalab {

namespace {

using Json = nlohmann::json;

constexpr const char* kChannelsLast = "channels_last";
constexpr const char* kContiguous = "contiguous";
constexpr const char* kMeasured = "measured";

at::MemoryFormat format_from(const std::string& text) {
  return text == kContiguous ? at::MemoryFormat::Contiguous
                             : at::MemoryFormat::ChannelsLast;
}

// The same text for networks of the same tensors and of no others.
std::string shapes_of(const torch::nn::Module& network) {
  std::ostringstream text;
  text << network.name();
  for (const auto& [name, tensor] : tensors_of(network, "")) {
    text << ' ' << name << tensor.sizes();
  }
  return text.str();
}

bool is_faster(double seconds, double than) {
  return seconds < (1 - kLeastGain) * than;
}

// Leaves the experiment in the formats it chooses.
class Chooser {
 public:
  Chooser(Experiment& experiment, const RunContext& context)
      : timing_(experiment, context), experiment_(experiment) {}

  void choose_formats(Execution& execution) {
    for (const auto& [networks, names] : alike(execution)) {
      const double last = seconds_of(names);
      set(execution, names, kContiguous);
      if (is_faster(seconds_of(names), last)) continue;
      set(execution, names, kChannelsLast);
    }
  }

  void choose_threads(Execution& execution) {
    double best = timing_.seconds_of_all();
    for (auto threads = execution.threads / 2; threads >= 1; threads /= 2) {
      at::set_num_threads(static_cast<int>(threads));
      const double seconds = timing_.seconds_of_all();
      if (!is_faster(seconds, best)) break;
      best = seconds;
      execution.threads = threads;
    }
    at::set_num_threads(static_cast<int>(execution.threads));
  }

 private:
  using Names = std::vector<std::string>;

  // Modalities by their networks, so that noise sets no equal ones apart.
  std::map<std::string, Names> alike(const Execution& execution) {
    std::map<std::string, Names> result;
    auto& model = experiment_.model();
    for (std::size_t m = 0; m < model.modalities().size(); ++m) {
      const auto& name = model.modalities()[m].name;
      if (!execution.memory_formats.contains(name)) continue;
      result[shapes_of(model.encoder(m))].push_back(name);
    }
    return result;
  }

  double seconds_of(const Names& names) const {
    double sum = 0;
    for (const auto& name : names) sum += timing_.seconds_of(name);
    return sum;
  }

  void set(Execution& execution, const Names& names, const char* format) {
    for (const auto& name : names) execution.memory_formats[name] = format;
    apply(execution, experiment_);
  }

  ExecutionTiming timing_;
  Experiment& experiment_;
};

}  // namespace

Json to_json(const Execution& execution) {
  return {{"threads", execution.threads},
          {"memory_formats", execution.memory_formats}};
}

Execution execution_from(const Json& json) {
  try {
    return {
        json.at("threads").get<std::int64_t>(),
        json.at("memory_formats").get<std::map<std::string, std::string>>()};
  } catch (const Json::exception& error) {
    throw Error(ErrorKind::resume,
                std::string("execution cannot be read: ") + error.what(),
                "expected {\"threads\": N, \"memory_formats\": {...}}");
  }
}

std::string to_text(const Execution& execution) {
  std::string text = std::to_string(execution.threads) + " thread" +
                     (execution.threads == 1 ? "" : "s");
  for (const char* format : {kChannelsLast, kContiguous}) {
    std::string names;
    for (const auto& [name, own] : execution.memory_formats) {
      if (own == format) names += " " + name;
    }
    if (!names.empty()) text += "; " + std::string(format) + ":" + names;
  }
  return text;
}

void apply(const Execution& execution, Experiment& experiment) {
  if (execution.threads > 0) {
    at::set_num_threads(static_cast<int>(execution.threads));
  }
  auto& model = experiment.model();
  for (std::size_t m = 0; m < model.modalities().size(); ++m) {
    const auto found =
        execution.memory_formats.find(model.modalities()[m].name);
    if (found == execution.memory_formats.end()) continue;
    set_memory_format(model.encoder(m), format_from(found->second));
  }
}

Execution choose_execution(Experiment& experiment, const RunContext& context) {
  const auto& run = experiment.config().settings("run");
  const std::string format = run.text("memory_format");
  Execution execution;
  execution.threads = at::get_num_threads();
  auto& model = experiment.model();
  for (std::size_t m = 0; m < model.modalities().size(); ++m) {
    if (!has_convolutions(model.encoder(m))) continue;
    execution.memory_formats[model.modalities()[m].name] =
        format == kMeasured ? kChannelsLast : format;
  }
  apply(execution, experiment);
  const bool opens_format =
      format == kMeasured && !execution.memory_formats.empty();
  const bool opens_threads = run.integer("threads") == 0;
  const bool is_alone = run.integer("devices") == 1;
  if (run.flag("deterministic") || !context.device.is_cpu() || !is_alone ||
      (!opens_format && !opens_threads)) {
    return execution;
  }
  const ExecutionCache cache(experiment, context);
  if (const auto known = cache.read()) {
    execution = execution_from(*known);
    apply(execution, experiment);
    return execution;
  }
  Chooser chooser(experiment, context);
  if (opens_format) chooser.choose_formats(execution);
  if (opens_threads) chooser.choose_threads(execution);
  cache.write(to_json(execution));
  return execution;
}

}  // namespace shalab
