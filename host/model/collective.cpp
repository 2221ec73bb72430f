#include "model/collective.h"

#include <ATen/core/grad_mode.h>

#include "shalab/error.h"

namespace shalab {

void Collective::use(c10::Device device) {
  if (device.is_cpu()) return;
  const auto id = text_of(0, is_lead() ? Nccl::make_id() : "");
  nccl_ = std::make_unique<Nccl>(id, rank(), size(), device);
}

void Collective::sum(at::Tensor& values) {
  SHALAB_CHECK(values.scalar_type() == at::kFloat && values.is_contiguous(),
               "sum over ranks");
  if (!values.is_cpu()) {
    nccl_->sum(values);
    return;
  }
  messages_->sum(values.data_ptr<float>(), values.numel());
}

void Collective::share(const std::map<std::string, at::Tensor>& tensors) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : tensors) {
    const auto values = tensor.detach().cpu().contiguous();
    messages_->broadcast(values.data_ptr(),
                         static_cast<std::int64_t>(values.nbytes()), 0);
    if (!is_lead()) tensor.copy_(values);
  }
}

std::string Collective::text_of(int root, std::string text) {
  auto length = static_cast<std::int64_t>(text.size());
  messages_->broadcast(&length, sizeof length, root);
  text.resize(static_cast<std::size_t>(length));
  messages_->broadcast(text.data(), length, root);
  return text;
}

bool Collective::any(bool own) {
  float count = own ? 1 : 0;
  messages_->sum(&count, 1);
  return count > 0;
}

void Collective::close() {
  nccl_.reset();
  messages_->close();
}

}  // namespace shalab
