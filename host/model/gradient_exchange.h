#pragma once
// Gradients of all ranks averaged in one message.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/collective.h"
#include "shalab/terms.h"

namespace shalab {

// One flat float32 tensor, summed once a step:
//
//   | gradients, in each parameter's memory order | buffers | terms |
//
// so that every rank makes the same update of the same weights. [main]
class GradientExchange {
 public:
  // Of the parameters that require gradients, float32. Of the buffers those of
  // float32 count (running means of a batch normalisation); ranks other than
  // 0 add zeros there, so that all take rank 0's.
  GradientExchange(Collective& collective,
                   const std::vector<at::Tensor>& parameters,
                   const std::vector<at::Tensor>& buffers);

  // After backward. A parameter's gradient becomes the mean over the ranks, as
  // a view of the flat tensor that lasts until the next call; a parameter
  // without one counts as zero. The terms become means too. The number of
  // terms is the same at each call and each rank.
  void average(Terms& terms);

 private:
  void make_room(std::size_t num_terms);
  std::vector<at::Tensor> gradients() const;

  Collective& collective_;
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> buffers_;
  at::Tensor flat_;
  std::vector<at::Tensor> gradient_views_;
  std::vector<at::Tensor> buffer_views_;
  std::int64_t num_gradients_ = 0;
  at::Tensor terms_;  // view
};

}  // namespace shalab
