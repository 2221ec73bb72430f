#include "shalab/nn/ema.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "shalab/error.h"

namespace shalab::nn {
namespace ema_test {

struct Pair : torch::nn::Module {
  explicit Pair(double value)
      : a(register_parameter("a", at::full({2}, value))),
        b(register_parameter("b", at::full({1}, 10.0 * value))),
        fixed(register_buffer("fixed", at::full({1}, value))) {}
  at::Tensor a, b, fixed;
};

TEST(Ema, WarmsUpAsItsFormula) {
  Pair average(0.0), live(1.0);
  Ema ema(0.999);
  ema.update(average, live);  // d = 1/10: 0 + .9
  EXPECT_NEAR(average.a[0].item<float>(), 0.9, 1e-6);
  EXPECT_NEAR(average.b[0].item<float>(), 9.0, 1e-5);
  ema.update(average, live);  // d = 2/11: 1 - .1 * 2/11
  EXPECT_NEAR(average.a[1].item<float>(), 1.0 - 0.1 * 2.0 / 11.0, 1e-6);
  EXPECT_EQ(ema.updates(), 2);
  EXPECT_EQ(live.a[0].item<float>(), 1.0f);
}

TEST(Ema, NeverExceedsItsDecay) {
  Pair average(0.0), live(1.0);
  Ema ema(0.05);  // below 1/10 from the first step on
  ema.update(average, live);
  EXPECT_NEAR(average.a[0].item<float>(), 0.95, 1e-6);
}

TEST(Ema, GoesOnFromALoadedCount) {
  Pair average(0.0), live(1.0);
  Ema ema(0.999);
  ASSERT_EQ(ema.updates(), 0);
  ema.named_buffers(true)["updates.value"].fill_(90);
  ema.update(average, live);  // d = 91/100
  EXPECT_NEAR(average.a[0].item<float>(), 0.09, 1e-6);
  EXPECT_EQ(ema.updates(), 91);
  EXPECT_EQ(ema.named_buffers(true)["updates.value"].item<std::int64_t>(), 91);
}

TEST(Ema, LeavesNoGraph) {
  Pair average(0.0), live(1.0);
  Ema(0.9).update(average, live);
  EXPECT_FALSE(average.a.grad_fn());
}

TEST(CopyParameters, CopiesBuffersToo) {
  Pair to(0.0), from(3.0);
  copy_parameters(to, from);
  EXPECT_EQ(to.a[0].item<float>(), 3.0f);
  EXPECT_EQ(to.fixed[0].item<float>(), 3.0f);
  from.a.data().fill_(4.0);
  EXPECT_EQ(to.a[0].item<float>(), 3.0f);
}

TEST(CopyParameters, RefusesAnotherStructure) {
  struct One : torch::nn::Module {
    One() { register_parameter("a", at::zeros({2})); }
  } one;
  Pair pair(1.0);
  EXPECT_THROW(copy_parameters(one, pair), Error);
}

}  // namespace ema_test
}  // namespace shalab::nn
