#pragma once
// Adam, AdamW and AMSGrad over all parameters of a stage in one fused call.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace shalab {

struct OptimiserOptions {
  std::string kind = "adam";  // adam | adamw | amsgrad
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;  // L2 for adam and amsgrad, decoupled for adamw
  double clip_norm = 0.0;     // > 0: scale gradients to this global norm
};

// Kingma & Ba (2015); Loshchilov & Hutter (2019); Reddi et al. (2018). A
// parameter without gradient in a step counts as gradient zero. Nothing here
// waits for the device. [main; training]
class Optimiser {
 public:
  // Only tensors with requires_grad are kept; none at all is allowed. Their
  // memory stays theirs from here on.
  Optimiser(std::vector<at::Tensor> parameters, OptimiserOptions options);

  void zero_grad();
  // One update with learning rate options.learning_rate * factor.
  void step(double factor);
  // The same with a factor of the parameters' device, [] in fp32 (fp64 on a
  // CPU), so that a recorded step can be replayed with another.
  void step(const at::Tensor& factor);

  // Everything a resumed run needs, by name; load throws Error(resume) when a
  // tensor is missing or has another shape.
  std::map<std::string, at::Tensor> state() const;
  void load(const std::map<std::string, at::Tensor>& state);

  std::int64_t num_parameters() const;

 private:
  // What the fused update reads and writes: the same memory as the tensors
  // below.
  struct Updated {
    std::vector<at::Tensor> weights, means, squares, max_squares;
  };

  std::vector<at::Tensor> gradients() const;
  void clip(std::vector<at::Tensor>& gradients) const;
  // Rate: double, or a tensor [].
  template <typename Rate>
  void update(const Rate& rate);

  OptimiserOptions options_;
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> means_;
  std::vector<at::Tensor> squares_;
  std::vector<at::Tensor> max_squares_;
  Updated updated_;
  std::vector<at::Tensor> steps_;  // one count, by parameter as ATen wants it
};

// Factor on the learning rate at `step` of `num_steps`: linear warm-up over
// `warmup_steps`, times constant (1), linear (1 to 0) or cosine (1 to 0.02).
double schedule_factor(const std::string& schedule, std::int64_t step,
                       std::int64_t num_steps, std::int64_t warmup_steps);

}  // namespace shalab
