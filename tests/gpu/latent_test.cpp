#include "arithmetic/latent.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <numbers>

#include "latent_draw.h"
#include "latent_log_density.h"
#include "shalab/error.h"
#include "twins.h"

namespace shalab {
namespace latent_test {

using Family = Posterior::Family;
using gpu::LatentFamily;
using Tensors = std::vector<at::Tensor>;

struct Shape {
  std::int64_t draws, components, batch, size;
};

const Shape kShapes[] = {{1, 1, 1, 1},   {3, 1, 2, 5},   {1, 4, 3, 128},
                         {7, 5, 2, 129}, {2, 3, 4, 512}, {5, 5, 9, 64}};

// z, location and spread.
Tensors operands(const Shape& shape, at::ScalarType type = at::kFloat) {
  const auto options = at::dtype(type);
  return {at::randn({shape.draws, shape.batch, shape.size}, options),
          at::randn({shape.components, shape.batch, shape.size}, options),
          at::rand({shape.components, shape.batch, shape.size}, options) + 0.3};
}

// As automatic derivatives see it: what stood in the SDK before.
at::Tensor naive_density(Family family, const Tensors& in) {
  const at::Tensor error = in[0].unsqueeze(1) - in[1];
  const at::Tensor& spread = in[2];
  if (family == Family::laplace) {
    return -(error.abs() / spread + (2 * spread).log()).sum(-1);
  }
  return -0.5 * (error.square() * (-spread).exp() + spread +
                 std::log(2 * std::numbers::pi))
                    .sum(-1);
}

at::Tensor density(Family family, const Tensors& in) {
  return latent_log_density(family, in[0], in[1], in[2]);
}

at::Tensor naive_draw(Family family, const Tensors& in) {
  const at::Tensor scale =
      family == Family::laplace ? in[2] : (0.5 * in[2]).exp();
  return in[1] + scale * in[0];
}

// in: noise, location, spread.
at::Tensor draw(Family family, const Tensors& in) {
  return latent_draw(family, in[1], in[2], in[0]);
}

// Value, first derivatives and those of the squares of the first.
template <class Function>
Tensors derivatives(const Function& function, const Tensors& operands,
                    std::size_t first) {
  Tensors in;
  for (const at::Tensor& x : operands) in.push_back(x.detach().clone());
  Tensors by;
  for (std::size_t i = first; i < in.size(); ++i) {
    by.push_back(in[i].requires_grad_());
  }
  const at::Tensor value = function(in);
  const at::Tensor weights =
      at::linspace(-1, 2, value.numel(), value.options());
  const at::Tensor total = (value.square() * weights.view_as(value)).sum();
  Tensors result = torch::autograd::grad({total}, by, {}, true, true);
  at::Tensor squares = at::zeros({}, value.options());
  for (const at::Tensor& gradient : result) {
    squares = squares + gradient.square().sum();
  }
  const Tensors second = torch::autograd::grad({squares}, by, {}, {}, false,
                                               /*allow_unused=*/true);
  result.insert(result.end(), second.begin(), second.end());
  result.push_back(value);
  return result;
}

void expect_close(const Tensors& a, const Tensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    SCOPED_TRACE(i);
    const at::Tensor zero = at::zeros({}, a.back().options());
    const at::Tensor x = a[i].defined() ? a[i] : zero;
    const at::Tensor y = b[i].defined() ? b[i] : zero;
    EXPECT_TRUE(at::allclose(x, y, 1e-10, 1e-10));
  }
}

TEST(LatentLogDensity, AndItsDerivativesAreTheAutomaticOnes) {
  for (const Shape& shape : kShapes) {
    const Tensors in = operands(shape, at::kDouble);
    for (const Family family : {Family::normal, Family::laplace}) {
      const auto ours = [&](const Tensors& x) { return density(family, x); };
      const auto naive = [&](const Tensors& x) {
        return naive_density(family, x);
      };
      expect_close(derivatives(ours, in, 0), derivatives(naive, in, 0));
    }
  }
}

TEST(LatentLogDensity, SkipsGradientsThatNobodyWants) {
  const Tensors in = operands({3, 2, 4, 5}, at::kDouble);
  for (const Family family : {Family::normal, Family::laplace}) {
    const at::Tensor z = in[0].clone().requires_grad_();
    const at::Tensor m = in[1].clone().requires_grad_();
    density(family, {z, in[1], in[2]}).sum().backward();
    density(family, {in[0], m, in[2]}).sum().backward();
    const at::Tensor to_m = torch::autograd::grad(
        {naive_density(family, {z, m, in[2]}).sum()}, {m})[0];
    EXPECT_TRUE(at::allclose(m.grad(), to_m));
    EXPECT_TRUE(at::allclose(z.grad().sum(0), -to_m.sum(0)));
  }
}

TEST(LatentLogDensity, OfAnEmptyBatchIsEmpty) {
  const at::Tensor z = at::empty({2, 0, 3}).requires_grad_();
  const at::Tensor m = at::empty({4, 0, 3});
  const at::Tensor q = latent_log_density(Family::normal, z, m, m);
  EXPECT_EQ(q.sizes(), at::IntArrayRef({2, 4, 0}));
  q.sum().backward();
  EXPECT_EQ(z.grad().sizes(), z.sizes());
}

TEST(LatentLogDensity, RefusesADiracAndOtherShapes) {
  const at::Tensor x = at::ones({2, 3, 4});
  EXPECT_THROW(latent_log_density(Family::dirac, x, x, x), Error);
  EXPECT_THROW(latent_log_density(Family::normal, x, at::ones({2, 4, 4}), x),
               Error);
}

TEST(LatentDraw, AndItsDerivativesAreTheAutomaticOnes) {
  for (const Shape& shape : kShapes) {
    Tensors in = operands(shape, at::kDouble);
    in[1] = in[1][0], in[2] = in[2][0];
    Tensors chosen = operands(shape, at::kDouble);
    chosen[1] = at::randn_like(in[0]), chosen[2] = at::rand_like(in[0]) + 0.3;
    for (const Family family : {Family::normal, Family::laplace}) {
      const auto ours = [&](const Tensors& x) { return draw(family, x); };
      const auto naive = [&](const Tensors& x) {
        return naive_draw(family, x);
      };
      expect_close(derivatives(ours, in, 1), derivatives(naive, in, 1));
      expect_close(derivatives(ours, chosen, 1), derivatives(naive, chosen, 1));
    }
  }
}

gpu::LatentTerms terms_of(const Tensors& in) {
  return {in[0].size(0),
          in[1].size(0),
          in[0].size(1),
          in[0].size(2),
          in[0].const_data_ptr<float>(),
          in[1].const_data_ptr<float>(),
          in[2].const_data_ptr<float>()};
}

template <LatentFamily family>
at::Tensor density_twin(const Tensors& in) {
  const gpu::LatentTerms terms = terms_of(in);
  const at::Tensor density =
      at::empty({terms.draws, terms.components, terms.batch});
  for (std::int64_t item = 0; item < density.numel(); ++item) {
    std::vector<float> threads;
    for (int thread = 0; thread < gpu::kLatentThreads; ++thread) {
      threads.push_back(gpu::latent_thread_sum<family>(terms, item, thread));
    }
    density.mutable_data_ptr<float>()[item] =
        gpu::LatentDensity<family>::finished(gpu_tests::block_sum(threads));
  }
  return density;
}

// Gradients to z, location and spread.
template <LatentFamily family>
Tensors gradient_twin(const Tensors& in, const at::Tensor& gradient) {
  const gpu::LatentTerms terms = terms_of(in);
  const float* from = gradient.const_data_ptr<float>();
  Tensors to = {at::empty_like(in[0]), at::empty_like(in[1]),
                at::empty_like(in[2])};
  for (std::int64_t item = 0; item < in[0].numel(); ++item) {
    to[0].mutable_data_ptr<float>()[item] =
        gpu::latent_to_z<family>(terms, from, item);
  }
  for (std::int64_t item = 0; item < in[1].numel(); ++item) {
    const auto pair = gpu::latent_to_component<family>(terms, from, item);
    to[1].mutable_data_ptr<float>()[item] = pair.location;
    to[2].mutable_data_ptr<float>()[item] = pair.spread;
  }
  return to;
}

gpu::LatentNoise noise_of(const Tensors& in) {
  return {in[0].numel() / in[2].numel(), in[2].numel(),
          in[2].const_data_ptr<float>(), in[0].const_data_ptr<float>()};
}

// The draw and, for a gradient equal to the noise, both gradients.
template <LatentFamily family>
Tensors draw_twin(const Tensors& in) {
  const gpu::LatentNoise from = noise_of(in);
  Tensors all = {at::empty_like(in[0]), at::empty_like(in[1]),
                 at::empty_like(in[2])};
  for (std::int64_t item = 0; item < in[0].numel(); ++item) {
    all[0].mutable_data_ptr<float>()[item] =
        gpu::latent_draw<family>(from, in[1].const_data_ptr<float>(), item);
  }
  for (std::int64_t place = 0; place < from.count; ++place) {
    const auto pair =
        gpu::latent_draw_gradients<family>(from, from.noise, place);
    all[1].mutable_data_ptr<float>()[place] = pair.location;
    all[2].mutable_data_ptr<float>()[place] = pair.spread;
  }
  return all;
}

using Density = at::Tensor(const at::Tensor&, const at::Tensor&,
                           const at::Tensor&, std::int64_t);
using DensityBackward = std::tuple<at::Tensor, at::Tensor, at::Tensor>(
    const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&,
    std::int64_t, bool, bool);
using DrawBackward = std::tuple<at::Tensor, at::Tensor>(const at::Tensor&,
                                                        const at::Tensor&,
                                                        const at::Tensor&,
                                                        std::int64_t);

// Density and gradients by the operators, on `device`.
Tensors called_density(LatentFamily family, const Tensors& in,
                       const at::Tensor& gradient, at::Device device) {
  const auto number = static_cast<std::int64_t>(family);
  const at::Tensor z = in[0].to(device), m = in[1].to(device),
                   s = in[2].to(device);
  const at::Tensor value = gpu_tests::operator_of<Density>("latent_log_density")
                               .call(z, m, s, number);
  const auto [to_z, to_m, to_s] =
      gpu_tests::operator_of<DensityBackward>("latent_log_density_backward")
          .call(z, m, s, gradient.to(device), number, true, true);
  return {to_z.cpu(), to_m.cpu(), to_s.cpu(), value.cpu()};
}

Tensors called_draw(LatentFamily family, const Tensors& in, at::Device device) {
  const auto number = static_cast<std::int64_t>(family);
  const at::Tensor noise = in[0].to(device), s = in[2].to(device);
  const at::Tensor value = gpu_tests::operator_of<Density>("latent_draw")
                               .call(in[1].to(device), s, noise, number);
  const auto [to_m, to_s] =
      gpu_tests::operator_of<DrawBackward>("latent_draw_backward")
          .call(s, noise, noise, number);
  return {value.cpu(), to_m.cpu(), to_s.cpu()};
}

// Runs check(family, operands, gradient) on all shapes.
template <class Check>
void for_each_case(const Check& check) {
  using Normal = std::integral_constant<LatentFamily, LatentFamily::normal>;
  using Laplace = std::integral_constant<LatentFamily, LatentFamily::laplace>;
  for (const Shape& shape : kShapes) {
    const Tensors in = operands(shape);
    const at::Tensor gradient =
        at::randn({shape.draws, shape.components, shape.batch});
    check(Normal(), in, gradient);
    check(Laplace(), in, gradient);
  }
}

void expect_all_close(const Tensors& a, const Tensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_TRUE(at::allclose(a[i], b[i], 1e-5, 1e-4));
  }
}

