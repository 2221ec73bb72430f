#include "stream_branches.h"

#include <ATen/cuda/CUDAEvent.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>

#include <algorithm>
#include <exception>

namespace shalab {

namespace {

// A product of each library that has workspaces by stream.
void make_workspaces(c10::Device device) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const auto square =
        at::ones({16, 16}, at::TensorOptions(device).dtype(type));
    at::addmm(square[0], at::mm(square, square), square);
  }
}

void note_use(const at::Tensor& tensor) {
  if (!tensor.is_cuda() || !tensor.has_storage()) return;
  c10::cuda::CUDACachingAllocator::recordStream(
      tensor.storage().data_ptr(),
      c10::cuda::getCurrentCUDAStream(tensor.device().index()));
}

}  // namespace

StreamBranches::StreamBranches(c10::Device device) {
  for (int i = 0; i < kStreams; ++i) {
    streams_.push_back(c10::cuda::getStreamFromPool(false, device.index()));
    const c10::cuda::CUDAStreamGuard scope(streams_.back());
    make_workspaces(device);
    streams_.back().synchronize();
  }
}

void StreamBranches::run(std::size_t count,
                         const std::function<void(std::size_t)>& body) {
  const auto used = std::min(count, streams_.size());
  const auto main =
      c10::cuda::getCurrentCUDAStream(streams_.front().device_index());
  at::cuda::CUDAEvent begin;
  begin.record(main);
  for (std::size_t i = 0; i < used; ++i) begin.block(streams_[i]);
  std::exception_ptr thrown;
  try {
    for (std::size_t i = 0; i < count; ++i) {
      const c10::cuda::CUDAStreamGuard scope(streams_[i % used]);
      body(i);
    }
  } catch (...) {
    thrown = std::current_exception();
  }
  for (std::size_t i = 0; i < used; ++i) {
    at::cuda::CUDAEvent end;
    end.record(streams_[i]);
    end.block(main);
  }
  if (thrown) std::rethrow_exception(thrown);
}

CrossStreamUses::CrossStreamUses() : uses_(note_use) {}

}  // namespace shalab
