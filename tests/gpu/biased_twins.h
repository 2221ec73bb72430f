#pragma once
// The kernels of biased leaky ReLUs on a CPU: every thread of every block in
// turn, sums in the kernels' order.

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "arithmetic/biased_leaky_relu.h"

namespace shalab::gpu_tests {

// What the threads of one block leave in memory that they share, added and
// written to the block's row of `to`.
template <int size, typename Result>
void write_block_sums(const gpu::ChannelGrid& grid, std::int64_t block,
                      const std::vector<float>& sums, Result* to) {
  std::vector<float> shared(gpu::kChannelThreads * size, NAN);
  const gpu::SumTable<size> table{shared.data()};
  for (int thread = 0; thread < gpu::kChannelThreads; ++thread) {
    table.keep(thread, sums.data() + thread * size);
  }
  for (int offset = table.first_offset(grid); offset > 0; offset /= 2) {
    for (int thread = 0; thread < gpu::kChannelThreads; ++thread) {
      table.fold(grid, thread, offset);
    }
  }
  for (int thread = 0; thread < gpu::kChannelThreads; ++thread) {
    table.write(grid, block, thread, to);
  }
}

// For x [B, C, H, W] channels last, or [N, C], in packs of `size` channels.
template <typename Element, int size>
struct BiasedTwin {
  using Form = gpu::BiasedLeakyRelu<Element, size>;

  gpu::ChannelGrid grid;
  float slope;

  static BiasedTwin of(const at::Tensor& x, double slope) {
    const std::int64_t channels = x.size(1);
    return {gpu::channel_grid(x.numel() / channels, channels, size),
            static_cast<float>(slope)};
  }

  at::Tensor activated(const at::Tensor& x, const at::Tensor& bias) const {
    const at::Tensor result = at::empty_like(x).fill_(NAN);
    for (std::int64_t block = 0; block < grid.blocks(); ++block) {
      for (int thread = 0; thread < gpu::kChannelThreads; ++thread) {
        Form::forward(grid, gpu::share_of(grid, block, thread),
                      x.const_data_ptr<Element>(),
                      bias.const_data_ptr<Element>(), slope,
                      result.mutable_data_ptr<Element>());
      }
    }
    return result;
  }

  // To x and to the bias.
  std::tuple<at::Tensor, at::Tensor> gradients(
      const at::Tensor& activated, const at::Tensor& gradient) const {
    const at::Tensor to_x = at::empty_like(activated).fill_(NAN);
    const at::Tensor partial = at::full({grid.pieces, grid.channels}, NAN);
    for (std::int64_t block = 0; block < grid.blocks(); ++block) {
      std::vector<float> sums(gpu::kChannelThreads * size, NAN);
      for (int thread = 0; thread < gpu::kChannelThreads; ++thread) {
        Form::backward(grid, gpu::share_of(grid, block, thread),
                       activated.const_data_ptr<Element>(),
                       gradient.const_data_ptr<Element>(), slope,
                       to_x.mutable_data_ptr<Element>(),
                       sums.data() + thread * size);
      }
      write_block_sums<size>(grid, block, sums,
                             partial.mutable_data_ptr<float>());
    }
    return {to_x, sum_of_pieces(partial, activated)};
  }

 private:
  at::Tensor sum_of_pieces(const at::Tensor& partial,
                           const at::Tensor& like) const {
    const gpu::ChannelGrid pieces = gpu::pieces_grid(grid);
    const at::Tensor result = at::full({grid.channels}, NAN, like.options());
    for (std::int64_t block = 0; block < pieces.blocks(); ++block) {
      std::vector<float> sums(gpu::kChannelThreads, NAN);
      for (int thread = 0; thread < gpu::kChannelThreads; ++thread) {
        sums[static_cast<std::size_t>(thread)] =
            gpu::sum_of_rows(pieces, gpu::share_of(pieces, block, thread),
                             partial.const_data_ptr<float>());
      }
      write_block_sums<1>(pieces, block, sums,
                          result.mutable_data_ptr<Element>());
    }
    return result;
  }
};

}  // namespace shalab::gpu_tests
