#pragma once
// A residual sum and its leaky ReLU, element by element.
//
// Element is float or a 16-bit type that converts to and from float; the sum is
// rounded to Element before the leaky ReLU reads it, as if it came from memory.

#include "arithmetic/portable.h"

namespace shalab::gpu {

template <typename Element>
SHALAB_HOST_DEVICE inline Element leaky_relu(Element y, float slope) {
  const float value = static_cast<float>(y);
  return value > 0.0f ? y : Element(times(slope, value));
}

template <typename Element>
struct LeakyPair {
  Element sum;        // y = x + weight dx
  Element activated;  // y where positive, else slope y
};

template <typename Element>
SHALAB_HOST_DEVICE inline LeakyPair<Element> leaky_residual(Element x,
                                                            Element dx,
                                                            float weight,
                                                            float slope) {
  const Element sum(
      plus(static_cast<float>(x), times(weight, static_cast<float>(dx))));
  return {sum, leaky_relu(sum, slope)};
}

template <typename Element>
struct LeakyGradients {
  Element x;
  Element dx;
};

// From the gradients to both results, of which that to the sum may be 0. The
// activated value has the sign of the sum where slope >= 0, so it stands for
// it.
template <typename Element>
SHALAB_HOST_DEVICE inline LeakyGradients<Element> leaky_residual_gradients(
    Element activated, Element to_sum, Element to_activated, float weight,
    float slope) {
  const float above = static_cast<float>(to_activated);
  const float through =
      static_cast<float>(activated) > 0.0f ? above : times(slope, above);
  const Element x(plus(through, static_cast<float>(to_sum)));
  return {x, Element(times(weight, static_cast<float>(x)))};
}

}  // namespace shalab::gpu
