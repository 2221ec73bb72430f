#pragma once
// How fast a device multiplies.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>

#include "model/device.h"

namespace shalab {

// The least of several tries; reading one number of what `work` gives waits for
// the device.
double least_seconds(const std::function<at::Tensor()>& work);

// GFLOP/s of a product of two matrices [side, side] in `precision`, with the
// threads that are set. [main]
double product_gflops(c10::Device device, Precision precision,
                      std::int64_t side);

// What a user of bf16 on a CPU should know: "" where products in bf16 are about
// as fast as in fp32 or faster, else both rates (GFLOP/s) and what to do.
std::string slow_bf16_notice(double bf16_gflops, double fp32_gflops);

}  // namespace shalab
