#pragma once
// Resizing of 8-bit pictures, level by level as Pillow does it.

#include "shalab/io/images.h"

namespace shalab::io {

// bilinear: 1 - |x|, |x| < 1; bicubic: Keys' kernel, a = -1/2, |x| < 2.
enum class ResizeFilter { bilinear, bicubic };

// `image` as width x height, its aspect not kept. Antialiased: where a side
// shrinks, the kernel widens by as much. Equal in every level to Image.resize of
// Pillow up to 12: weights are rounded to whole multiples of 2^-22, rows are
// resized to whole levels first, columns after them (Pillow 13 takes tall
// pictures by columns first). A failed check unless both sides are at least 1
// and the image is not empty.
Image resized(const Image& image, std::int64_t width, std::int64_t height,
              ResizeFilter filter);

}  // namespace shalab::io
