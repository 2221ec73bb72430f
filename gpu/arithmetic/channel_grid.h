#pragma once
// How a pass over rows of channels, which may also sum each channel over the
// rows, is cut among blocks and threads.
//
// Memory is [rows, channels]. A block has one piece of the rows and one tile of
// the channels. In it a lane is `size` neighbouring channels, and `lines`
// threads share a lane, each with every lines-th row of the piece:
//
//           tile 0                   tile 1
//   row 0   lane 0  lane 1  lane 2 | ...      line 0: threads 0, 1, 2
//   row 1   lane 0  lane 1  lane 2 |          line 1: threads 3, 4, 5
//   row 2   lane 0  lane 1  lane 2 |          of two lines line 0 again
//
// A sum adds the rows of a thread in order, then the lines of a block by
// halves; the sums of the pieces are rows [pieces, channels], added by the same
// rule. The order follows from the shape alone, so equal runs give equal bits.
// Each function does the part of one thread, so that a CPU can run a whole
// kernel as loops.

#include <algorithm>
#include <cstdint>

#include "arithmetic/portable.h"

namespace shalab::gpu {

constexpr int kChannelThreads = 256;
constexpr int kRowsAtOnce = 4;  // read by a thread before it uses any

struct ChannelGrid {
  std::int64_t rows;
  std::int64_t channels;  // a multiple of size
  int size;
  int lanes;
  int lines;  // lanes * lines <= kChannelThreads
  std::int64_t tiles;
  std::int64_t pieces;
  std::int64_t piece_rows;  // the last piece may have fewer

  std::int64_t blocks() const { return tiles * pieces; }
};

inline std::int64_t parts_of(std::int64_t whole, std::int64_t part) {
  return (whole + part - 1) / part;
}

// One piece; tiles of equal width, of at most `most_lanes`.
inline ChannelGrid undivided_grid(std::int64_t rows, std::int64_t channels,
                                  int size, int most_lanes) {
  const std::int64_t packs = channels / size;
  const std::int64_t tiles = parts_of(packs, most_lanes);
  const int lanes = static_cast<int>(parts_of(packs, tiles));
  return {rows, channels, size, lanes, kChannelThreads / lanes, tiles, 1, rows};
}

// For rows and channels > 0. As many pieces as give the largest chips (132
// multiprocessors) four blocks each, but two rows or more to a thread. A tile
// is at most a warp wide: 512 bytes of a row, in packs of 16.
inline ChannelGrid channel_grid(std::int64_t rows, std::int64_t channels,
                                int size) {
  constexpr std::int64_t kBlocks = 132 * 4;
  constexpr std::int64_t kLeastRows = 2;
  ChannelGrid grid = undivided_grid(rows, channels, size, 32);
  const std::int64_t wanted = parts_of(kBlocks, grid.tiles);
  const std::int64_t possible = parts_of(rows, kLeastRows * grid.lines);
  grid.piece_rows = parts_of(rows, std::min(wanted, possible));
  grid.pieces = parts_of(rows, grid.piece_rows);
  return grid;
}

// Of the sum over the pieces. Tiles are narrow, 32 bytes of fp32, so that few
// channels have many threads too.
inline ChannelGrid pieces_grid(const ChannelGrid& grid) {
  return undivided_grid(grid.pieces, grid.channels, 1, 8);
}

// What a thread of a block works on: rows first, first + lines, ... before end
// (none where it is idle), channels channel ... channel + size - 1.
struct ThreadShare {
  std::int64_t channel;
  std::int64_t first;
  std::int64_t end;
};

SHALAB_HOST_DEVICE inline ThreadShare share_of(const ChannelGrid& grid,
                                               std::int64_t block, int thread) {
  const std::int64_t lane =
      block % grid.tiles * grid.lanes + thread % grid.lanes;
  const std::int64_t begin = block / grid.tiles * grid.piece_rows;
  const std::int64_t after = begin + grid.piece_rows;
  const std::int64_t end = after < grid.rows ? after : grid.rows;
  const std::int64_t channel = lane * grid.size;
  const int line = thread / grid.lanes;
  const bool is_idle = line >= grid.lines || channel >= grid.channels;
  return {channel, is_idle ? end : begin + line, end};
}

SHALAB_HOST_DEVICE inline std::int64_t element_of(const ChannelGrid& grid,
                                                  const ThreadShare& share,
                                                  std::int64_t row) {
  return row * grid.channels + share.channel;
}

// Some of a thread's rows: `row` and those that follow it.
template <typename Element, int size>
struct ThreadRows {
  using Values = Pack<Element, size>;
  Values rows[kRowsAtOnce];

  // Rows from the share's end on are zero.
  SHALAB_HOST_DEVICE static ThreadRows read(const ChannelGrid& grid,
                                            const ThreadShare& share,
                                            std::int64_t row,
                                            const Element* from) {
    ThreadRows result = {};
    for (int i = 0; i < kRowsAtOnce; ++i) {
      const std::int64_t at = row + i * grid.lines;
      if (at < share.end) {
        result.rows[i] = *reinterpret_cast<const Values*>(
            from + element_of(grid, share, at));
      }
    }
    return result;
  }
};

// A thread's sum over its rows of `from` [rows, channels], in a grid of size 1.
SHALAB_HOST_DEVICE inline float sum_of_rows(const ChannelGrid& grid,
                                            const ThreadShare& share,
                                            const float* from) {
  float sum = 0.0f;
  for (std::int64_t row = share.first; row < share.end;
       row += kRowsAtOnce * grid.lines) {
    const auto some = ThreadRows<float, 1>::read(grid, share, row, from);
    for (int i = 0; i < kRowsAtOnce; ++i) {
      sum = plus(sum, some.rows[i].values[0]);
    }
  }
  return sum;
}

// The sums of a block's threads, in memory that they share. Between two rounds
// of `fold`, before the first and after the last the threads wait for each
// other.
template <int size>
struct SumTable {
  float* values;  // [size, kChannelThreads]

  SHALAB_HOST_DEVICE void keep(int thread, const float* sums) const {
    for (int k = 0; k < size; ++k) {
      values[k * kChannelThreads + thread] = sums[k];
    }
  }

  // Rounds of `fold`: this offset, its half, and so on down to 1.
  SHALAB_HOST_DEVICE static int first_offset(const ChannelGrid& grid) {
    int offset = 1;
    while (2 * offset < grid.lines) offset *= 2;
    return offset;
  }

  // Each line before `offset` takes in the one `offset` further on.
  SHALAB_HOST_DEVICE void fold(const ChannelGrid& grid, int thread,
                               int offset) const {
    const int line = thread / grid.lanes;
    if (line >= offset || line + offset >= grid.lines) return;
    float* own = values + thread;
    const float* other = own + offset * grid.lanes;
    for (int k = 0; k < size; ++k) {
      own[k * kChannelThreads] =
          plus(own[k * kChannelThreads], other[k * kChannelThreads]);
    }
  }

  // After the last round, to the block's row of `to` [pieces, channels].
  template <typename Result>
  SHALAB_HOST_DEVICE void write(const ChannelGrid& grid, std::int64_t block,
                                int thread, Result* to) const {
    const std::int64_t channel = share_of(grid, block, thread).channel;
    if (thread >= grid.lanes || channel >= grid.channels) return;
    Result* row = to + block / grid.tiles * grid.channels + channel;
    for (int k = 0; k < size; ++k) {
      row[k] = Result(values[k * kChannelThreads + thread]);
    }
  }
};

}  // namespace shalab::gpu
