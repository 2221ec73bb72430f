#include "kernels/block_sum.cuh"
#include "kernels/event_log_density.h"
#include "kernels/vectors.cuh"

namespace shalab::gpu {

namespace {

using Four = Pack<float, kDensityPlaces>;

// The piece of a row that a block works on, in elements.
struct Place {
  std::int64_t row;
  std::int64_t begin;
  std::int64_t end;
};

__device__ Place place_of_block(const EventRows& events, RowPieces pieces) {
  const auto count = static_cast<unsigned>(pieces.count);
  const std::int64_t begin = (blockIdx.x % count) * pieces.size;
  const std::int64_t end = begin + pieces.size;
  return {blockIdx.x / count, begin, end < events.event ? end : events.event};
}

template <EventFamily family, bool is_aligned>
__global__ void __launch_bounds__(kDensityThreads)
    sum_terms(EventRows events, RowPieces pieces, float* totals) {
  const Place place = place_of_block(events, pieces);
  const float* m = events.parameters + place.row * events.event;
  const float* x = events.x + place.row % events.x_rows * events.event;
  float sums[kDensityPlaces] = {};
  for (std::int64_t i = place.begin + threadIdx.x * kDensityPlaces;
       i < place.end; i += kDensityStride) {
    const Four ms = load<is_aligned, Four>(m, i, place.end);
    const Four xs = load<is_aligned, Four>(x, i, place.end);
#pragma unroll
    for (int k = 0; k < kDensityPlaces; ++k) {
      if (is_aligned || i + k < place.end) {
        sums[k] = plus(sums[k],
                       EventDensity<family>::term(ms.values[k], xs.values[k]));
      }
    }
  }
  const float total = sum_of_block<kDensityThreads>(
      plus(plus(sums[0], sums[1]), plus(sums[2], sums[3])));
  if (threadIdx.x == 0) {
    totals[blockIdx.x] =
        pieces.count == 1 ? finished<family>(total, events.affine) : total;
  }
}

template <EventFamily family>
__global__ void sum_pieces(const float* partial, std::int64_t rows,
                           std::int64_t count, DensityAffine affine,
                           float* density) {
  const std::int64_t row = blockIdx.x * std::int64_t{blockDim.x} + threadIdx.x;
  if (row >= rows) return;
  float sum = partial[row * count];
  for (std::int64_t piece = 1; piece < count; ++piece) {
    sum = plus(sum, partial[row * count + piece]);
  }
  density[row] = finished<family>(sum, affine);
}

template <EventFamily family, bool is_aligned>
__global__ void __launch_bounds__(kDensityThreads)
    write_slopes(EventRows events, RowPieces pieces, const float* gradient,
                 float* slopes) {
  const Place place = place_of_block(events, pieces);
  const float* m = events.parameters + place.row * events.event;
  const float* x = events.x + place.row % events.x_rows * events.event;
  float* to = slopes + place.row * events.event;
  const float factor = times(gradient[place.row], events.affine.factor);
  for (std::int64_t i = place.begin + threadIdx.x * kDensityPlaces;
       i < place.end; i += kDensityStride) {
    const Four ms = load<is_aligned, Four>(m, i, place.end);
    const Four xs = load<is_aligned, Four>(x, i, place.end);
    Four result;
#pragma unroll
    for (int k = 0; k < kDensityPlaces; ++k) {
      result.values[k] = times(
          EventDensity<family>::slope(ms.values[k], xs.values[k]), factor);
    }
    store<is_aligned>(to, i, place.end, result);
  }
}

template <EventFamily family>
cudaError_t launch_sums(const EventRows& events, float* partial, float* density,
                        cudaStream_t stream) {
  const RowPieces pieces = pieces_of(events.rows, events.event);
  const auto blocks = static_cast<unsigned>(events.rows * pieces.count);
  float* totals = pieces.count == 1 ? density : partial;
  if (events.event % kDensityPlaces == 0 &&
      are_aligned<Four>(events.parameters, events.x)) {
    sum_terms<family, true>
        <<<blocks, kDensityThreads, 0, stream>>>(events, pieces, totals);
  } else {
    sum_terms<family, false>
        <<<blocks, kDensityThreads, 0, stream>>>(events, pieces, totals);
  }
  if (pieces.count > 1) {
    sum_pieces<family><<<blocks_for(events.rows, kDensityThreads),
                         kDensityThreads, 0, stream>>>(
        partial, events.rows, pieces.count, events.affine, density);
  }
  return cudaGetLastError();
}

template <EventFamily family>
cudaError_t launch_slopes(const EventRows& events, const float* gradient,
                          float* slopes, cudaStream_t stream) {
  const RowPieces pieces = pieces_of(events.rows, events.event);
  const auto blocks = static_cast<unsigned>(events.rows * pieces.count);
  if (events.event % kDensityPlaces == 0 &&
      are_aligned<Four>(events.parameters, events.x, slopes)) {
    write_slopes<family, true><<<blocks, kDensityThreads, 0, stream>>>(
        events, pieces, gradient, slopes);
  } else {
    write_slopes<family, false><<<blocks, kDensityThreads, 0, stream>>>(
        events, pieces, gradient, slopes);
  }
  return cudaGetLastError();
}

}  // namespace

cudaError_t launch_event_log_density(const EventRows& events, float* partial,
                                     float* density, cudaStream_t stream) {
  switch (events.family) {
    case EventFamily::normal:
      return launch_sums<EventFamily::normal>(events, partial, density, stream);
    case EventFamily::laplace:
      return launch_sums<EventFamily::laplace>(events, partial, density,
                                               stream);
    case EventFamily::bernoulli:
      return launch_sums<EventFamily::bernoulli>(events, partial, density,
                                                 stream);
  }
  return cudaErrorInvalidValue;
}

cudaError_t launch_event_log_density_slope(const EventRows& events,
                                           const float* gradient, float* slopes,
                                           cudaStream_t stream) {
  switch (events.family) {
    case EventFamily::normal:
      return launch_slopes<EventFamily::normal>(events, gradient, slopes,
                                                stream);
    case EventFamily::laplace:
      return launch_slopes<EventFamily::laplace>(events, gradient, slopes,
                                                 stream);
    case EventFamily::bernoulli:
      return launch_slopes<EventFamily::bernoulli>(events, gradient, slopes,
                                                   stream);
  }
  return cudaErrorInvalidValue;
}

}  // namespace shalab::gpu
