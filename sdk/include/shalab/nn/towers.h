#pragma once
// What encoder plugins have in common.

#include <string>

#include "shalab/encoder.h"

namespace shalab {

// `context`, for the first line of an encoder's constructor, where its
// modality `fits`; else Error(usage): encoder `name` takes `what`.
const EncoderContext& accepted(const EncoderContext& context, bool fits,
                               const std::string& name,
                               const std::string& what);

// The towers of an encoder, registered in it as "shared" and, where private
// features are wanted, "private". Tower is a module holder whose forward takes
// x [B, ...] to features [B, H].
template <typename Tower>
class Towers {
 public:
  // make(H) gives a tower of H features.
  template <typename Make>
  Towers(torch::nn::Module& owner, const EncoderContext& context, Make make)
      : shared_(owner.register_module("shared", make(context.features))) {
    if (context.private_features > 0) {
      private_ =
          owner.register_module("private", make(context.private_features));
    }
  }

  Features encode(const at::Tensor& x) {
    return {shared_->forward(x),
            private_ ? private_->forward(x) : at::Tensor()};
  }

 private:
  Tower shared_;
  Tower private_{nullptr};
};

}  // namespace shalab
