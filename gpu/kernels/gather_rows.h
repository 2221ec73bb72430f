#pragma once
// Launcher of the gather of byte rows; see arithmetic/gather_rows.h.

#include <cuda_runtime_api.h>

#include <cstdint>

namespace shalab::gpu {

// On the device, contiguous: rows uint8 [num_rows, size], indices [count].
// count and size are > 0.
struct RowChoice {
  const std::uint8_t* rows;
  std::int64_t num_rows;
  std::int64_t size;
  const std::int64_t* indices;
  std::int64_t count;
};

// gathered [count, size] = rows[indices] / 255. An index outside [0, num_rows)
// traps: the process can use the device no more.
cudaError_t launch_gather_rows(const RowChoice& choice, float* gathered,
                               cudaStream_t stream);

}  // namespace shalab::gpu
