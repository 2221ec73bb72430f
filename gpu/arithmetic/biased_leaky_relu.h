#pragma once
// A bias by channel and the leaky ReLU of the sum, forward and backward; see
// channel_grid.h for the share of a thread.
//
// Element is float or a 16-bit type that converts to and from float. The sum is
// not rounded to Element before the leaky ReLU. The bias' gradient adds the
// gradients to x as they were written.

#include "arithmetic/channel_grid.h"
#include "arithmetic/portable.h"

namespace shalab::gpu {

// value where `sign` is positive, else slope value. With a slope of 0 it is a
// ReLU's: 0 for an infinite value, no -0, and not a number where sign is none.
// Without branches: neighbours differ in sign.
SHALAB_HOST_DEVICE inline float leaky(float sign, float value, float slope) {
  const float cut = sign <= 0.0f ? 0.0f : sign;
  const float scaled = times(slope, value);
  const float below = slope == 0.0f ? cut : scaled;
  return sign > 0.0f ? value : below;
}

template <typename Element, int size>
struct BiasedLeakyRelu {
  using Rows = ThreadRows<Element, size>;
  using Values = typename Rows::Values;

  // activated = leaky_relu(x + bias)
  SHALAB_HOST_DEVICE static void forward(const ChannelGrid& grid,
                                         const ThreadShare& share,
                                         const Element* x, const Element* bias,
                                         float slope, Element* activated) {
    if (share.first >= share.end) return;
    const Values by = *reinterpret_cast<const Values*>(bias + share.channel);
    for (std::int64_t row = share.first; row < share.end;
         row += kRowsAtOnce * grid.lines) {
      const Rows xs = Rows::read(grid, share, row, x);
      for (int i = 0; i < kRowsAtOnce; ++i) {
        const std::int64_t at = row + i * grid.lines;
        if (at < share.end) {
          write(activated + element_of(grid, share, at),
                activated_pack(xs.rows[i], by, slope));
        }
      }
    }
  }

  // x = gradient of x from that of the activated value, whose sign is the
  // sum's where slope >= 0; sums[size] = x over the thread's rows.
  SHALAB_HOST_DEVICE static void backward(const ChannelGrid& grid,
                                          const ThreadShare& share,
                                          const Element* activated,
                                          const Element* gradient, float slope,
                                          Element* x, float* sums) {
    for (int k = 0; k < size; ++k) sums[k] = 0.0f;
    for (std::int64_t row = share.first; row < share.end;
         row += kRowsAtOnce * grid.lines) {
      const Rows above = Rows::read(grid, share, row, activated);
      const Rows to_above = Rows::read(grid, share, row, gradient);
      for (int i = 0; i < kRowsAtOnce; ++i) {
        const std::int64_t at = row + i * grid.lines;
        if (at < share.end) {
          const Values xs =
              gradient_pack(above.rows[i], to_above.rows[i], slope);
          write(x + element_of(grid, share, at), xs);
          add(xs, sums);
        }
      }
    }
  }

 private:
  SHALAB_HOST_DEVICE static void write(Element* to, const Values& values) {
    *reinterpret_cast<Values*>(to) = values;
  }

  SHALAB_HOST_DEVICE static Values activated_pack(const Values& x,
                                                  const Values& bias,
                                                  float slope) {
    Values result;
    for (int k = 0; k < size; ++k) {
      const float sum = plus(static_cast<float>(x.values[k]),
                             static_cast<float>(bias.values[k]));
      result.values[k] = Element(leaky(sum, sum, slope));
    }
    return result;
  }

  SHALAB_HOST_DEVICE static Values gradient_pack(const Values& activated,
                                                 const Values& gradient,
                                                 float slope) {
    Values result;
    for (int k = 0; k < size; ++k) {
      result.values[k] =
          Element(leaky(static_cast<float>(activated.values[k]),
                        static_cast<float>(gradient.values[k]), slope));
    }
    return result;
  }

  SHALAB_HOST_DEVICE static void add(const Values& x, float* sums) {
    for (int k = 0; k < size; ++k) {
      sums[k] = plus(sums[k], static_cast<float>(x.values[k]));
    }
  }
};

}  // namespace shalab::gpu
