#include "shalab/nn/shadow.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

namespace shalab::nn {
namespace {

bool is_cast(const at::Tensor& parameter) {
  return parameter.defined() && !parameter.requires_grad() &&
         parameter.is_cpu() && parameter.scalar_type() == at::kFloat &&
         !parameter.is_inference() &&
         at::autocast::is_autocast_enabled(at::kCPU);
}

}  // namespace

at::Tensor Shadow::of(const at::Tensor& parameter) {
  if (!is_cast(parameter)) return parameter;
  const auto type = at::autocast::get_autocast_dtype(at::kCPU);
  const auto version = std::int64_t(parameter._version());
  if (version != version_ || parameter.data_ptr() != data_ ||
      copy_.scalar_type() != type || copy_.sizes() != parameter.sizes()) {
    copy_ = parameter.to(type);
    data_ = parameter.data_ptr();
    version_ = version;
  }
  return copy_;
}

}  // namespace shalab::nn
