#include "shalab/resident_dataset.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "shalab/error.h"

namespace shalab {
namespace resident_dataset_test {

class Example : public ResidentDataset {
 public:
  using ResidentDataset::ResidentDataset;
  std::string fingerprint() const override { return "example"; }
};

std::vector<ModalitySpec> specs() {
  std::vector<ModalitySpec> result(3);
  result[0] = {"picture", ModalityKind::image, {1, 1, 2}, {}, "normal"};
  result[1] = {"word", ModalityKind::tokens, {2}, {"a", "b"}, "categorical"};
  result[2] = {"point", ModalityKind::vector, {1}, {}, "normal"};
  return result;
}

ResidentSplit split_of(std::int64_t n) {
  return {
      {at::tensor({0, 255}, at::kByte).view({1, 1, 1, 2}).repeat({n, 1, 1, 1}),
       at::tensor({1, 0}, at::kByte).repeat({n, 1}),
       at::arange(n, at::kFloat).view({n, 1}) - 0.5},
      at::arange(n)};
}

TEST(ResidentDataset, ScalesImagesAndWidensTokensAfterTheGather) {
  const Example dataset(specs(), {split_of(3), split_of(1), split_of(2)});
  const Batch batch = dataset.gather(Split::train, at::tensor({2L, 0L, 2L}));
  EXPECT_TRUE(batch.data[0][1].equal(at::tensor({0.F, 1.F}).view({1, 1, 2})));
  EXPECT_TRUE(batch.data[1][0].equal(at::tensor({1L, 0L})));
  EXPECT_TRUE(batch.data[2].view(-1).equal(at::tensor({1.5F, -0.5F, 1.5F})));
  EXPECT_TRUE(batch.labels.equal(at::tensor({2L, 0L, 2L})));
  EXPECT_TRUE(batch.ids.equal(batch.labels));
  EXPECT_TRUE(batch.presence.equal(at::ones({3, 3}, at::kBool)));
  EXPECT_EQ(dataset.size(Split::validation), 1);
}

TEST(ResidentDataset, RefusesTensorsThatAreNotAsDeclared) {
  ResidentSplit narrow = split_of(2);
  narrow.data[0] = at::zeros({2, 1, 1, 3}, at::kByte);
  EXPECT_THROW(Example(specs(), {narrow, split_of(1), split_of(1)}), Error);
  ResidentSplit lacking = split_of(2);
  lacking.data.pop_back();
  EXPECT_THROW(Example(specs(), {split_of(1), lacking, split_of(1)}), Error);
}

TEST(Splits, FollowTheProtocol) {
  EXPECT_EQ(validation_share(60000), 5000);
  EXPECT_EQ(validation_share(50000), 5000);
  EXPECT_EQ(validation_share(49999), 4999);
  EXPECT_EQ(limited(100, 0), 100);
  EXPECT_EQ(limited(100, 7), 7);
  EXPECT_EQ(limited(100, 700), 100);
}

}  // namespace resident_dataset_test
}  // namespace shalab
