#include "shalab/random.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

namespace shalab {

namespace {

std::uint64_t fnv1a(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const unsigned char byte : text) {
    hash = (hash ^ byte) * 0x100000001b3ULL;
  }
  return hash;
}

std::uint64_t splitmix64(std::uint64_t state) {
  state += 0x9e3779b97f4a7c15ULL;
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9ULL;
  state = (state ^ (state >> 27)) * 0x94d049bb133111ebULL;
  return state ^ (state >> 31);
}

}  // namespace

std::uint64_t derive_seed(std::uint64_t seed, const std::string& purpose) {
  return splitmix64(splitmix64(seed) ^ fnv1a(purpose));
}

at::Generator make_generator(std::uint64_t seed, const std::string& purpose,
                             c10::Device device) {
  at::Generator generator =
      device.is_cpu() ? at::detail::createCPUGenerator()
                      : at::globalContext().defaultGenerator(device).clone();
  generator.set_current_seed(derive_seed(seed, purpose));
  return generator;
}

}  // namespace shalab
