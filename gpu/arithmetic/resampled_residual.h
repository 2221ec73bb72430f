#pragma once
// A residual sum between two sizes of pictures, and its leaky ReLU.
//
// Pictures lie in memory as [N, H, W, C]. The work is cut into items: the
// `size` neighbouring channels of one place. Each function does one item,
// whichever thread calls it, and writes what no other item writes, so that a
// CPU can run a whole kernel as a loop.
//
// average_pool: of the sum x + weight dx the means of 3 x 3 places with stride
// 2 and one zero around. upsample: x has half of dx's rows and columns, and
// each of its places is added to four of dx. Sums are rounded to Element before
// they are averaged, results before the leaky ReLU reads them, as if they came
// from memory.

#include <cstdint>

#include "arithmetic/leaky_residual.h"
#include "arithmetic/portable.h"

namespace shalab::gpu {

struct PictureGrid {
  std::int64_t height;
  std::int64_t width;
};

// Rows (columns) of a picture of `side` rows, pooled.
SHALAB_HOST_DEVICE inline std::int64_t pooled_side(std::int64_t side) {
  return (side + 1) / 2;
}

SHALAB_HOST_DEVICE inline PictureGrid pooled_grid(PictureGrid grid) {
  return {pooled_side(grid.height), pooled_side(grid.width)};
}

SHALAB_HOST_DEVICE inline PictureGrid upsampled_grid(PictureGrid grid) {
  return {2 * grid.height, 2 * grid.width};
}

struct ResampleTerms {
  std::int64_t batch;
  std::int64_t channels;  // a multiple of the pack's size
  PictureGrid grid;       // of x
  float weight;
  float slope;
};

// Where an item of a grid is.
struct ItemPlace {
  std::int64_t picture;
  std::int64_t row;
  std::int64_t column;
  std::int64_t channel;
};

SHALAB_HOST_DEVICE inline ItemPlace place_of(std::int64_t item,
                                             PictureGrid grid,
                                             std::int64_t packs, int size) {
  const std::int64_t pixel = item / packs;
  const std::int64_t line = pixel / grid.width;
  return {line / grid.height, line % grid.height, pixel % grid.width,
          item % packs * size};
}

// The first element of `channel` at a place.
SHALAB_HOST_DEVICE inline std::int64_t address_of(
    std::int64_t picture, std::int64_t row, std::int64_t column,
    std::int64_t channel, PictureGrid grid, std::int64_t channels) {
  return ((picture * grid.height + row) * grid.width + column) * channels +
         channel;
}

template <typename Element, int size>
struct Resampled {
  using Values = Pack<Element, size>;

  SHALAB_HOST_DEVICE static Values read(const Element* from) {
    return *reinterpret_cast<const Values*>(from);
  }
  SHALAB_HOST_DEVICE static void write(Element* to, const Values& values) {
    *reinterpret_cast<Values*>(to) = values;
  }

  // Of a pass over a grid.
  static std::int64_t num_items(const ResampleTerms& terms, PictureGrid grid) {
    return terms.batch * grid.height * grid.width * (terms.channels / size);
  }

  struct Results {
    Element* sum;  // null: not wanted
    Element* activated;
  };

  // Item of the pooled grid.
  SHALAB_HOST_DEVICE static void average_pool(const ResampleTerms& terms,
                                              std::int64_t item,
                                              const Element* x,
                                              const Element* dx, Results to) {
    const ItemPlace place =
        place_of(item, pooled_grid(terms.grid), terms.channels / size, size);
    float sums[size] = {};
    for (std::int64_t i = 2 * place.row - 1; i <= 2 * place.row + 1; ++i) {
      for (std::int64_t j = 2 * place.column - 1; j <= 2 * place.column + 1;
           ++j) {
        if (i < 0 || i >= terms.grid.height || j < 0 || j >= terms.grid.width) {
          continue;
        }
        const std::int64_t at = address_of(place.picture, i, j, place.channel,
                                           terms.grid, terms.channels);
        const Values xs = read(x + at), dxs = read(dx + at);
        for (int k = 0; k < size; ++k) {
          sums[k] = plus(sums[k], static_cast<float>(sum_of(terms, xs.values[k],
                                                            dxs.values[k])));
        }
      }
    }
    Values mean;
    for (int k = 0; k < size; ++k) {
      mean.values[k] = Element(over(sums[k], 9.0f));
    }
    write_results(terms, item * size, mean, to);
  }

