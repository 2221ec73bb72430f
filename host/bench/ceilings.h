#pragma once
// What this machine reaches at best, measured: the yardstick of a step.

#include "model/device.h"

namespace shalab {

struct Ceilings {
  double gemm_gflops = 0.0;         // square product of 2,048
  double convolution_gflops = 0.0;  // 3 x 3, 64 to 64 channels on 28 x 28
  double copy_gb_per_second = 0.0;  // read and written, of 256 MB
};

// The best of several tries each, in `precision` with the threads that are
// set; convolutions in the faster of both memory formats. Takes about two
// seconds on two cores. [main]
Ceilings measure_ceilings(c10::Device device, Precision precision);

}  // namespace shalab
