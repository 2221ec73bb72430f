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
  const bool is_current = source_.defined() && version == version_ &&
                          parameter.data_ptr() == source_.data_ptr() &&
                          parameter.sizes() == source_.sizes() &&
                          copy_.scalar_type() == type;
  if (!is_current) {
    copy_ = parameter.to(type);
    source_ = parameter.detach();
    version_ = version;
  }
  return copy_;
}

}  // namespace shalab::nn
