#pragma once
// The pixels of all views.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "folders.h"
#include "shalab/services.h"

namespace shalab {

// By view: uint8 [N, 3, H, W], objects in the order of ViewFolders.
using Pictures = std::vector<at::Tensor>;

// Transparent pictures over white, then (size > 0) resized to size x size by
// bicubic interpolation with antialiasing, as SyncDreamer does with Pillow.
// Error(data) names a file that is unreadable,
// not square where size > 0, or (size = 0) not of the first picture's size.
Pictures read_pictures(const ViewFolders& folders, std::int64_t size,
                       const Services& services);

// Of the pixels alone.
std::string digest_of(const Pictures& pictures);

}  // namespace shalab
