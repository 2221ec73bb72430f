#pragma once
// bf16 copies of fp32 parameters, for layers under autocast.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace shalab::nn {

// The copies of the parameters that a stage trains. Layers (nn/layers.h) take
// them in place of their parameters, so that a step casts all weights in one
// call and takes all gradients back in one, where autocast needs a call each.
// Values and gradients are autocast's, bit by bit. [main; training]
class WeightCopies {
 public:
  // What a layer calculates with: the copy, made when first asked for, or
  // `parameter` itself where it is no fp32 leaf that asks for a gradient.
  at::Tensor of(const at::Tensor& parameter);

  // Before a forward pass: the parameters' values, no gradients.
  void refresh();
  // After the backward pass: the copies' gradients are added to the
  // parameters'.
  void hand_back_gradients();

 private:
  std::unordered_map<const c10::TensorImpl*, std::size_t> index_;
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> copies_;
};

// Layers of this thread take their weights from `copies` while it lives, where
// autocast is on for their device. Null: from autocast.
class WeightCopiesScope {
 public:
  explicit WeightCopiesScope(WeightCopies* copies);
  ~WeightCopiesScope();
  WeightCopiesScope(const WeightCopiesScope&) = delete;
  WeightCopiesScope& operator=(const WeightCopiesScope&) = delete;

 private:
  WeightCopies* before_;
};

// One parameter of a layer, as it calculates with it. Of a frozen parameter on
// a CPU (autocast would cast it at every call) the copy is kept here, and made
// anew only when the parameter has changed in place or moved.
class Shadow {
 public:
  // The copy, where autocast is on and there is one; otherwise `parameter`,
  // which may be undefined.
  at::Tensor of(const at::Tensor& parameter);

 private:
  at::Tensor of_frozen(const at::Tensor& parameter);

  at::Tensor copy_;
  at::Tensor source_;  // keeps the memory that was cast from being given away
  std::int64_t version_ = -1;
};

}  // namespace shalab::nn
