#pragma once
// side_by_side on streams of their own, while a CUDA graph is recorded.

#include <c10/cuda/CUDAStream.h>

#include <vector>

#include "op_inputs.h"
#include "shalab/side_by_side.h"

namespace shalab {

// Bodies go to kStreams streams in turn, which begin where the current stream
// stands and which it waits for at the end, whatever a body throws. Backward
// passes follow, each operator on the stream of its forward. [main; recording]
class StreamBranches final : public SideBySide {
 public:
  static constexpr int kStreams = 8;

  // Makes the libraries' workspaces of each stream, which a recording must not
  // own. Waits for the device.
  explicit StreamBranches(c10::Device device);

  void run(std::size_t count,
           const std::function<void(std::size_t)>& body) override;

 private:
  std::vector<c10::cuda::CUDAStream> streams_;
};

// Tells the allocator of each tensor which streams read it, so that nothing is
// given away that another stream of the recording still reads. Within a
// recording the allocator then keeps such memory until its end. [main]
class CrossStreamUses {
 public:
  CrossStreamUses();

 private:
  OpInputs uses_;
};

}  // namespace shalab
