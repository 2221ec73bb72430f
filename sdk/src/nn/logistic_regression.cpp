#include "shalab/nn/logistic_regression.h"

#include <ATen/ATen.h>
#include <torch/optim/lbfgs.h>

#include <limits>
#include <string>
#include <tuple>

#include "shalab/error.h"

namespace shalab {
namespace {

constexpr std::int64_t kMostIterations = 1000;

void check_labelled_rows(const at::Tensor& x, const at::Tensor& labels,
                         std::int64_t num_classes) {
  SHALAB_CHECK(x.dim() == 2 && x.size(0) > 0 && labels.dim() == 1 &&
                   labels.size(0) == x.size(0),
               "expected rows and a label of each");
  SHALAB_CHECK(labels.min().item<std::int64_t>() >= 0 &&
                   labels.max().item<std::int64_t>() < num_classes,
               "a label out of range");
  if (at::isfinite(x).all().item<bool>()) return;
  throw Error(ErrorKind::run,
              "a logistic regression on values that are not "
              "finite");
}

torch::optim::LBFGSOptions exact_search() {
  return torch::optim::LBFGSOptions(1.0)
      .max_iter(kMostIterations)
      .tolerance_grad(1e-11)
      .tolerance_change(1e-18)
      .history_size(20)
      .line_search_fn("strong_wolfe");
}

// W [C, F] and b [C] for labels of which every class is shown.
std::tuple<at::Tensor, at::Tensor> fit_shown_classes(const at::Tensor& x,
                                                     const at::Tensor& labels,
                                                     std::int64_t num_classes,
                                                     double inverse_penalty) {
  const at::AutoGradMode with_gradients(true);
  at::Tensor weight = at::zeros({num_classes, x.size(1)}, x.options());
  at::Tensor bias = at::zeros({num_classes}, x.options());
  weight.requires_grad_(true);
  bias.requires_grad_(true);
  torch::optim::LBFGS search(std::vector<at::Tensor>{weight, bias},
                             exact_search());
  const double penalty =
      0.5 / (inverse_penalty * static_cast<double>(x.size(0)));
  search.step([&] {
    search.zero_grad();
    const at::Tensor logits = at::linear(x, weight, bias);
    const at::Tensor loss = at::cross_entropy_loss(logits, labels) +
                            penalty * weight.square().sum();
    loss.backward();
    return loss;
  });
  return {weight.detach(), bias.detach()};
}

}  // namespace

at::Tensor LinearClassifier::classes(const at::Tensor& x) const {
  return at::linear(x.detach().to(at::kCPU, at::kDouble), weight, bias)
      .argmax(1);
}

LinearClassifier fit_logistic_regression(const at::Tensor& x,
                                         const at::Tensor& labels,
                                         std::int64_t num_classes,
                                         double inverse_penalty) {
  check_labelled_rows(x, labels, num_classes);
  const at::Tensor rows = x.detach().to(at::kCPU, at::kDouble).clone();
  const auto [shown, place] = at::_unique(labels.cpu(), true, true);
  if (shown.size(0) < 2) {
    throw Error(ErrorKind::run, "a logistic regression of one class only",
                "fit it to more tuples");
  }
  const auto [weight, bias] =
      fit_shown_classes(rows, place, shown.size(0), inverse_penalty);
  LinearClassifier result;
  result.weight = at::zeros({num_classes, rows.size(1)}, rows.options());
  result.bias = at::full(
      {num_classes}, -std::numeric_limits<double>::infinity(), rows.options());
  result.weight.index_copy_(0, shown, weight);
  result.bias.index_copy_(0, shown, bias);
  return result;
}

}  // namespace shalab
