#include "shalab/encoder.h"

#include <c10/util/StringUtil.h>

#include "shalab/error.h"

namespace shalab {

namespace {

std::string shape_text(const at::Tensor& x) {
  return x.defined() ? c10::str(x.sizes()) : "an undefined tensor";
}

void check_columns(const at::Tensor& x, std::int64_t rows, std::int64_t columns,
                   const std::string& what) {
  SHALAB_CHECK(
      x.defined() && x.dim() == 2 && x.size(0) == rows && x.size(1) == columns,
      what + ": expected " + c10::str(at::IntArrayRef({rows, columns})) +
          ", got " + shape_text(x));
}

std::string family_for(const Settings& settings, const ModalitySpec& modality) {
  std::string family =
      settings.has("likelihood") ? settings.text("likelihood") : "";
  if (family.empty()) family = modality.default_likelihood;
  if (!family.empty()) return family;
  switch (modality.kind) {
    case ModalityKind::image:
      return "laplace";
    case ModalityKind::tokens:
      return "categorical";
    case ModalityKind::vector:
      return "normal";
  }
  return "normal";
}

}  // namespace

Encoder::Encoder(EncoderContext context) : context_(std::move(context)) {}

Encoder::~Encoder() = default;

Features Encoder::encode(const at::Tensor& x) {
  const std::string& name = context_.modality.name;
  SHALAB_CHECK(x.dim() >= 1 && x.sizes().slice(1) ==
                                   at::IntArrayRef(context_.modality.shape),
               "modality " + name + ": expected [B] + " +
                   c10::str(at::IntArrayRef(context_.modality.shape)) +
                   ", got " + shape_text(x));
  Features features = do_encode(x);
  check_columns(features.shared, x.size(0), context_.features,
                "shared features of " + name);
  if (context_.private_features > 0) {
    check_columns(features.private_, x.size(0), context_.private_features,
                  "private features of " + name);
  }
  return features;
}

Likelihood Encoder::decode(const at::Tensor& code) {
  check_columns(code, code.size(0), context_.code,
                "code of " + context_.modality.name);
  Likelihood likelihood = do_decode(code);
  SHALAB_CHECK(likelihood.parameters().size(0) == code.size(0),
               "likelihood of " + context_.modality.name + ": expected " +
                   std::to_string(code.size(0)) + " rows, got " +
                   shape_text(likelihood.parameters()));
  return likelihood;
}

void declare_likelihood_fields(FieldList& fields) {
  fields.choice("likelihood", "", {"", "normal", "laplace", "bernoulli"},
                "family of p(x given z); empty takes the modality's default");
  fields
      .real("likelihood_scale", 0.75,
            "standard deviation of a normal, b of a laplace likelihood")
      .more_than(0);
}

Likelihood make_likelihood(const Settings& settings,
                           const ModalitySpec& modality,
                           const at::Tensor& parameters) {
  const std::string family = family_for(settings, modality);
  const bool is_tokens = modality.kind == ModalityKind::tokens;
  if (is_tokens != (family == "categorical")) {
    throw Error(ErrorKind::usage,
                "likelihood '" + family + "' does not fit modality '" +
                    modality.name + "' of kind " + to_string(modality.kind),
                is_tokens ? "tokens take categorical: leave likelihood empty"
                          : "images and vectors take normal, laplace or "
                            "bernoulli");
  }
  if (is_tokens) return Likelihood::categorical(parameters);
  const double scale = settings.real("likelihood_scale");
  return Likelihood::of(family, parameters, scale,
                        static_cast<int>(modality.shape.size()));
}

}  // namespace shalab
