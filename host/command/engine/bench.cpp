#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "command/engine/arguments.h"
#include "command/engine/commands.h"
#include "command/engine/session.h"
#include "run/experiment.h"

namespace shalab {

namespace {

double peak_memory_gib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word == "VmHWM:") {
      double kib = 0;
      status >> kib;
      return kib / 1048576.0;
    }
  }
  return 0.0;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Timing {
  std::vector<double> seconds;  // of each step
  std::map<std::string, double> parts;
  std::int64_t parameters = 0;
};

Timing time_steps(Experiment& experiment, const RunContext& context,
                  std::int64_t warmup, std::int64_t steps) {
  auto options = experiment.train_options();
  options.max_steps = warmup + steps;
  options.epochs = 1 + (warmup + steps) / options.steps_per_epoch();
  options.log_every = warmup + steps;
  auto& stage = experiment.first_stage();
  stage.train();
  Timing timing;
  StepLoop loop(options, stage.parameters(), context,
                stage.parameter_groups());
  timing.parameters = loop.optimiser().num_parameters();
  StepHooks hooks;
  hooks.terms = [&](const at::Tensor& indices, const StepInfo& info,
                    StepClock& clock) {
    const auto batch = experiment.dataset().gather(Split::train, indices);
    clock.lap("data");
    return stage.terms(batch, info);
  };
  auto last = std::chrono::steady_clock::now();
  std::map<std::string, double> before;
  hooks.after_step = [&](std::int64_t done) {
    const auto now = std::chrono::steady_clock::now();
    if (done > warmup) {
      timing.seconds.push_back(
          std::chrono::duration<double>(now - last).count());
    } else {
      before = loop.clock().seconds();
    }
    last = now;
    return false;
  };
  loop.run(hooks);
  for (const auto& [part, seconds] : loop.clock().seconds()) {
    timing.parts[part] = (seconds - before[part]) / static_cast<double>(steps);
  }
  return timing;
}

}  // namespace

int command_bench(const Invocation& invocation) {
  const Arguments arguments(invocation.arguments,
                            {{"--steps", "N"}, {"--warmup", "N"}});
  const auto& file = arguments.only(
      "CONFIG", "shalab bench CONFIG [key=value ...] [--steps N] [--warmup N]");
  Session session(invocation.options);
  const auto config =
      resolve_file(file, arguments.overrides(), session.registry().list());
  auto context = session.context_for(config);
  Experiment experiment(config, session.registry(), context);
  const auto steps = arguments.integer("--steps", 30, 1);
  const auto timing = time_steps(experiment, context,
                                 arguments.integer("--warmup", 5, 1), steps);
  const auto step = median(timing.seconds);
  const auto batch = experiment.train_options().batch_size;
  const auto [low, high] =
      std::minmax_element(timing.seconds.begin(), timing.seconds.end());
  const nlohmann::ordered_json report{
      {"config", file},
      {"device", context.device.str()},
      {"precision", to_string(context.precision)},
      {"threads", at::get_num_threads()},
      {"batch_size", batch},
      {"parameters", timing.parameters},
      {"steps", steps},
      {"step_seconds",
       {{"median", step}, {"minimum", *low}, {"maximum", *high}}},
      {"samples_per_second", static_cast<double>(batch) / step},
      {"part_seconds", timing.parts},
      {"peak_memory_gib", peak_memory_gib()}};
  std::cout << report.dump(2) << '\n';
  return 0;
}

}  // namespace shalab