  // Item of x.
  SHALAB_HOST_DEVICE static void upsample(const ResampleTerms& terms,
                                          std::int64_t item, const Element* x,
                                          const Element* dx, Results to) {
    const ItemPlace place =
        place_of(item, terms.grid, terms.channels / size, size);
    const Values xs = read(x + item * size);
    for (int corner = 0; corner < 4; ++corner) {
      const std::int64_t at = upsampled_address(terms, place, corner);
      const Values dxs = read(dx + at);
      Values sums;
      for (int k = 0; k < size; ++k) {
        sums.values[k] = sum_of(terms, xs.values[k], dxs.values[k]);
      }
      write_results(terms, at, sums, to);
    }
  }

  struct Gradients {
    const Element* activated;     // as the forward pass wrote it
    const Element* to_sum;        // null: zero
    const Element* to_activated;  // not null
    Element* x;
    Element* dx;
  };

  // Item of x, which up to four means have read.
  SHALAB_HOST_DEVICE static void average_pool_backward(
      const ResampleTerms& terms, std::int64_t item, const Gradients& all) {
    const PictureGrid pooled = pooled_grid(terms.grid);
    const ItemPlace place =
        place_of(item, terms.grid, terms.channels / size, size);
    float sums[size] = {};
    for (std::int64_t i = place.row / 2; i <= (place.row + 1) / 2; ++i) {
      for (std::int64_t j = place.column / 2; j <= (place.column + 1) / 2;
           ++j) {
        if (i >= pooled.height || j >= pooled.width) continue;
        const Values to_mean =
            to_result(terms, all,
                      address_of(place.picture, i, j, place.channel, pooled,
                                 terms.channels));
        for (int k = 0; k < size; ++k) {
          sums[k] =
              plus(sums[k], over(static_cast<float>(to_mean.values[k]), 9.0f));
        }
      }
    }
    const Values to_x = rounded(sums);
    write(all.x + item * size, to_x);
    write(all.dx + item * size, weighted(terms, to_x));
  }

  // Item of x, which was added to four places.
  SHALAB_HOST_DEVICE static void upsample_backward(const ResampleTerms& terms,
                                                   std::int64_t item,
                                                   const Gradients& all) {
    const ItemPlace place =
        place_of(item, terms.grid, terms.channels / size, size);
    float sums[size] = {};
    for (int corner = 0; corner < 4; ++corner) {
      const std::int64_t at = upsampled_address(terms, place, corner);
      const Values to_sum = to_result(terms, all, at);
      for (int k = 0; k < size; ++k) {
        sums[k] = plus(sums[k], static_cast<float>(to_sum.values[k]));
      }
      write(all.dx + at, weighted(terms, to_sum));
    }
    write(all.x + item * size, rounded(sums));
  }

 private:
  SHALAB_HOST_DEVICE static Element sum_of(const ResampleTerms& terms,
                                           Element x, Element dx) {
    return leaky_residual(x, dx, terms.weight, terms.slope).sum;
  }

  // The gradient to what is activated, through both results.
  SHALAB_HOST_DEVICE static Values to_result(const ResampleTerms& terms,
                                             const Gradients& all,
                                             std::int64_t at) {
    const Values above = read(all.activated + at);
    const Values to_above = read(all.to_activated + at);
    Values result;
    for (auto& value : result.values) value = Element(0.0f);
    if (all.to_sum != nullptr) result = read(all.to_sum + at);
    for (int k = 0; k < size; ++k) {
      result.values[k] = leaky_residual_gradients(
                             above.values[k], result.values[k],
                             to_above.values[k], terms.weight, terms.slope)
                             .x;
    }
    return result;
  }

  // One of the four places that an item of x is added to.
  SHALAB_HOST_DEVICE static std::int64_t upsampled_address(
      const ResampleTerms& terms, const ItemPlace& place, int corner) {
    return address_of(place.picture, 2 * place.row + corner / 2,
                      2 * place.column + corner % 2, place.channel,
                      upsampled_grid(terms.grid), terms.channels);
  }

  SHALAB_HOST_DEVICE static void write_results(const ResampleTerms& terms,
                                               std::int64_t at,
                                               const Values& sum, Results to) {
    Values above;
    for (int k = 0; k < size; ++k) {
      above.values[k] = leaky_relu(sum.values[k], terms.slope);
    }
    if (to.sum != nullptr) write(to.sum + at, sum);
    write(to.activated + at, above);
  }

  SHALAB_HOST_DEVICE static Values rounded(const float* sums) {
    Values values;
    for (int k = 0; k < size; ++k) values.values[k] = Element(sums[k]);
    return values;
  }

  SHALAB_HOST_DEVICE static Values weighted(const ResampleTerms& terms,
                                            const Values& to_sum) {
    Values values;
    for (int k = 0; k < size; ++k) {
      values.values[k] =
          Element(times(terms.weight, static_cast<float>(to_sum.values[k])));
    }
    return values;
  }
};

}  // namespace shalab::gpu
