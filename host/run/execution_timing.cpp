#include "run/execution_timing.h"

#include <ATen/Version.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/files.h"
#include "config/canonical.h"
#include "model/tensors_of.h"
#include "run/latents.h"
#include "shalab/digest.h"
#include "shalab/error.h"

namespace shalab {

namespace {

constexpr int kPasses = 4;
constexpr double kLongPass = 1.0;  // seconds

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

std::string processor_name() {
  std::ifstream stream("/proc/cpuinfo");
  std::string line;
  while (std::getline(stream, line)) {
    if (line.rfind("model name", 0) == 0) return line;
  }
  return "";
}

}  // namespace

ExecutionTiming::ExecutionTiming(Experiment& experiment,
                                 const RunContext& context)
    : experiment_(experiment), context_(context) {
  const auto count = std::min(experiment.train_options().batch_size,
                              experiment.dataset().size(Split::train));
  batch_ = experiment.dataset().gather(Split::train,
                                       index_range(0, count, context.device));
  weights_ = cloned(tensors_of(experiment.first_stage(), ""));
  experiment.first_stage().train();
}

ExecutionTiming::~ExecutionTiming() {
  load_tensors(experiment_.first_stage(), weights_, "");
  for (auto& parameter : experiment_.first_stage().parameters()) {
    parameter.mutable_grad().reset();
  }
}

void ExecutionTiming::pass(std::size_t m) const {
  auto& encoder = experiment_.model().encoder(m);
  const AutocastScope autocast(context_.precision, context_.device);
  const auto features = encoder.encode(batch_.data[m]);
  const auto code = at::ones({batch_.size(), encoder.context().code});
  auto loss = encoder.decode(code).log_prob(batch_.data[m]).sum() +
              features.shared.sum();
  if (features.private_.defined()) loss = loss + features.private_.sum();
  loss.backward();
  for (auto& parameter : encoder.parameters()) {
    parameter.mutable_grad().reset();
  }
}

double ExecutionTiming::seconds_of(std::size_t m) const {
  double least = seconds([&] { pass(m); });
  for (int i = 1; i < kPasses && least < kLongPass; ++i) {
    least = std::min(least, seconds([&] { pass(m); }));
  }
  return least;
}

double ExecutionTiming::seconds_of(const std::string& modality) const {
  return seconds_of(modality_index(experiment_.model().modalities(), modality,
                                   "run.memory_format"));
}

double ExecutionTiming::seconds_of_all() const {
  double sum = 0;
  for (std::size_t m = 0; m < batch_.data.size(); ++m) sum += seconds_of(m);
  return sum;
}

ExecutionCache::ExecutionCache(const Experiment& experiment,
                               const RunContext& context)
    : context_(context) {
  Digest64 digest;
  const auto hashes = section_hashes(experiment.config());
  for (const auto& [section, hash] : hashes) {
    for (const char* part : {"dataset", "latent", "encoder"}) {
      if (section.rfind(part, 0) == 0) digest.add(section).add(hash);
    }
  }
  const auto& run = experiment.config().settings("run");
  digest.add(std::to_string(experiment.train_options().batch_size))
      .add(run.text("precision"))
      .add(run.text("memory_format"))
      .add(std::to_string(run.integer("threads")))
      .add(std::to_string(std::thread::hardware_concurrency()))
      .add(at::get_cpu_capability())
      .add(processor_name());
  file_ =
      context.services.cache_folder / "execution" / (digest.hex() + ".json");
}

std::optional<nlohmann::json> ExecutionCache::read() const {
  std::ifstream stream(file_);
  const auto json = nlohmann::json::parse(stream, nullptr, false);
  if (!stream || json.is_discarded()) return std::nullopt;
  return json;
}

void ExecutionCache::write(const nlohmann::json& choice) const {
  try {
    std::filesystem::create_directories(file_.parent_path());
    write_file_atomically(file_, choice.dump(2) + "\n");
  } catch (const std::exception& error) {
    context_.services.logger->warn(
        std::string(
            "the measured choice of threads and formats is not kept: ") +
        error.what());
  }
}

}  // namespace shalab
