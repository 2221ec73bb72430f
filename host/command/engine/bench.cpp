#include <ATen/Parallel.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/ceilings.h"
#include "bench/time_steps.h"
#include "command/engine/arguments.h"
#include "command/engine/commands.h"
#include "command/engine/session.h"
#include "run/execution.h"

namespace shalab {

namespace {

constexpr const char* kBenchUsage =
    "shalab bench CONFIG [key=value ...] [--stage NAME] [--steps N] "
    "[--warmup N] [--top N]";

using Json = nlohmann::ordered_json;

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

// Of the steps' time: how long the loop stood still for its data.
double data_share(const Timing& timing) {
  double sum = 0.0;
  for (const auto& [part, seconds] : timing.part_seconds) sum += seconds;
  return timing.part_seconds.at("data") / sum;
}

// The `count` operators that take longest, and how their time compares with
// all of a profiled step.
Json operators_json(const Timing& timing, std::int64_t count) {
  std::vector<std::pair<std::string, OpCost>> all(timing.operators.begin(),
                                                  timing.operators.end());
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.second.seconds > b.second.seconds;
  });
  Json rows = Json::array();
  for (const auto& [name, cost] : all) {
    if (static_cast<std::int64_t>(rows.size()) == count) break;
    rows.push_back({{"name", name},
                    {"calls", static_cast<double>(cost.calls) /
                                  static_cast<double>(timing.profiled)},
                    {"seconds", cost.seconds},
                    {"share", cost.seconds / timing.profiled_seconds}});
  }
  return rows;
}

Json ceilings_json(const Ceilings& ceilings) {
  return {{"gemm_gflops", ceilings.gemm_gflops},
          {"convolution_gflops", ceilings.convolution_gflops},
          {"copy_gb_per_second", ceilings.copy_gb_per_second}};
}

Json step_json(const Timing& timing) {
  const auto [low, high] =
      std::minmax_element(timing.seconds.begin(), timing.seconds.end());
  return {{"median", median(timing.seconds)},
          {"minimum", *low},
          {"maximum", *high}};
}

void add_rates(Json& report, const Timing& timing, const Ceilings& ceilings) {
  const auto sum = total(timing.operators);
  const double step = median(timing.seconds);
  const double gflops = 1e-9 * sum.flop / step;
  report["operators_per_step"] =
      static_cast<double>(sum.calls) / static_cast<double>(timing.profiled);
  if (timing.kernels > 0) report["kernels_per_step"] = timing.kernels;
  report["outside_operators_share"] =
      1.0 - sum.seconds / timing.profiled_seconds;
  report["gflop_per_step"] = 1e-9 * sum.flop;
  report["achieved_gflops"] = gflops;
  report["achieved_gb_per_second"] = 1e-9 * sum.bytes / step;
  report["ceilings"] = ceilings_json(ceilings);
  report["share_of_ceiling"] =
      gflops / std::max(ceilings.convolution_gflops, ceilings.gemm_gflops);
}

}  // namespace

int command_bench(const Invocation& invocation) {
  const Arguments arguments(invocation.arguments, {{"--stage", "NAME"},
                                                   {"--steps", "N"},
                                                   {"--warmup", "N"},
                                                   {"--top", "N"}});
  const auto& file = arguments.only("CONFIG", kBenchUsage);
  Session session(invocation.options);
  const auto config =
      resolve_file(file, arguments.overrides(), session.registry().list());
  auto context = session.context_for(config);
  Experiment experiment(config, session.registry(), context);
  TimingOptions options;
  options.stage = arguments.text("--stage", options.stage);
  options.steps = arguments.integer("--steps", options.steps, 1);
  options.warmup = arguments.integer("--warmup", options.warmup, 1);
  const auto execution = choose_execution(experiment, context);
  const auto timing = time_steps(experiment, context, options);
  const auto batch = static_cast<double>(timing.batch_size);
  Json report{{"config", file},
              {"stage", options.stage},
              {"device", context.device.str()},
              {"precision", to_string(context.precision)},
              {"threads", at::get_num_threads()},
              {"memory_formats", execution.memory_formats},
              {"batch_size", timing.batch_size},
              {"parameters", timing.parameters},
              {"steps", options.steps},
              {"step_seconds", step_json(timing)},
              {"samples_per_second", batch / median(timing.seconds)},
              {"part_seconds", timing.part_seconds},
              {"data_share", data_share(timing)}};
  report["peak_memory_gib"] = peak_memory_gib();
  add_rates(report, timing,
            measure_ceilings(context.device, context.precision));
  report["operators"] =
      operators_json(timing, arguments.integer("--top", 10, 0));
  std::cout << report.dump(2) << '\n';
  return 0;
}

}  // namespace shalab
