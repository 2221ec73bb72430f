#pragma once
// Metric plugin: turns generated samples into measurements.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shalab/batch.h"
#include "shalab/dataset.h"
#include "shalab/fields.h"
#include "shalab/judge.h"
#include "shalab/measurement.h"
#include "shalab/modality.h"
#include "shalab/plugin.h"
#include "shalab/services.h"

namespace shalab {

// How samples come about. The host generates each task once for all metrics
// that ask for it.
//   joint:          z from the latent source; all modalities from one z
//   conditional:    z given x_S: one draw per tuple of the split
//   reconstruction: z = mean of q(z | X), all modalities in and out
//   importance:     log_weights [K, B] of q(z | X), for marginal likelihoods
//   aggregate:      one draw of q(z | X) per tuple, nothing decoded: what the
//                   draws of a prior are held against
// joint and conditional are asked of every latent source of `evaluate`;
// reconstruction and importance once, of the posterior. aggregate is asked
// beside every source, and gives the same draws each time.
struct GenerationTask {
  enum class Route {
    joint,
    conditional,
    reconstruction,
    importance,
    aggregate
  };
  Route route = Route::joint;
  ModalitySubset source;         // conditional: S; otherwise empty
  std::int64_t num_samples = 0;  // joint: draws; others: tuples of the split
  std::int64_t num_importance_samples = 0;  // importance: K

  auto operator<=>(const GenerationTask&) const = default;
};

// One batch of a task.
struct Generated {
  const GenerationTask* task = nullptr;
  at::Tensor latents;                 // [B, D]
  std::vector<at::Tensor> samples;    // by modality, like Batch::data: decoded
                                      // means, images clamped to [0, 1];
                                      // empty for importance and aggregate
  std::vector<Judgement> judgements;  // of `samples`, by modality; empty
                                      // without judges
  Batch truth;                        // the tuples x; empty for joint
  at::Tensor log_weights;             // importance: [K, B]
};

struct MetricContext {
  std::vector<ModalitySpec> modalities;
  const Dataset* dataset = nullptr;  // reference data, of `split` only
  Split split = Split::test;
  std::int64_t max_samples = 0;  // of joint draws and of tuples
  JudgeBank judges;
  Services services;
  // Where finish() may leave pictures and arrays, the instance's own; made by
  // who writes first. What lies there then is recorded as artifacts of the
  // run. Empty: nothing is kept.
  std::filesystem::path folder;
};

// One instance measures one latent source: tasks(), then observe() for each
// batch of each task in order, then finish(). The result does not depend on
// batch sizes.
class Metric {
 public:
  virtual ~Metric();
  // What must be generated. Error(usage/data) when the metric cannot work here
  // (no judges, no such modality), with the cure.
  virtual std::vector<GenerationTask> tasks() = 0;
  virtual void observe(const Generated& generated) = 0;
  // Fills name .. fingerprint of each measurement. Error(run) when nothing was
  // observed.
  virtual std::vector<Measurement> finish() = 0;
};

using Factory_metric = std::function<std::unique_ptr<Metric>(
    const Settings&, const MetricContext&)>;

}  // namespace shalab
