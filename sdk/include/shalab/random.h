#pragma once
// Explicit generators: one per purpose, derived from the run's seed.

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace shalab {

// A 64-bit seed for one purpose ("order", "posterior", "sample/joint"). Equal
// arguments give equal seeds on every machine; another purpose, or one letter
// of it, gives an unrelated one. So adding a component never reshuffles
// another (splitmix64 over an FNV-1a hash of the purpose).
std::uint64_t derive_seed(std::uint64_t seed, const std::string& purpose);

// A generator of `device` seeded with derive_seed(seed, purpose). A CUDA
// generator needs libtorch_cuda to be open already. Not shared between
// threads.
at::Generator make_generator(std::uint64_t seed, const std::string& purpose,
                             c10::Device device = c10::kCPU);

}  // namespace shalab
