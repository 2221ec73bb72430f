#include "shalab/io/arrays.h"

#include "bytes.h"
#include "shalab/error.h"

namespace shalab::io {

std::size_t element_size(ElementType type) {
  switch (type) {
    case ElementType::u8:
    case ElementType::boolean:
      return 1;
    case ElementType::i32:
    case ElementType::f32:
      return 4;
    case ElementType::i64:
    case ElementType::f64:
      return 8;
  }
  SHALAB_CHECK(false, "element type " + std::to_string(static_cast<int>(type)));
}

std::int64_t Array::numel() const {
  const auto count = byte_count(shape, 1);
  SHALAB_CHECK(count.has_value(), "the shape's product does not fit 63 bits");
  return static_cast<std::int64_t>(*count);
}

}  // namespace shalab::io
