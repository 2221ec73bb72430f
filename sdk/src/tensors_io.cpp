#include <ATen/ATen.h>

#include <cstring>

#include "shalab/error.h"
#include "shalab/io/tensors.h"

namespace shalab::io {

namespace {

at::ScalarType scalar_type_of(ElementType type) {
  switch (type) {
    case ElementType::u8:
      return at::kByte;
    case ElementType::i32:
      return at::kInt;
    case ElementType::i64:
      return at::kLong;
    case ElementType::f32:
      return at::kFloat;
    case ElementType::f64:
      return at::kDouble;
    case ElementType::boolean:
      return at::kBool;
  }
  SHALAB_CHECK(false, "element type " + std::to_string(static_cast<int>(type)));
}

ElementType element_type_of(at::ScalarType type) {
  switch (type) {
    case at::kByte:
      return ElementType::u8;
    case at::kInt:
      return ElementType::i32;
    case at::kLong:
      return ElementType::i64;
    case at::kHalf:
    case at::kBFloat16:
    case at::kFloat:
      return ElementType::f32;
    case at::kDouble:
      return ElementType::f64;
    case at::kBool:
      return ElementType::boolean;
    default:
      SHALAB_CHECK(false, std::string("a tensor of type ") +
                              c10::toString(type) + " as an array");
  }
}

}  // namespace

at::Tensor to_tensor(const Array& array) {
  const std::size_t expected =
      static_cast<std::size_t>(array.numel()) * element_size(array.type);
  SHALAB_CHECK(array.bytes.size() == expected,
               std::to_string(array.bytes.size()) +
                   " bytes, the shape asks "
                   "for " +
                   std::to_string(expected));
  at::Tensor tensor = at::empty(array.shape, scalar_type_of(array.type));
  if (expected > 0) {
    std::memcpy(tensor.data_ptr(), array.bytes.data(), expected);
  }
  return tensor;
}

Array to_array(const at::Tensor& tensor) {
  SHALAB_CHECK(tensor.defined(), "an undefined tensor as an array");
  const ElementType type = element_type_of(tensor.scalar_type());
  const at::Tensor source =
      tensor.detach().to(at::kCPU, scalar_type_of(type)).contiguous();
  Array array{type, source.sizes().vec(), {}};
  array.bytes.resize(source.nbytes());
  if (source.nbytes() > 0) {
    std::memcpy(array.bytes.data(), source.const_data_ptr(), source.nbytes());
  }
  return array;
}

}  // namespace shalab::io
