#pragma once
// Where PolyMNIST's tuples come from: the recipe, or files that hold them.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "shalab/dataset.h"
#include "shalab/fields.h"
#include "shalab/services.h"

namespace shalab::poly_mnist {

inline constexpr std::int64_t kSide = 28;
inline constexpr std::int64_t kPixels = kSide * kSide;
inline constexpr std::int64_t kChannels = 3;
inline constexpr std::int64_t kClasses = 10;
inline constexpr std::size_t kMostModalities = 64;  // of ModalitySubset

// Tuples that are made apart: no picture is in two parts.
enum class Part { train, validation, test };

// Which tuples a split holds, int64 [n]: rows of a part, in any order.
struct Selection {
  Part part;
  Split split;
  at::Tensor tuples;
};

class Source {
 public:
  virtual ~Source() = default;
  virtual std::size_t num_modalities() const = 0;
  // int64 [N], 0 .. 9; empty where there is no such part.
  virtual at::Tensor labels(Part part) const = 0;
  // Pictures of modality m: uint8 [n, 3, 28, 28].
  virtual at::Tensor images(const Selection& selection, std::size_t m) = 0;
  // Of all that was read so far.
  virtual std::string digest() const = 0;
};

// The recipe of Sutter et al.; keys `backgrounds`, `translated` and `seed`.
// Parts train and test are MNIST's. Each digit is used once in all tuples of a
// part and modality. Translated pictures (MultiVae's variant) show the digit
// scaled by 0.75 (bilinear, not antialiased) at a uniform place whose corner
// lies in 0 .. 6. Error(data) naming a file that is missing or wrong.
std::unique_ptr<Source> open_recipe(const Settings& settings,
                                    const Services& services);

// Pictures as they were published: root/train/m0/{i}.{digit}.png, m1 and so on,
// root/test likewise and, where it exists, root/val (Extended PolyMNIST). The
// tuple (i, digit) is what the files of that name show; rows are sorted by
// digit and i. All folders of a part must hold the same names and all parts the
// same modalities; hidden files are left alone. Each folder is packed once, to
// CACHE/poly_mnist/KEY.npz, and found again by the names, sizes and times of
// its files. Error(data) naming what is missing, misnamed, unreadable or not
// 28 x 28.
std::unique_ptr<Source> open_archive(const std::filesystem::path& root,
                                     const Services& services);

}  // namespace shalab::poly_mnist
