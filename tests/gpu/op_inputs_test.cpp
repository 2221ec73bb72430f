#include "op_inputs.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>

namespace shalab {
namespace op_inputs_test {

std::set<const void*>& seen() {
  static std::set<const void*> instance;
  return instance;
}

void see(const at::Tensor& tensor) {
  seen().insert(tensor.storage().data_ptr().get());
}

bool was_seen(const at::Tensor& tensor) {
  return seen().contains(tensor.storage().data_ptr().get());
}

class OpInputsTest : public testing::Test {
 protected:
  void SetUp() override { seen().clear(); }
  at::Tensor a = at::rand({3, 3}), b = at::rand({3, 3});
};

TEST_F(OpInputsTest, SeesTensorsAndThoseInLists) {
  const at::Tensor index = at::arange(2), absent;
  const OpInputs inputs(see);
  at::cat({a.t(), b});
  EXPECT_TRUE(was_seen(a) && was_seen(b));
  a.index({index});
  EXPECT_TRUE(was_seen(index));
  at::conv1d(a, b.unsqueeze(0), absent);
}

TEST_F(OpInputsTest, SeesWhatAFusedUpdateReads) {
  const at::Tensor mean = at::zeros({3, 3}), square = at::zeros({3, 3});
  const at::Tensor steps = at::ones({});
  const OpInputs inputs(see);
  at::_fused_adam_({a}, {b}, {mean}, {square}, {}, {steps}, 1e-3, 0.9, 0.99, 0,
                   1e-8, false, false);
  for (const at::Tensor& one : {a, b, mean, square, steps}) {
    EXPECT_TRUE(was_seen(one));
  }
}

// The slope and what the forward pass saved.
TEST_F(OpInputsTest, SeesWhatABackwardPassReads) {
  const at::Tensor x = a.clone().requires_grad_(true), slope = at::rand({3, 3});
  const at::Tensor saved = b.clone();
  const at::Tensor y = x.mm(saved);
  const OpInputs inputs(see);
  y.backward(slope);
  EXPECT_TRUE(was_seen(slope) && was_seen(saved));
}

TEST_F(OpInputsTest, SeesNothingAfterwards) {
  { const OpInputs inputs(see); }
  a.mm(b);
  EXPECT_FALSE(was_seen(a));
}

}  // namespace op_inputs_test
}  // namespace shalab
