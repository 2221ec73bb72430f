// Fully connected networks for any modality: images flattened, tokens through
// an embedding.

#include "shalab/nn/mlp.h"

#include <torch/nn/modules/embedding.h>

#include "shalab/nn/init.h"
#include "shalab/nn/towers.h"

namespace shalab {
namespace {

void declare_fields(FieldList& fields) {
  fields.integer("width", 512, "width of the hidden layers").at_least(1);
  fields.integer("layers", 3, "linear layers in each direction").at_least(1);
  fields.integer("embedding", 32, "columns of a token's embedding").at_least(1);
  declare_activation_field(fields, "relu");
  declare_init_field(fields);
  declare_likelihood_fields(fields);
}

Mlp make_mlp(const Settings& settings, std::int64_t in, std::int64_t out) {
  return Mlp(mlp_widths(in, settings.integer("width"), out,
                        settings.integer("layers")),
             settings.text("activation"));
}

// x [B, ...] -> features [B, out].
class TowerImpl : public torch::nn::Module {
 public:
  TowerImpl(const Settings& settings, const ModalitySpec& modality,
            std::int64_t out) {
    std::int64_t in = modality.numel();
    if (modality.kind == ModalityKind::tokens) {
      const std::int64_t size = settings.integer("embedding");
      embedding_ = register_module(
          "embedding", torch::nn::Embedding(modality.vocabulary_size(), size));
      in *= size;
    }
    mlp_ = register_module("mlp", make_mlp(settings, in, out));
  }

  at::Tensor forward(const at::Tensor& x) {
    const at::Tensor dense = embedding_ ? embedding_->forward(x) : x;
    return mlp_->forward(dense.flatten(1));
  }

 private:
  torch::nn::Embedding embedding_{nullptr};
  Mlp mlp_{nullptr};
};
TORCH_MODULE(Tower);

class MlpEncoder final : public Encoder {
 public:
  MlpEncoder(const Settings& settings, const EncoderContext& context)
      : Encoder(context),
        settings_(settings),
        event_(context.modality.shape),
        towers_(*this, context, [&](std::int64_t features) {
          return Tower(settings, context.modality, features);
        }) {
    std::int64_t out = context.modality.numel();
    if (context.modality.kind == ModalityKind::tokens) {
      event_.push_back(context.modality.vocabulary_size());
      out *= context.modality.vocabulary_size();
    }
    decoder_ =
        register_module("decoder", make_mlp(settings, context.code, out));
    initialise(*this, settings.text("init"));
  }

 protected:
  Features do_encode(const at::Tensor& x) override { return towers_.encode(x); }

  Likelihood do_decode(const at::Tensor& code) override {
    const at::Tensor flat = decoder_->forward(code);
    return make_likelihood(settings_, context().modality,
                           flat.unflatten(1, event_));
  }

 private:
  Settings settings_;
  std::vector<std::int64_t> event_;
  Towers<Tower> towers_;
  Mlp decoder_{nullptr};
};

std::shared_ptr<Encoder> make(const Settings& settings,
                              const EncoderContext& context) {
  return std::make_shared<MlpEncoder>(settings, context);
}

}  // namespace
}  // namespace shalab

SHALAB_PLUGIN(encoder, 1, "fully connected, for any modality",
              shalab::declare_fields, shalab::make)
