#include "shalab/nn/expert_head.h"

#include <ATen/ATen.h>

#include "log_var_range.h"
#include "shalab/error.h"

namespace shalab {

namespace {

constexpr double kMinScale = 1e-6;

at::Tensor scale_of(const std::string& rule, const at::Tensor& raw) {
  if (rule == "softplus") return at::softplus(raw) + kMinScale;
  const auto size = static_cast<double>(raw.size(1));
  return size * at::softmax(raw, 1) + kMinScale;
}

}  // namespace

void declare_expert_fields(FieldList& fields) {
  fields.choice("family", "normal", {"normal", "laplace"},
                "distribution of each expert q(z given x_m)");
  fields.choice("scale", "log_var", {"log_var", "softplus", "softmax"},
                "how the raw output becomes a scale: log_var is its log "
                "variance (normal only), softplus, or softmax with a mean "
                "scale of 1 over the dimensions");
}

ExpertOptions expert_options(const Settings& settings) {
  return checked({settings.text("family"), settings.text("scale")},
                 "fusion.scale");
}

ExpertOptions checked(ExpertOptions options, const std::string& where) {
  if (options.family == "laplace" && options.scale == "log_var") {
    throw Error(ErrorKind::usage,
                where + ": a laplace expert has no variance to give as log_var",
                "use softmax (MMVAE on digits) or softplus (on CUB), or the "
                "family normal");
  }
  return options;
}

ExpertHeadImpl::ExpertHeadImpl(const ExpertOptions& options, std::int64_t in,
                               std::int64_t latent)
    : options_(checked(options, "scale")),
      location_(in, latent),
      scale_(in, latent) {
  register_module("location", location_);
  register_module("scale", scale_);
}

ExpertHeadImpl::~ExpertHeadImpl() = default;

Posterior ExpertHeadImpl::forward(const at::Tensor& features) {
  const auto at_least_fp32 = [](const at::Tensor& x) {
    return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat);
  };
  const at::Tensor location = at_least_fp32(location_->forward(features));
  const at::Tensor raw = at_least_fp32(scale_->forward(features));
  if (options_.family == "laplace") {
    return Posterior::laplace(location, scale_of(options_.scale, raw));
  }
  const at::Tensor log_var = options_.scale == "log_var"
                                 ? raw
                                 : 2 * scale_of(options_.scale, raw).log();
  return Posterior::normal(location, log_var.clamp(kMinLogVar, kMaxLogVar));
}

}  // namespace shalab
