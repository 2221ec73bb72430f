#pragma once
// One WAV file in memory, through libsndfile.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace shalab::spoken_digits {

// The samples of one channel at `rate` Hz, double [n] in [-1, 1], n >= 1.
// Error(data) that names `origin`: no WAV, truncated, damaged, several
// channels, another rate, no sample, a sample that is not finite.
at::Tensor decode_wav(const std::string& origin, const std::string& bytes,
                      std::int64_t rate);

}  // namespace shalab::spoken_digits
