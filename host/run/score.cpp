#include "run/score.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "run/sample_files.h"
#include "shalab/error.h"

namespace shalab {

namespace {

using Route = GenerationTask::Route;

constexpr std::int64_t kSamplesAtOnce = 500;

struct Sides {
  const SampleFiles& real;
  const SampleFiles& generated;

  std::string description() const {
    return real.description() + "; " + generated.description();
  }
};

[[noreturn]] void refuse(const std::string& message, const Sides& sides) {
  throw Error(ErrorKind::usage, message,
              sides.description() +
                  ". Arrays [N, F] are features; pictures are a folder, or "
                  "arrays [N, H, W], [N, C, H, W], [N, H, W, C] of u8 or of "
                  "reals in [0, 1]. Keys of the metric: metric.KEY=VALUE");
}

std::vector<GenerationTask> tasks_of(Metric& metric, const Sides& sides) {
  std::vector<GenerationTask> tasks;
  try {
    tasks = metric.tasks();
  } catch (const Error& error) {
    refuse("not on these files: " + error.message(), sides);
  }
  std::erase_if(tasks, [](const GenerationTask& task) {
    return task.route == Route::conditional;
  });
  const bool samples_suffice =
      std::ranges::all_of(tasks, [](const GenerationTask& task) {
        return task.route == Route::joint ||
               task.route == Route::reconstruction;
      });
  if (samples_suffice && !tasks.empty()) return tasks;
  throw Error(ErrorKind::usage,
              "this metric needs a model's latents, not only samples",
              "measure a run with shalab evaluate");
}

void require_pairs(const Sides& sides) {
  const auto kind = sides.real.spec().kind;
  if (kind != sides.generated.spec().kind) {
    refuse("one side holds " + to_string(kind) + ", the other " +
               to_string(sides.generated.spec().kind),
           sides);
  }
  if (sides.real.spec().shape != sides.generated.spec().shape) {
    refuse("both of a pair need one shape", sides);
  }
  const std::int64_t real = sides.real.size(Split::test);
  const std::int64_t generated = sides.generated.size(Split::test);
  if (real != generated) {
    refuse("this metric compares pairs: there are " + std::to_string(real) +
               " real and " + std::to_string(generated) + " generated samples",
           sides);
  }
}

void require_sets(const Sides& sides) {
  const ModalitySpec& real = sides.real.spec();
  const ModalitySpec& generated = sides.generated.spec();
  if (real.kind != generated.kind ||
      (real.kind == ModalityKind::vector && real.shape != generated.shape)) {
    refuse("both sides need features of one extractor, or pictures", sides);
  }
  for (const SampleFiles* side : {&sides.real, &sides.generated}) {
    if (side->size(Split::test) > 1) continue;
    refuse("one sample on a side: this metric needs at least 2 on both", sides);
  }
}

void observe(Metric& metric, const GenerationTask& task, const Sides& sides) {
  const bool pairs = task.route == Route::reconstruction;
  if (pairs) {
    require_pairs(sides);
  } else {
    require_sets(sides);
  }
  const std::int64_t count = sides.generated.size(Split::test);
  for (std::int64_t first = 0; first < count; first += kSamplesAtOnce) {
    const at::Tensor indices =
        at::arange(first, std::min(count, first + kSamplesAtOnce), at::kLong);
    Generated generated;
    generated.task = &task;
    generated.samples = sides.generated.gather(Split::test, indices).data;
    if (pairs) generated.truth = sides.real.gather(Split::test, indices);
    metric.observe(generated);
  }
}

std::vector<Measurement> finish(Metric& metric) {
  std::vector<Measurement> rows;
  std::set<std::string> seen;
  for (Measurement& row : metric.finish()) {
    if (!seen.insert(row.name).second) continue;
    if (!std::isfinite(row.value)) {
      throw Error(ErrorKind::data, row.name + " is not finite",
                  "look for extreme values in the files");
    }
    row.source_subset.clear();
    row.target_modality.clear();
    row.split.clear();
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

std::vector<Measurement> score(
    const std::function<std::unique_ptr<Metric>(const MetricContext&)>& make,
    const std::filesystem::path& real, const std::filesystem::path& generated,
    const Services& services) {
  const SampleFiles real_files(real), generated_files(generated);
  const Sides sides{real_files, generated_files};
  const at::NoGradGuard no_grad;
  MetricContext context;
  context.modalities = real_files.modalities();
  context.dataset = &real_files;
  context.services = services;
  const auto metric = make(context);
  for (const GenerationTask& task : tasks_of(*metric, sides)) {
    observe(*metric, task, sides);
  }
  return finish(*metric);
}

}  // namespace shalab
