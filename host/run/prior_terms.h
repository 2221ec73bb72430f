#pragma once
// One step's loss of a prior that is fitted by steps.

#include "run/step_feed.h"
#include "shalab/dataset.h"
#include "shalab/prior.h"

namespace shalab {

// Gathers the tuples `indices` of resident latents (and of the training split
// where the prior reads data); the step then draws z and asks Prior::loss. All
// three must outlive what is returned.
StepTerms prior_terms(Prior& prior, const LatentSet& latents,
                      const Dataset& dataset, const at::Tensor& indices);

}  // namespace shalab
