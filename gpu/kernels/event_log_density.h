#pragma once
// Launchers of the densities of events; see arithmetic/event_log_density.h.

#include <cuda_runtime_api.h>

#include <cstdint>

#include "arithmetic/event_log_density.h"

namespace shalab::gpu {

// On the device, contiguous, fp32: parameters [rows, event], x [x_rows, event].
// Row i is compared with row i modulo x_rows. rows, x_rows and event are > 0.
struct EventRows {
  EventFamily family;
  std::int64_t rows;
  std::int64_t x_rows;
  std::int64_t event;
  DensityAffine affine;
  const float* parameters;
  const float* x;
};

// density [rows]. partial: rows * pieces_of(rows, event).count numbers of
// scratch, null where the count is 1.
cudaError_t launch_event_log_density(const EventRows& events, float* partial,
                                     float* density, cudaStream_t stream);

// slope * factor * gradient by row: slopes [rows, event] from gradient [rows].
cudaError_t launch_event_log_density_slope(const EventRows& events,
                                           const float* gradient, float* slopes,
                                           cudaStream_t stream);

}  // namespace shalab::gpu
