#pragma once
// Where tensors live and how numbers are rounded.

#include <c10/core/Device.h>

#include <filesystem>
#include <optional>
#include <string>

#include "shalab/services.h"

namespace shalab {

// "auto", "cpu", "cuda" or "cuda:n" -> device. `auto` takes a GPU when one
// can be used, else the CPU, and warns of a GPU left unused. For a GPU,
// libtorch_cuda is opened here, before any other CUDA query. Throws
// Error(device) saying what is missing: the library, a driver, that device
// number.
c10::Device open_device(const std::string& text, Logger& logger);

// Why this machine's GPU cannot be used; nothing where it can, or where the
// driver has no device file, so that there is none.
std::optional<std::string> unused_gpu(
    const std::filesystem::path& driver = "/dev/nvidiactl");

// Precision of network evaluation: fp32; tf32 (GPU matrix products and
// convolutions, fp32 elsewhere; on a CPU the same as fp32); bf16 (autocast:
// weights, optimiser state, likelihoods and latents stay fp32).
enum class Precision { fp32, tf32, bf16 };
Precision precision_from(const std::string& text);
std::string to_string(Precision precision);

// Process-wide numeric settings of one run. threads = 0: all cores, divided
// among the run's processes.
struct Numerics {
  std::int64_t threads = 0;
  Precision precision = Precision::fp32;
  bool deterministic = false;
  std::int64_t processes = 1;
};
// Once per process, before the first parallel kernel (denormals are flushed).
// Deterministic algorithms do not fill new memory first, as LibTorch would have
// them: that costs a step 7 % and only shows who reads what nobody wrote.
void apply(const Numerics& numerics);

// Autocast to bf16 while it lives, when `precision` is bf16; otherwise
// nothing. Casts of weights are cached until it ends. [main]
class AutocastScope {
 public:
  AutocastScope(Precision precision, c10::Device device);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  std::optional<c10::DeviceType> entered_;
};

}  // namespace shalab
