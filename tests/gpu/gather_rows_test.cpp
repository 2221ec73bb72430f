#include <gtest/gtest.h>

#include "twins.h"

namespace shalab {
namespace gather_rows_test {

at::Tensor gather(const at::Tensor& rows, const at::Tensor& indices) {
  return gpu_tests::operator_of<gpu_tests::Gather>("gather_rows")
      .call(rows, indices);
}

at::Tensor bytes(at::IntArrayRef shape) {
  return at::randint(256, shape, at::kByte);
}

TEST(GatherRows, DividesEveryByteAsTheCpuDoes) {
  const at::Tensor all = at::arange(256, at::kByte).view({256, 1});
  const at::Tensor indices = at::arange(256);
  const at::Tensor twin = gpu_tests::gather_twin(all, indices);
  EXPECT_TRUE(twin.equal(all.to(at::kFloat).div_(255.0)));
  EXPECT_TRUE(twin.equal(gather(all, indices)));
}

TEST(GatherRows, TakesRowsOfAnySize) {
  for (const std::int64_t size : {1, 15, 16, 17, 784, 2352, 4097, 12288}) {
    const at::Tensor rows = bytes({7, size});
    const at::Tensor indices = at::tensor({6, 0, 6, 3}, at::kLong);
    const at::Tensor now =
        rows.index_select(0, indices).to(at::kFloat).div_(255.0);
    EXPECT_TRUE(gather(rows, indices).equal(now)) << size;
    EXPECT_TRUE(gpu_tests::gather_twin(rows, indices).equal(now)) << size;
  }
}

TEST(GatherRows, KeepsTheShapeOfARow) {
  const at::Tensor picture = gather(bytes({4, 3, 2, 5}), at::tensor({2, 1}));
  EXPECT_EQ(picture.sizes(), at::IntArrayRef({2, 3, 2, 5}));
  EXPECT_EQ(picture.scalar_type(), at::kFloat);
}

TEST(GatherRows, OfNothingIsEmpty) {
  const at::Tensor none = at::empty({0}, at::kLong);
  EXPECT_EQ(gather(bytes({4, 3}), none).sizes(), at::IntArrayRef({0, 3}));
}

TEST(GatherRows, HandlesRowsThatAreNotContiguous) {
  const at::Tensor rows = bytes({5, 6}).t();
  const at::Tensor indices = at::tensor({5, 0}, at::kLong);
  EXPECT_TRUE(gather(rows, indices).equal(gather(rows.contiguous(), indices)));
}

TEST(GatherRows, RefusesAnIndexBeyondTheRows) {
  EXPECT_ANY_THROW(gather(bytes({4, 3}), at::tensor({4}, at::kLong)));
}

TEST(GatherRows, OnAGpuHasTheTwinsBits) {
  const std::string missing = gpu_tests::missing_gpu();
  if (!missing.empty()) GTEST_SKIP() << missing;
  for (const std::int64_t size : {1, 15, 16, 784, 2352, 4097, 12288}) {
    const at::Tensor rows = bytes({300, size});
    const at::Tensor indices = at::randint(300, {129}, at::kLong);
    const at::Tensor there =
        gather(rows.to(at::kCUDA), indices.to(at::kCUDA)).cpu();
    EXPECT_TRUE(there.equal(gpu_tests::gather_twin(rows, indices))) << size;
  }
}

}  // namespace gather_rows_test
}  // namespace shalab
