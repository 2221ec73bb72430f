#pragma once
// Latents from a source, and samples from latents.

#include <functional>
#include <vector>

#include "model/multimodal_model.h"
#include "run/codes.h"
#include "run/context.h"
#include "run/latent_source.h"
#include "run/latents.h"
#include "shalab/dataset.h"
#include "shalab/judge.h"
#include "shalab/metric.h"

namespace shalab {

// What generation needs of an experiment. Lent for one call.
struct GenerationView {
  MultimodalModel& model;
  const Dataset& dataset;
  const RunContext& context;
  const JudgeBank& judges;
  std::int64_t batch_size = 1000;
};

// Decoded samples from each modality's codes (codes.h): images clamped to
// [0, 1] and rounded to 8 bits (what a PNG would hold), tokens int64, vectors
// as they are.
std::vector<at::Tensor> decode_samples(const GenerationView& view,
                                       const std::vector<at::Tensor>& codes);

// bool [rows, M] on the run's device: `subset` in every row.
at::Tensor presence_of(const GenerationView& view, ModalitySubset subset,
                       std::int64_t rows);

// The tuples of `batch` in which all of `subset` are present.
Batch tuples_with(const Batch& batch, ModalitySubset subset);

// A condition on the tuples `batch`, of which the source may see `subset`.
Condition make_condition(const GenerationView& view, const Batch& batch,
                         const std::vector<Features>& features,
                         ModalitySubset subset);

struct TaskCost {
  std::int64_t nfe = 0;  // per sample: the source's evaluations + one decode
  double seconds = 0.0;  // drawing and decoding, not judging
};

// Runs one task and hands each batch to `observe`. Randomness: a generator of
// the purpose "<purpose>/<source>/<route>/<subset>", the source of an aggregate
// task being the posterior. A conditional task leaves out tuples that lack one
// of its source modalities. Private latents of seen modalities come from
// q(w_m | x_m) (its mean for a reconstruction), others from p(w). Errors:
// Error(usage) when the source cannot serve the task (serves_task says so
// before); Stopped between two batches where a stop is asked for.
TaskCost run_task(const GenerationView& view, const LatentSource& source,
                  const GenerationTask& task, Split split,
                  const std::string& purpose,
                  const std::function<void(const Generated&)>& observe);

// Can `source` do `task`? joint: any prior; conditional: a conditional prior,
// or the posterior of a subset that the fusion serves; reconstruction: the
// posterior; importance: it too, where the training prior is normalised;
// aggregate: every source.
bool serves_task(const MultimodalModel& model, const LatentSource& source,
                 const GenerationTask& task);

}  // namespace shalab
