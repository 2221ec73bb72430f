#pragma once
// One step's loss of a prior that is fitted by steps.

#include "run/step_clock.h"
#include "shalab/dataset.h"
#include "shalab/objective.h"
#include "shalab/prior.h"

namespace shalab {

// Gathers the tuples `indices` of resident latents (and of the training split
// where the prior reads data) and hands them to Prior::loss. Laps "data".
Terms prior_terms(Prior& prior, const LatentSet& latents,
                  const Dataset& dataset, const at::Tensor& indices,
                  const StepInfo& info, StepClock& clock);

}  // namespace shalab
