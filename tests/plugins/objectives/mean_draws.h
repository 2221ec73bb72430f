#pragma once
// Random draws replaced by the middle of their distributions, whatever the
// generator: for comparing two implementations of one formula.

#include <ATen/ATen.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>

#include <cstdint>
#include <optional>

namespace shalab {

// While it lives, on its thread: normal draws are 0, so that a normal posterior
// gives its mean; uniform draws from below 0, which Laplace draws are made of,
// are 0; N other uniform draws are (i + 1/2) / N, so that what is chosen by rank
// goes in order and B samples meet C components in B / C equal chunks; integer
// draws are the lowest. One at a time.
class MeanDraws {
 public:
  MeanDraws()
      : others_(torch::Library::IMPL, "_", kKey, __FILE__, __LINE__),
        draws_(torch::Library::IMPL, "aten", kKey, __FILE__, __LINE__),
        mode_(kKey) {
    others_.fallback(torch::CppFunction::makeFallthrough());
    draws_.impl("normal_", &normal);
    draws_.impl("uniform_", &uniform);
    draws_.impl("random_.from", &random);
  }

 private:
  using Generator = std::optional<at::Generator>;
  static constexpr auto kKey = c10::DispatchKey::TESTING_ONLY_GenericMode;

  static at::Tensor& normal(at::Tensor& x, double mean, double, Generator) {
    return x.fill_(mean);
  }
  static at::Tensor& uniform(at::Tensor& x, double low, double high,
                             Generator) {
    if (low < 0.0) return x.zero_();
    const auto count = static_cast<double>(x.numel());
    const at::Tensor middles =
        (at::arange(x.numel(), x.options()) + 0.5) / count * (high - low);
    return x.copy_((middles + low).view(x.sizes()));
  }
  static at::Tensor& random(at::Tensor& x, std::int64_t low,
                            std::optional<std::int64_t>, Generator) {
    return x.fill_(low);
  }

  torch::Library others_;
  torch::Library draws_;
  c10::impl::IncludeDispatchKeyGuard mode_;
};

}  // namespace shalab
