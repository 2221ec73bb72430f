// Synthetic data with a known model: x_m = A_m z + b_m + noise e_m with
// z ~ N(0, I) and e_m ~ N(0, I). So x ~ N(b, A A^T + noise^2 I) exactly, and
// a normal likelihood with linear networks can reach that density.

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_cholesky.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/randn.h>

#include <cmath>
#include <numbers>
#include <sstream>

#include "shalab/error.h"
#include "shalab/random.h"
#include "shalab/resident_dataset.h"

namespace {

using namespace shalab;

void declare_fields(FieldList& fields) {
  fields.integer("modalities", 3, "number of vector modalities, named x0, x1 …")
      .range(1, 64);
  fields.integer("latent", 2, "dimension of the latent z").range(1, 1024);
  fields.integer("dimensions", 4, "dimension of each modality").range(1, 4096);
  fields.real("noise", 0.5, "standard deviation of the noise").more_than(0);
  fields.integer("train", 2000, "training tuples").at_least(1);
  fields.integer("validation", 500, "validation tuples").at_least(1);
  fields.integer("test", 1000, "test tuples").at_least(1);
  fields.integer("seed", 1, "draws A, b and the tuples").at_least(0);
}

// Row-stacked over modalities, P = modalities * dimensions; double precision.
struct LinearModel {
  at::Tensor weight;  // A [P, D]
  at::Tensor bias;    // b [P]
  double noise = 0;
};

LinearModel draw_model(const Settings& settings) {
  at::Generator generator =
      make_generator(static_cast<std::uint64_t>(settings.integer("seed")),
                     "linear_gaussian/model");
  const std::int64_t stacked =
      settings.integer("modalities") * settings.integer("dimensions");
  LinearModel model;
  model.weight =
      at::randn({stacked, settings.integer("latent")}, generator, at::kDouble);
  model.bias = at::randn({stacked}, generator, at::kDouble);
  model.noise = settings.real("noise");
  return model;
}

std::vector<ModalitySpec> specs_of(const Settings& settings) {
  std::vector<ModalitySpec> specs;
  for (std::int64_t m = 0; m < settings.integer("modalities"); ++m) {
    specs.push_back({.name = "x" + std::to_string(m),
                     .kind = ModalityKind::vector,
                     .shape = {settings.integer("dimensions")},
                     .vocabulary = {},
                     .default_likelihood = "normal"});
  }
  return specs;
}

ResidentSplit draw_split(const LinearModel& model, const Settings& settings,
                         Split split) {
  const std::string name = to_string(split);
  at::Generator generator =
      make_generator(static_cast<std::uint64_t>(settings.integer("seed")),
                     "linear_gaussian/" + name);
  const std::int64_t size = settings.integer(name);
  const at::Tensor latent =
      at::randn({size, model.weight.size(1)}, generator, at::kDouble);
  const at::Tensor noise =
      at::randn({size, model.weight.size(0)}, generator, at::kDouble);
  const at::Tensor x =
      latent.matmul(model.weight.t()) + model.bias + model.noise * noise;
  ResidentSplit result;
  for (const at::Tensor& part : x.split(settings.integer("dimensions"), 1)) {
    result.data.push_back(part.to(at::kFloat).contiguous());
  }
  return result;
}

class LinearGaussian : public ResidentDataset {
 public:
  LinearGaussian(const Settings& settings, LinearModel model)
      : ResidentDataset(specs_of(settings),
                        {draw_split(model, settings, Split::train),
                         draw_split(model, settings, Split::validation),
                         draw_split(model, settings, Split::test)}),
        settings_(settings),
        model_(std::move(model)) {
    const at::Tensor covariance =
        model_.weight.matmul(model_.weight.t()) +
        model_.noise * model_.noise *
            at::eye(model_.weight.size(0), at::kDouble);
    cholesky_ = at::linalg_cholesky(covariance);
  }

  std::string fingerprint() const override {
    std::ostringstream text;
    text << "linear_gaussian/1";
    for (const Field& field : settings_.fields().all()) {
      text << ' ' << field.name << '=' << to_text(settings_.value(field.name));
    }
    return text.str();
  }

  // -1/2 |L^-1 (x - b)|^2 - sum log L_ii - P/2 log 2 pi, with L L^T the
  // covariance of x. Complete tuples only.
  std::optional<at::Tensor> exact_log_likelihood(
      const Batch& batch) const override {
    SHALAB_CHECK(batch.presence.all().item<bool>(), "incomplete tuples");
    const at::Tensor x = at::cat(batch.data, 1).cpu().to(at::kDouble);
    const at::Tensor whitened = at::linalg_solve_triangular(
        cholesky_, (x - model_.bias).t(), /*upper=*/false);
    const at::Tensor log_scale = cholesky_.diagonal().log().sum();
    const double constant =
        0.5 * static_cast<double>(x.size(1)) * std::log(2 * std::numbers::pi);
    const at::Tensor log_density =
        -0.5 * whitened.square().sum(0) - log_scale - constant;
    return log_density.to(batch.data[0].device(), at::kFloat);
  }

 private:
  Settings settings_;
  LinearModel model_;
  at::Tensor cholesky_;  // [P, P], lower
};

std::unique_ptr<Dataset> make(const Settings& settings, const DatasetContext&) {
  return std::make_unique<LinearGaussian>(settings, draw_model(settings));
}

}  // namespace

SHALAB_PLUGIN(dataset, 1,
              "linear Gaussian tuples whose exact log-likelihood is known",
              declare_fields, make)
