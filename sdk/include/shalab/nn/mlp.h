#pragma once
// A stack of linear layers.

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <string>
#include <vector>

#include "shalab/fields.h"
#include "shalab/nn/layers.h"

namespace shalab {

// widths {in, hidden..., out}: one Linear between neighbours, `activation`
// (silu or relu) after each but the last.
class MlpImpl : public torch::nn::Module {
 public:
  MlpImpl(const std::vector<std::int64_t>& widths,
          const std::string& activation);
  ~MlpImpl() override;

  // [..., in] -> [..., out].
  at::Tensor forward(at::Tensor x);

 private:
  std::vector<nn::Linear> layers_;
  bool is_silu_;
};
TORCH_MODULE(Mlp);

// {in, hidden, ..., hidden, out} of `layers` >= 1 linear layers.
std::vector<std::int64_t> mlp_widths(std::int64_t in, std::int64_t hidden,
                                     std::int64_t out, std::int64_t layers);

// Declares `activation` = `value`: silu or relu.
void declare_activation_field(FieldList& fields, const std::string& value);

}  // namespace shalab
