#pragma once
// Encoder plugin: the networks of one modality, both directions.

#include <torch/nn/module.h>

#include <functional>
#include <memory>

#include "shalab/batch.h"
#include "shalab/fields.h"
#include "shalab/likelihood.h"
#include "shalab/modality.h"
#include "shalab/plugin.h"

namespace shalab {

struct EncoderContext {
  ModalitySpec modality;
  std::int64_t features = 0;          // H: columns of Features::shared
  std::int64_t private_features = 0;  // P: 0 = no private tower
  std::int64_t code = 0;  // columns decode() takes: shared + private, or a slot
};

// encode and decode are no inverses of each other; both are deterministic:
// stochastic heads belong to the fusion. A missing sample's zeros may be
// encoded; the fusion masks the result.
class Encoder : public torch::nn::Module {
 public:
  explicit Encoder(EncoderContext context);
  ~Encoder() override;

  // x as in Batch::data [B, ...] -> shared [B, H], private_ [B, P]. Gradient:
  // to the parameters and to x. [main; configured]
  Features encode(const at::Tensor& x);

  // code [N, code] -> likelihood with leading dimension N and the modality's
  // event. Gradient: to the parameters and to the code.
  Likelihood decode(const at::Tensor& code);

  const EncoderContext& context() const { return context_; }

 protected:
  virtual Features do_encode(const at::Tensor& x) = 0;
  virtual Likelihood do_decode(const at::Tensor& code) = 0;

 private:
  EncoderContext context_;
};

using Factory_encoder = std::function<std::shared_ptr<Encoder>(
    const Settings&, const EncoderContext&)>;

// Declares `likelihood` (empty = the modality's default; for images and
// vectors normal, laplace, bernoulli) and `likelihood_scale`: keys that every
// encoder of images or vectors shares.
void declare_likelihood_fields(FieldList& fields);
// Error(usage) when the family does not fit the modality.
Likelihood make_likelihood(const Settings& settings,
                           const ModalitySpec& modality,
                           const at::Tensor& parameters);

}  // namespace shalab
