#include "run/evaluate.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "shalab/error.h"
#include "shalab/nn/measuring.h"

namespace shalab {

namespace {

struct Watcher {
  std::unique_ptr<Metric> metric;
  std::vector<GenerationTask> tasks;
  std::string mark;
  std::filesystem::path folder;
};

MetricContext metric_context(const GenerationView& view,
                             const EvaluationOptions& options,
                             const std::filesystem::path& folder) {
  MetricContext context;
  context.modalities = view.model.modalities();
  context.dataset = &view.dataset;
  context.split = options.split;
  context.max_samples = options.max_samples;
  context.judges = view.judges;
  context.services = view.context.services;
  context.folder = folder;
  return context;
}

std::vector<Watcher> watchers_of(const GenerationView& view,
                                 const LatentSource& source,
                                 const std::vector<MetricMaker>& metrics,
                                 const EvaluationOptions& options) {
  std::vector<Watcher> result;
  for (const auto& maker : metrics) {
    const auto folder = options.folder.empty()
                            ? options.folder
                            : options.folder / maker.name / source.name;
    Watcher watcher{maker.make(metric_context(view, options, folder)),
                    {},
                    maker.mark,
                    folder};
    for (auto& task : watcher.metric->tasks()) {
      if (serves_task(view.model, source, task)) {
        watcher.tasks.push_back(task);
      }
    }
    if (!watcher.tasks.empty()) {
      result.push_back(std::move(watcher));
    }
  }
  return result;
}

using Costs = std::map<GenerationTask, TaskCost>;

Costs run_tasks(const GenerationView& view, const LatentSource& source,
                std::vector<Watcher>& watchers,
                const EvaluationOptions& options) {
  std::map<GenerationTask, std::vector<Watcher*>> wanted;
  for (auto& watcher : watchers) {
    for (const auto& task : watcher.tasks) {
      wanted[task].push_back(&watcher);
    }
  }
  Costs costs;
  for (const auto& [task, interested] : wanted) {
    const auto observe = [&interested = interested](const Generated& batch) {
      for (auto* watcher : interested) {
        watcher->metric->observe(batch);
      }
    };
    costs[task] =
        run_task(view, source, task, options.split, options.purpose, observe);
  }
  return costs;
}

// Does `task` stand behind a measurement whose source is `source`: the task's
// own source, or a mean over all sources of its size?
bool stands_behind(const GenerationTask& task, const std::string& source,
                   const std::vector<ModalitySpec>& modalities) {
  if (task.route != GenerationTask::Route::conditional) return source.empty();
  return source == task.source.text(modalities) ||
         source == sources_of_size(task.source.size());
}

void stamp(Measurement& row, const GenerationView& view,
           const LatentSource& source, const Watcher& watcher,
           const Costs& costs) {
  bool is_draw = !row.source_subset.empty();
  for (const auto& task : watcher.tasks) {
    if (stands_behind(task, row.source_subset, view.model.modalities())) {
      is_draw = is_draw || task.route == GenerationTask::Route::aggregate;
      row.nfe = std::max(row.nfe, costs.at(task).nfe);
      row.seconds += costs.at(task).seconds;
    }
  }
  const bool conditional = !row.source_subset.empty();
  row.latent_source = source.name;
  if (!watcher.mark.empty()) {
    row.fingerprint += (row.fingerprint.empty() ? "" : " ") + watcher.mark;
  }
  row.generation = source.is_posterior()
                       ? (is_draw ? "draw" : "mean")
                       : source.prior->generation(conditional);
}

void record_files(const GenerationView& view, const Watcher& watcher) {
  if (watcher.folder.empty() || !std::filesystem::exists(watcher.folder)) {
    return;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(watcher.folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) view.context.sink->artifact("metric", file);
}

}  // namespace

std::vector<Measurement> evaluate(const GenerationView& view,
                                  const std::vector<LatentSource>& sources,
                                  const std::vector<MetricMaker>& metrics,
                                  const EvaluationOptions& options) {
  std::vector<Measurement> result;
  for (const auto& source : sources) {
    auto watchers = watchers_of(view, source, metrics, options);
    const auto costs = run_tasks(view, source, watchers, options);
    for (auto& watcher : watchers) {
      for (auto& row : watcher.metric->finish()) {
        stamp(row, view, source, watcher, costs);
        if (!std::isfinite(row.value)) {
          throw Error(ErrorKind::run,
                      "metric value '" + row.name +
                          "' is not finite for source " + source.name,
                      "look at the samples: shalab sample");
        }
        result.push_back(std::move(row));
      }
      record_files(view, watcher);
    }
  }
  return result;
}

}  // namespace shalab
