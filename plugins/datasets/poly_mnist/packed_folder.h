#pragma once
// The pictures of one folder, packed once.

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <vector>

#include "shalab/services.h"

namespace shalab::poly_mnist {

// uint8 [N, 3, 28, 28]: from CACHE/poly_mnist/KEY.npz where these files (by
// path, size and time) were packed before, else read and packed. A cache that
// is damaged or cannot be written costs time and a warning. Error(data) naming
// a picture that cannot be read or has another size. files is not empty.
at::Tensor packed_folder(const std::vector<std::filesystem::path>& files,
                         const Services& services);

}  // namespace shalab::poly_mnist
