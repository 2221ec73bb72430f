#pragma once
// Work of a GPU that is recorded once and replayed: a CUDA graph.

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace shalab {

// While it lives, the calling thread's work of its device runs on a stream that
// can be recorded, and backward passes run on that thread. [main]
class WorkGraph {
 public:
  virtual ~WorkGraph() = default;

  // Records what `work` asks of the device, in place of what was recorded
  // before. Nothing of it is computed until `replay`; tensors that it made hold
  // their values after a replay and keep their memory until the next record.
  // Throws what `work` or the recording threw: then nothing is recorded, and
  // the generator is as it was.
  virtual void record(const std::function<void()>& work) = 0;

  // Computes it anew, with the values that its tensors have now; draws of the
  // generator go on where they stood. Does not wait for the device.
  virtual void replay() = 0;

  // Kernels of one replay; copies and fills are not counted.
  virtual std::int64_t num_kernels() const = 0;
};

// Of a GPU whose work draws from `generator` alone; null where the device is
// none, or libshalab_cuda is not there. has_branches: what the work asks
// side_by_side (shalab/side_by_side.h) is recorded on streams of its own.
std::unique_ptr<WorkGraph> make_work_graph(c10::Device device,
                                           at::Generator generator,
                                           bool has_branches);

}  // namespace shalab
