// WorkGraph as a CUDA graph. Opened by the host after libtorch_cuda.

#include <ATen/cuda/CUDAGeneratorImpl.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/AutogradState.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>

#include <memory>
#include <optional>
#include <vector>

#include "model/work_graph.h"
#include "stream_branches.h"

namespace shalab {

namespace {

using at::cuda::MempoolId_t;

// Backward passes on the calling thread: what they launch belongs to the
// recording without handing streams from thread to thread.
class SingleThreadedBackward {
 public:
  SingleThreadedBackward()
      : before_(
            c10::AutogradState::get_tls_state().get_multithreading_enabled()) {
    set(false);
  }
  ~SingleThreadedBackward() { set(before_); }
  SingleThreadedBackward(const SingleThreadedBackward&) = delete;
  SingleThreadedBackward& operator=(const SingleThreadedBackward&) = delete;

 private:
  static void set(bool is_enabled) {
    c10::AutogradState::get_tls_state().set_multithreading_enabled(is_enabled);
  }
  bool before_;
};

std::int64_t kernels_of(cudaGraph_t graph) {
  std::size_t count = 0;
  C10_CUDA_CHECK(cudaGraphGetNodes(graph, nullptr, &count));
  std::vector<cudaGraphNode_t> nodes(count);
  C10_CUDA_CHECK(cudaGraphGetNodes(graph, nodes.data(), &count));
  std::int64_t kernels = 0;
  for (const auto node : nodes) {
    cudaGraphNodeType type{};
    C10_CUDA_CHECK(cudaGraphNodeGetType(node, &type));
    kernels += type == cudaGraphNodeTypeKernel ? 1 : 0;
  }
  return kernels;
}

class CudaWorkGraph final : public WorkGraph {
 public:
  CudaWorkGraph(c10::Device device, at::Generator generator, bool has_branches)
      : device_(device),
        generator_(std::move(generator)),
        stream_((c10::cuda::device_synchronize(),
                 c10::cuda::getStreamFromPool(false, device.index()))),
        stream_scope_(stream_) {
    if (has_branches) branches_.emplace(device);
  }

  ~CudaWorkGraph() override { stream_.synchronize(); }

  void record(const std::function<void()>& work) override {
    graph_.reset();
    stream_.synchronize();
    const at::Tensor state = generator_.get_state();
    const MempoolId_t pool = at::cuda::graph_pool_handle();
    auto graph = std::make_unique<at::cuda::CUDAGraph>(/*keep_graph=*/true);
    graph->register_generator_state(generator_);
    graph->capture_begin(pool, cudaStreamCaptureModeThreadLocal);
    try {
      recorded(work);
      graph->capture_end();
      graph->instantiate();
      num_kernels_ = kernels_of(graph->raw_cuda_graph());
    } catch (...) {
      abandon(*graph, pool, state);
      throw;
    }
    graph_ = std::move(graph);
  }

  void replay() override { graph_->replay(); }

  std::int64_t num_kernels() const override { return num_kernels_; }

 private:
  void recorded(const std::function<void()>& work) {
    if (!branches_) return work();
    const CrossStreamUses uses;
    const SideBySideScope scope(*branches_);
    work();
  }

  // A capture that failed may be open still, hold the allocator's pool, and
  // have left the generator in its recording state.
  void abandon(at::cuda::CUDAGraph& graph, MempoolId_t pool,
               const at::Tensor& state) {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    cudaStreamIsCapturing(stream_, &status);
    if (status != cudaStreamCaptureStatusNone) {
      try {
        graph.capture_end();
      } catch (const std::exception&) {
        c10::cuda::CUDACachingAllocator::endAllocateToPool(device_.index(),
                                                           pool);
      }
    }
    cudaGetLastError();
    auto fresh = at::cuda::detail::createCUDAGenerator(device_.index());
    fresh.set_state(state);
    generator_.graphsafe_set_state(fresh.graphsafe_get_state());
  }

  c10::Device device_;
  at::Generator generator_;
  c10::cuda::CUDAStream stream_;
  c10::cuda::CUDAStreamGuard stream_scope_;
  SingleThreadedBackward backward_;
  std::optional<StreamBranches> branches_;
  std::unique_ptr<at::cuda::CUDAGraph> graph_;
  std::int64_t num_kernels_ = 0;
};

}  // namespace

}  // namespace shalab

extern "C" __attribute__((visibility("default"))) shalab::WorkGraph*
shalab_make_work_graph(c10::Device device, at::Generator generator,
                       bool has_branches) {
  return new shalab::CudaWorkGraph(device, std::move(generator), has_branches);
}
