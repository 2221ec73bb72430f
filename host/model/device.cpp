#include "model/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <dlfcn.h>

#include <charconv>
#include <thread>

#include "shalab/error.h"
#include "shalab/resident_dataset.h"

namespace shalab {

namespace {

std::optional<std::string> failure_to_open(const std::string& library) {
  if (dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr) {
    return std::nullopt;
  }
  return library + " cannot be opened: " + dlerror();
}

// Beside the SDK's library; empty where none was built.
std::string own_kernels() {
  Dl_info sdk{};
  if (dladdr(reinterpret_cast<const void*>(&limited), &sdk) == 0) return "";
  const auto path =
      std::filesystem::path(sdk.dli_fname).parent_path() / "libshalab_cuda.so";
  return std::filesystem::exists(path) ? path.string() : "";
}

std::optional<std::string> open_cuda_libraries() {
  static const std::optional<std::string> failure = [] {
    auto why = failure_to_open("libtorch_cuda.so");
    const std::string kernels = own_kernels();
    if (!why && !kernels.empty()) why = failure_to_open(kernels);
    return why;
  }();
  return failure;
}

std::optional<std::string> cuda_problem(std::int64_t index) {
  if (const auto failure = open_cuda_libraries()) return failure;
  if (!at::globalContext().hasCUDA()) {
    return "libtorch_cuda finds no usable GPU or driver";
  }
  const auto count = at::detail::getCUDAHooks().deviceCount();
  if (index >= count) {
    return "there are " + std::to_string(count) + " GPUs, numbered from 0";
  }
  return std::nullopt;
}

std::int64_t device_index(const std::string& text) {
  if (text == "cuda") {
    return 0;
  }
  std::int64_t index = -1;
  const char* first = text.data() + 5;
  const char* last = text.data() + text.size();
  const auto result = std::from_chars(first, last, index);
  if (text.rfind("cuda:", 0) != 0 || result.ec != std::errc() ||
      result.ptr != last || index < 0) {
    throw Error(ErrorKind::usage, "unknown device '" + text + "'",
                "use auto, cpu, cuda or cuda:n");
  }
  return index;
}

}  // namespace

c10::Device open_device(const std::string& text, Logger& logger) {
  if (text == "cpu") {
    return c10::kCPU;
  }
  if (text == "auto") {
    if (!cuda_problem(0)) return {c10::kCUDA, 0};
    if (const auto why = unused_gpu()) {
      logger.warn("on the CPU, though this machine has a GPU: " + *why +
                  " (put the CUDA build of LibTorch on the library path, or "
                  "say --device cpu)");
    }
    return c10::kCPU;
  }
  const auto index = device_index(text);
  if (const auto problem = cuda_problem(index)) {
    throw Error(ErrorKind::device, "device " + text + ": " + *problem,
                "use --device cpu, or put the CUDA build of LibTorch on the "
                "library path");
  }
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

std::optional<std::string> unused_gpu(const std::filesystem::path& driver) {
  return std::filesystem::exists(driver) ? cuda_problem(0) : std::nullopt;
}

Precision precision_from(const std::string& text) {
  if (text == "fp32") return Precision::fp32;
  if (text == "tf32") return Precision::tf32;
  if (text == "bf16") return Precision::bf16;
  throw Error(ErrorKind::usage, "unknown precision '" + text + "'",
              "use fp32, tf32 or bf16");
}

std::string to_string(Precision precision) {
  switch (precision) {
    case Precision::fp32:
      return "fp32";
    case Precision::tf32:
      return "tf32";
    case Precision::bf16:
      return "bf16";
  }
  return "";
}

void apply(const Numerics& numerics) {
  auto& context = at::globalContext();
  context.setFlushDenormal(true);
  const auto cores = static_cast<std::int64_t>(
      std::max(1U, std::thread::hardware_concurrency()));
  const auto share = std::max<std::int64_t>(1, cores / numerics.processes);
  const auto threads = numerics.threads > 0 ? numerics.threads : share;
  at::set_num_threads(static_cast<int>(threads));
  context.setDeterministicAlgorithms(numerics.deterministic, false);
  context.setDeterministicFillUninitializedMemory(false);
  if (numerics.precision == Precision::tf32) {
    context.setFloat32MatmulPrecision("high");
    context.setAllowTF32CuDNN(true);
  }
}

AutocastScope::AutocastScope(Precision precision, c10::Device device) {
  if (precision != Precision::bf16) {
    return;
  }
  entered_ = device.type();
  at::autocast::set_autocast_dtype(*entered_, at::kBFloat16);
  at::autocast::set_autocast_enabled(*entered_, true);
  at::autocast::increment_nesting();
}

AutocastScope::~AutocastScope() {
  if (!entered_) {
    return;
  }
  if (at::autocast::decrement_nesting() == 0) {
    at::autocast::clear_cache();
  }
  at::autocast::set_autocast_enabled(*entered_, false);
}

}  // namespace shalab
