#pragma once
// What the networks behind features have in common: weights of a file, checked
// as they are taken, and pictures of three channels.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace shalab {

using NamedTensors = std::map<std::string, at::Tensor>;
using NamedShapes = std::map<std::string, std::vector<std::int64_t>>;

// Gives the tensor called `name`, of this shape.
using TakeTensor = std::function<at::Tensor(const std::string& name,
                                            const std::vector<std::int64_t>&)>;

// What `build` takes.
NamedShapes shapes_taken(const std::function<void(const TakeTensor&)>& build);

class NetworkWeights {
 public:
  // Errors name `file` and `network` and end with `cure`.
  NetworkWeights(NamedTensors tensors, std::string file, std::string network,
                 std::string cure);

  // Error(data) where it is missing, of another shape, or not of finite
  // floating-point numbers.
  at::Tensor take(const std::string& name,
                  const std::vector<std::int64_t>& shape);
  TakeTensor taker();

  // 16 hexadecimal digits, to be asked when everything was taken. Error(data)
  // where a tensor was not.
  std::string digest() const;

 private:
  [[noreturn]] void refuse(const std::string& what) const;

  NamedTensors tensors_;
  std::string file_, network_, cure_;
  std::set<std::string> taken_;
};

// Convolutions of a GPU round to TF32 unless told not to.
class FullPrecision {
 public:
  FullPrecision();
  ~FullPrecision();
  FullPrecision(const FullPrecision&) = delete;
  FullPrecision& operator=(const FullPrecision&) = delete;

 private:
  bool allowed_;
};

// images [B, C, H, W], C 1 or 3, as float [B, 3, H, W]. A failed check on
// another shape.
at::Tensor in_three_channels(const at::Tensor& images);

// Values of [0, 1] as the 8-bit values of a file: whole, 0 to 255.
at::Tensor in_eight_bits(const at::Tensor& images);

}  // namespace shalab
