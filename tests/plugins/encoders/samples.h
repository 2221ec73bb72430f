#pragma once
// Modalities that encoder tests share.

#include <memory>
#include <string>

#include "../load.h"
#include "shalab/encoder.h"

namespace shalab {

inline ModalitySpec image_of(std::int64_t channels, std::int64_t side) {
  ModalitySpec spec;
  spec.name = "photo";
  spec.kind = ModalityKind::image;
  spec.shape = {channels, side, side};
  spec.default_likelihood = "laplace";
  return spec;
}

inline ModalitySpec word_of(std::int64_t length) {
  ModalitySpec spec;
  spec.name = "word";
  spec.kind = ModalityKind::tokens;
  spec.shape = {length};
  spec.vocabulary = {" ", "a", "b", "c", "d"};
  spec.default_likelihood = "categorical";
  return spec;
}

inline ModalitySpec curve_of(std::int64_t size) {
  ModalitySpec spec;
  spec.name = "curve";
  spec.shape = {size};
  spec.default_likelihood = "normal";
  return spec;
}

inline std::shared_ptr<Encoder> make_encoder(const std::string& name,
                                             const EncoderContext& context,
                                             const ChangedKeys& keys = {}) {
  return make_plugin<Factory_encoder>("encoder", name, context, keys);
}

inline std::int64_t num_parameters(const torch::nn::Module& module) {
  std::int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

// The call is refused as a usage error whose message names `word`.
template <typename Call>
bool is_refused(Call call, const std::string& word) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind() == ErrorKind::usage &&
           error.message().find(word) != std::string::npos;
  }
  return false;
}

}  // namespace shalab
