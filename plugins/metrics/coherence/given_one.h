#pragma once
// Protocol mmvaeplus (methods 9.4): one source modality, one draw per tuple,
// the other modalities as targets, shares of tuples.

#include <map>
#include <memory>

#include "protocol.h"

namespace shalab {

// Rows of conditional_coherence: source s and target t; mean over t (target
// ""); mean over all s (source "one"). With `include_self`, self_coherence and
// conditional_coherence_with_self beside them.
std::unique_ptr<CoherenceProtocol> coherence_given_one(MetricContext context,
                                                       bool include_self);

}  // namespace shalab
