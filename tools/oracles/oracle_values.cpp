// Our side of tools/oracles/compare.py where `shalab score` does not reach:
//   oracle_values KIND IN.npz OUT.npz [WEIGHTS.safetensors]
// The arrays of each kind are at the functions below.

#include <ATen/ATen.h>

#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include "../../tests/plugins/load.h"
#include "linear_model.h"
#include "shalab/io/arrays.h"
#include "shalab/io/tensors.h"
#include "shalab/nn/inception.h"
#include "shalab/nn/kernel_distance.h"
#include "shalab/nn/logistic_regression.h"
#include "shalab/nn/precision_recall.h"
#include "shalab/random.h"

namespace shalab::oracles {
namespace {

using Arrays = std::map<std::string, at::Tensor>;
using Weights = std::string;  // a file; empty where a kind has none

// real, generated [N, F] -> value: the kernel distance of all rows.
Arrays kid(const Arrays& in, const Weights&) {
  at::Generator generator = make_generator(0, "oracles");
  const KernelDistanceOptions options{1, in.at("real").size(0)};
  const double value =
      kernel_distance(in.at("real"), in.at("generated"), options, generator)
          .value;
  return {{"value", at::full({1}, value, at::kDouble)}};
}

// p, q [K] -> f [2]: F_1/8 and F_8; curve [2 A]: precision, then recall.
Arrays prd(const Arrays& in, const Weights&) {
  const PrdCurve curve = prd_curve(in.at("p"), in.at("q"));
  return {{"f", at::tensor(
                    {largest_f_beta(curve, 1.0 / 8), largest_f_beta(curve, 8)},
                    at::kDouble)},
          {"curve", at::cat({curve.precision, curve.recall})}};
}

// images [B, 3, H, W] -> pytorch_fid, torch_fidelity [B, 2048]: the features
// under each convention of resizing.
Arrays inception(const Arrays& in, const Weights& weights) {
  const auto network = read_inception(weights);
  Arrays out;
  for (const auto resize :
       {InceptionResize::pytorch_fid, InceptionResize::torch_fidelity}) {
    out[to_string(resize)] = network->features(in.at("images"), resize);
  }
  return out;
}

// x [N, F], y [N], other_x [B, F] -> weight [C, F], bias [C], classes [B].
Arrays linear_probe(const Arrays& in, const Weights&) {
  const at::Tensor& labels = in.at("y");
  const LinearClassifier fitted = fit_logistic_regression(
      in.at("x"), labels, labels.max().item<std::int64_t>() + 1, 1.0);
  return {{"weight", fitted.weight},
          {"bias", fitted.bias},
          {"classes", fitted.classes(in.at("other_x"))}};
}

Generated latents_of(const GenerationTask& task, const at::Tensor& latents) {
  Generated generated;
  generated.task = &task;
  generated.latents = latents;
  generated.truth.ids =
      at::arange(latents.size(0), at::TensorOptions(at::kLong));
  return generated;
}

// known, draws [n, D] -> prior_gap, posterior_gap. The metric takes a random
// half of the aggregate posterior: it is handed `known` there, and zeros in the
// other half, which plays no part.
Arrays prior_gap(const Arrays& in, const Weights&) {
  const at::Tensor& known = in.at("known");
  const std::int64_t count = known.size(0);
  at::Generator generator = make_generator(0, "latent_map/half");
  const at::Tensor order =
      at::randperm(2 * count, generator, at::TensorOptions(at::kLong));
  const at::Tensor posterior =
      at::cat({known, at::zeros_like(known)}).index_select(0, order.argsort());
  const LinearModel model(at::zeros({1, 1}), at::zeros({1}), 1.0,
                          at::zeros({2 * count, 1}));
  const auto metric = make_plugin<Factory_metric>("metric", "latent_map",
                                                  model.metric_context());
  const auto tasks = metric->tasks();
  metric->observe(latents_of(tasks[0], in.at("draws")));
  metric->observe(latents_of(tasks[1], posterior));
  Arrays out;
  for (const Measurement& row : metric->finish()) {
    out[row.name] = at::full({1}, row.value, at::kDouble);
  }
  return out;
}

// weight [P, D] of orthogonal columns, bias [P], noise [1], x [N, P] -> value:
// the mean of log p(x) by importance sampling from the exact posterior, under
// which every weight is p(x).
Arrays log_likelihood(const Arrays& in, const Weights&) {
  LinearModel model(in.at("weight"), in.at("bias"),
                    in.at("noise").item<double>(), in.at("x"));
  const auto make = [](const MetricContext& context) {
    return make_plugin<Factory_metric>(
        "metric", "log_likelihood", context,
        {{"importance_samples", std::int64_t{20}}});
  };
  const auto rows = model.measured({"log_likelihood", "", make});
  return {{"value", at::full({1}, rows.front().value, at::kDouble)}};
}

using Kind = std::function<Arrays(const Arrays&, const Weights&)>;

const std::map<std::string, Kind>& kinds() {
  static const std::map<std::string, Kind> all{
      {"kid", kid},
      {"prd", prd},
      {"inception", inception},
      {"linear_probe", linear_probe},
      {"prior_gap", prior_gap},
      {"log_likelihood", log_likelihood}};
  return all;
}

int run(int count, char** arguments) {
  if (count < 4 || count > 5 || kinds().count(arguments[1]) == 0) {
    std::fputs("usage: oracle_values KIND IN.npz OUT.npz [WEIGHTS]; kinds:",
               stderr);
    for (const auto& [name, kind] : kinds()) {
      std::fprintf(stderr, " %s", name.c_str());
    }
    std::fputs("\n", stderr);
    return 2;
  }
  Arrays in;
  for (const auto& [name, array] : io::read_npz(arguments[2])) {
    in[name] = io::to_tensor(array);
  }
  io::NamedArrays out;
  for (const auto& [name, values] :
       kinds().at(arguments[1])(in, count > 4 ? arguments[4] : "")) {
    out[name] = io::to_array(values);
  }
  io::write_npz(arguments[3], out);
  return 0;
}

}  // namespace
}  // namespace shalab::oracles

int main(int count, char** arguments) {
  try {
    return shalab::oracles::run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "oracle_values: %s\n", error.what());
    return 1;
  }
}
