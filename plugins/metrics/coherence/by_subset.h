#pragma once
// Protocol multivae (MultiVae's CoherenceEvaluator): every proper subset as a
// source, the modalities outside it as targets, class-averaged accuracies.

#include <memory>
#include <vector>

#include "protocol.h"

namespace shalab {

// Rows of conditional_coherence: source S and target t not in S, the mean over
// classes of the share that the judge finds right; mean over t (target "");
// mean over all S of one size (source "one", "two", ...; spread from the
// tuples' averages, since draws of one tuple are not independent). `sizes`:
// sizes of S to measure, each in 1 .. M - 1; empty = all.
std::unique_ptr<CoherenceProtocol> coherence_by_subset(
    MetricContext context, std::vector<std::size_t> sizes);

}  // namespace shalab
