#include "arithmetic/channel_grid.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>
#include <vector>

namespace shalab {
namespace channel_grid_test {

TEST(ChannelGrid, KeepsManyMultiprocessorsBusy) {
  // many rows of few channels; few rows of many; a layer's (batch 128, 7 x 7)
  for (const auto& [rows, channels, size] :
       std::vector<std::tuple<std::int64_t, std::int64_t, int>>{
           {1 << 20, 3, 1}, {128, 4096, 4}, {6272, 128, 8}}) {
    EXPECT_GE(gpu::channel_grid(rows, channels, size).blocks(), 132);
  }
  EXPECT_LE(gpu::channel_grid(1 << 24, 8, 8).pieces, 528);
}

TEST(ChannelGrid, GivesEveryElementToOneThread) {
  for (const auto& [rows, channels, size] :
       std::vector<std::tuple<std::int64_t, std::int64_t, int>>{
           {1, 1, 1}, {5, 132, 4}, {700, 24, 8}, {97, 301, 1}, {2000, 3, 1}}) {
    const auto grid = gpu::channel_grid(rows, channels, size);
    std::vector<int> visits(static_cast<std::size_t>(rows * channels));
    for (std::int64_t block = 0; block < grid.blocks(); ++block) {
      for (int thread = 0; thread < gpu::kChannelThreads; ++thread) {
        const auto share = gpu::share_of(grid, block, thread);
        for (auto row = share.first; row < share.end; row += grid.lines) {
          const auto first = gpu::element_of(grid, share, row);
          for (int k = 0; k < size; ++k) {
            ++visits.at(static_cast<std::size_t>(first + k));
          }
        }
      }
    }
    EXPECT_EQ(std::set<int>(visits.begin(), visits.end()), std::set<int>{1});
  }
}

}  // namespace channel_grid_test
}  // namespace shalab
