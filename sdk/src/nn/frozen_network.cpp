#include "frozen_network.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>

#include <utility>

#include "shalab/digest.h"
#include "shalab/error.h"

namespace shalab {
namespace {

std::string sizes_text(at::IntArrayRef shape) {
  std::string text;
  for (const std::int64_t size : shape) {
    text += (text.empty() ? "[" : ", ") + std::to_string(size);
  }
  return text.empty() ? "[]" : text + "]";
}

}  // namespace

NamedShapes shapes_taken(const std::function<void(const TakeTensor&)>& build) {
  NamedShapes shapes;
  build([&shapes](const std::string& name,
                  const std::vector<std::int64_t>& shape) {
    shapes[name] = shape;
    return at::zeros(shape);
  });
  return shapes;
}

NetworkWeights::NetworkWeights(NamedTensors tensors, std::string file,
                               std::string network, std::string cure)
    : tensors_(std::move(tensors)),
      file_(std::move(file)),
      network_(std::move(network)),
      cure_(std::move(cure)) {}

at::Tensor NetworkWeights::take(const std::string& name,
                                const std::vector<std::int64_t>& shape) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) refuse("no tensor '" + name + "'");
  const at::Tensor& x = found->second;
  if (x.sizes() != at::IntArrayRef(shape)) {
    refuse("'" + name + "' is " + sizes_text(x.sizes()) + ", expected " +
           sizes_text(shape));
  }
  if (!x.is_floating_point() || !at::isfinite(x).all().item<bool>()) {
    refuse("'" + name + "' is not of finite floating-point numbers");
  }
  taken_.insert(name);
  return x;
}

TakeTensor NetworkWeights::taker() {
  return
      [this](const std::string& name, const std::vector<std::int64_t>& shape) {
        return take(name, shape);
      };
}

std::string NetworkWeights::digest() const {
  Digest64 digest;
  for (const auto& [name, tensor] : tensors_) {
    if (taken_.count(name) == 0) refuse("unknown tensor '" + name + "'");
    const at::Tensor x = tensor.cpu().contiguous();
    digest.add(name).add(x.const_data_ptr(), x.nbytes());
  }
  return digest.hex();
}

void NetworkWeights::refuse(const std::string& what) const {
  throw Error(ErrorKind::data,
              file_ + ": no weights of " + network_ + ": " + what, cure_);
}

FullPrecision::FullPrecision()
    : allowed_(at::globalContext().allowTF32CuDNN()) {
  at::globalContext().setAllowTF32CuDNN(false);
}

FullPrecision::~FullPrecision() {
  at::globalContext().setAllowTF32CuDNN(allowed_);
}

at::Tensor in_three_channels(const at::Tensor& images) {
  SHALAB_CHECK(
      images.dim() == 4 && (images.size(1) == 1 || images.size(1) == 3),
      "images " + sizes_text(images.sizes()));
  const at::Tensor x = images.to(at::kFloat);
  return x.size(1) == 3 ? x : x.expand({-1, 3, -1, -1});
}

at::Tensor in_eight_bits(const at::Tensor& images) {
  return images.clamp(0, 1).mul(255).round();
}

}  // namespace shalab
