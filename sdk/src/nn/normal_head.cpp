#include "shalab/nn/normal_head.h"

#include "log_var_range.h"
#include "shalab/nn/init.h"

namespace shalab {

void declare_normal_head_fields(FieldList& fields) {
  fields.integer("hidden", 512, "width of the hidden layers").at_least(1);
  fields.integer("layers", 4, "linear layers in all").at_least(1);
  declare_activation_field(fields, "silu");
  declare_init_field(fields);
}

NormalHeadImpl::NormalHeadImpl(const Settings& settings, std::int64_t in,
                               std::int64_t latent)
    : mlp_(mlp_widths(in, settings.integer("hidden"), 2 * latent,
                      settings.integer("layers")),
           settings.text("activation")) {
  register_module("mlp", mlp_);
  initialise(*this, settings.text("init"));
}

NormalHeadImpl::~NormalHeadImpl() = default;

Posterior NormalHeadImpl::forward(const at::Tensor& features) {
  at::Tensor out = mlp_->forward(features);
  if (out.scalar_type() != at::kDouble) out = out.to(at::kFloat);
  const std::vector<at::Tensor> halves = out.chunk(2, 1);
  return Posterior::normal(halves[0], halves[1].clamp(kMinLogVar, kMaxLogVar));
}

}  // namespace shalab