// The draws of one component, as rsample makes them.
Tensors of_one(const Tensors& in) { return {in[0], in[1][0], in[2][0]}; }

void expect_operators_are_twins(at::Device device) {
  for_each_case([device](auto family, const Tensors& in,
                         const at::Tensor& gradient) {
    Tensors twin = gradient_twin<family>(in, gradient);
    twin.push_back(density_twin<family>(in));
    expect_all_close(called_density(family, in, gradient, device), twin);
    const Tensors one = of_one(in);
    expect_all_close(called_draw(family, one, device), draw_twin<family>(one));
  });
}

TEST(Latent, TwinsAreTheFormulas) { expect_operators_are_twins(at::kCPU); }

// exp and log of the device round otherwise.
TEST(Latent, OnAGpuIsTheTwins) {
  const std::string missing = gpu_tests::missing_gpu();
  if (!missing.empty()) GTEST_SKIP() << missing;
  expect_operators_are_twins(at::kCUDA);
}

TEST(Latent, OnAGpuServesRowsWithGaps) {
  const std::string missing = gpu_tests::missing_gpu();
  if (!missing.empty()) GTEST_SKIP() << missing;
  const at::Tensor both = at::rand({6, 10}) + 0.3;
  const auto of = [](const at::Tensor& x) {
    const auto q = Posterior::normal(x.narrow(1, 0, 5), x.narrow(1, 5, 5));
    return q.log_prob(x.narrow(1, 2, 5)).cpu();
  };
  EXPECT_TRUE(at::allclose(of(both.to(at::kCUDA)), of(both), 1e-5, 1e-5));
}

}  // namespace latent_test
}  // namespace shalab
