#pragma once
// Which image meets which recording, and who is heard in which split.

#include <ATen/core/Tensor.h>

#include <array>
#include <string>
#include <vector>

#include "recordings.h"
#include "shalab/dataset.h"
#include "shalab/fields.h"

namespace shalab::spoken_digits {

inline constexpr std::int64_t kClasses = 10;

// Declares `split`, `validation_speakers` and `test_speakers`.
void declare_split_fields(FieldList& fields);

// The rows of `recordings` by digit.
using Repertoire = std::array<std::vector<std::int64_t>, kClasses>;

// By Split; no recording is in two of them. Of split = take, takes 0-4 are the
// test split (as FSDD's authors have it), 5-9 validation and the rest training;
// of split = speaker, whole speakers. Error(usage) on a speaker that is not
// there or is named twice.
std::array<Repertoire, 3> divide(const std::vector<Recording>& recordings,
                                 const Settings& settings);

// For each label a recording of that digit, int64 [N]: in rounds, so that no
// recording is used again before all of its digit were; the order of a round
// is uniform. What the first n labels get depends on them alone. Randomness:
// streams of (seed, purpose and digit). Error(data) naming `split` where a
// digit has no recording.
at::Tensor partners(const at::Tensor& labels, const Repertoire& repertoire,
                    std::uint64_t seed, Split split);

}  // namespace shalab::spoken_digits
