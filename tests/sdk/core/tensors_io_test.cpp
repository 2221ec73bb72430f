#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>

#include "shalab/error.h"
#include "shalab/io/tensors.h"

namespace shalab::io {
namespace tensors_io_test {

TEST(ArrayTensors, KeepTypeShapeAndNumbers) {
  for (const at::ScalarType type :
       {at::kByte, at::kInt, at::kLong, at::kFloat, at::kDouble, at::kBool}) {
    const at::Tensor tensor = at::arange(6).remainder(2).to(type).view({2, 3});
    const Array array = to_array(tensor);
    EXPECT_EQ(array.shape, (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(array.bytes.size(), 6 * element_size(array.type));
    const at::Tensor again = to_tensor(array);
    EXPECT_EQ(again.scalar_type(), type);
    EXPECT_TRUE(at::equal(again, tensor));
  }
}

TEST(ArrayTensors, AreCopies) {
  Array array{ElementType::u8, {2}, {std::byte{1}, std::byte{2}}};
  const at::Tensor tensor = to_tensor(array);
  array.bytes[0] = std::byte{9};
  EXPECT_EQ(tensor[0].item<int>(), 1);
  const Array back = to_array(tensor);
  tensor.fill_(7);
  EXPECT_EQ(back.bytes[1], std::byte{2});
}

TEST(ArrayTensors, AreRowMajor) {
  const at::Tensor transposed = at::arange(6, at::kInt).view({2, 3}).t();
  const Array array = to_array(transposed);
  std::int32_t second = 0;
  std::memcpy(&second, array.bytes.data() + 4, 4);
  EXPECT_EQ(second, 3);
  EXPECT_TRUE(at::equal(to_tensor(array), transposed));
}

TEST(ArrayTensors, WidenHalfNumbers) {
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    const Array array = to_array(at::full({2}, 1.5, type));
    EXPECT_EQ(array.type, ElementType::f32);
    EXPECT_EQ(to_tensor(array)[1].item<float>(), 1.5f);
  }
}

TEST(ArrayTensors, MayBeEmptyOrScalar) {
  EXPECT_EQ(to_tensor(to_array(at::empty({0, 3}))).sizes(),
            (std::vector<std::int64_t>{0, 3}));
  const at::Tensor scalar = at::full({}, 4, at::kLong);
  EXPECT_EQ(to_tensor(to_array(scalar)).dim(), 0);
}

TEST(ArrayTensors, RefuseWhatHasNoCounterpart) {
  EXPECT_THROW(to_array(at::zeros({1}, at::kComplexFloat)), Error);
  EXPECT_THROW(to_array(at::Tensor()), Error);
  EXPECT_THROW(to_tensor({ElementType::f32, {2}, {std::byte{0}}}), Error);
  EXPECT_THROW(to_tensor({ElementType::u8, {-1}, {}}), Error);
}

}  // namespace tensors_io_test
}  // namespace shalab::io
