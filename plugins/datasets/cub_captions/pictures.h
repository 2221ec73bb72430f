#pragma once
// Pictures of any size as one tensor of 64 x 64.

#include <ATen/core/Tensor.h>

#include "layout.h"
#include "shalab/services.h"

namespace shalab::cub_captions {

inline constexpr std::int64_t kSide = 64;
inline constexpr std::int64_t kChannels = 3;

// uint8 [N, 3, 64, 64]: each picture resized as a whole, its aspect not kept,
// bilinear as Pillow does it. Decoded once: the result
// is kept in the cache folder under the names, sizes and times of the files,
// and made again when one of them changes or the kept file is damaged. A cache
// that cannot be written costs a warning. Error(data) names a picture that
// cannot be decoded.
at::Tensor read_pictures(const std::vector<Picture>& pictures,
                         const Services& services);

}  // namespace shalab::cub_captions
