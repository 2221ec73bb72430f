#include "model/work_graph.h"

#include <dlfcn.h>

#include <utility>

namespace shalab {

namespace {

using Make = WorkGraph* (*)(c10::Device, at::Generator, bool);

// Of libshalab_cuda, which open_device has opened where it is.
Make gpu_maker() {
  static const auto make =
      reinterpret_cast<Make>(dlsym(RTLD_DEFAULT, "shalab_make_work_graph"));
  return make;
}

}  // namespace

std::unique_ptr<WorkGraph> make_work_graph(c10::Device device,
                                           at::Generator generator,
                                           bool has_branches) {
  const auto make = device.is_cuda() ? gpu_maker() : nullptr;
  if (make == nullptr) return nullptr;
  return std::unique_ptr<WorkGraph>(
      make(device, std::move(generator), has_branches));
}

}  // namespace shalab
