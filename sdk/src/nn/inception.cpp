#include "shalab/nn/inception.h"

#include <ATen/ATen.h>

#include "frozen_network.h"
#include "inception_trunk.h"
#include "shalab/error.h"
#include "shalab/io/safetensors.h"

namespace shalab {
namespace {

constexpr std::int64_t kImagesAtOnce = 50;
constexpr const char* kConverter =
    "make the file with tools/convert_inception.py from "
    "pt_inception-2015-12-05-6726825d.pth";

// The classifier and the counters of batches: files may hold them.
bool is_left_out(const std::string& name) {
  return name.rfind("fc.", 0) == 0 || name.ends_with(".num_batches_tracked");
}

NamedTensors used_weights(NamedTensors weights) {
  std::erase_if(weights,
                [](const auto& item) { return is_left_out(item.first); });
  return weights;
}

// TensorFlow 1: output pixel i lies at i * size / 299 of the input. Along
// dimension `dim`.
at::Tensor stretched(const at::Tensor& x, std::int64_t dim) {
  const std::int64_t size = x.size(dim);
  const at::Tensor place =
      at::arange(kInceptionSide, x.options()) *
      static_cast<float>(static_cast<double>(size) / kInceptionSide);
  const at::Tensor low = place.floor().to(at::kLong).clamp_max(size - 1);
  const at::Tensor high = (low + 1).clamp_max(size - 1);
  std::vector<std::int64_t> shape(4, 1);
  shape[static_cast<std::size_t>(dim)] = kInceptionSide;
  const at::Tensor share = (place - low).view(shape);
  const at::Tensor left = x.index_select(dim, low);
  return left + (x.index_select(dim, high) - left) * share;
}

}  // namespace

std::string to_string(InceptionResize resize) {
  return resize == InceptionResize::pytorch_fid ? "pytorch_fid"
                                                : "torch_fidelity";
}

InceptionResize inception_resize_from(const std::string& text) {
  for (const auto resize :
       {InceptionResize::pytorch_fid, InceptionResize::torch_fidelity}) {
    if (text == to_string(resize)) return resize;
  }
  throw Error(ErrorKind::usage, "unknown resize convention '" + text + "'",
              "use pytorch_fid or torch_fidelity");
}

at::Tensor inception_input(const at::Tensor& images, InceptionResize resize) {
  const at::Tensor x = in_three_channels(images);
  if (resize == InceptionResize::pytorch_fid) {
    return at::upsample_bilinear2d(x, {kInceptionSide, kInceptionSide},
                                   /*align_corners=*/false) *
               2 -
           1;
  }
  return (stretched(stretched(in_eight_bits(x), 3), 2) - 128) / 128;
}

std::map<std::string, std::vector<std::int64_t>> inception_weight_shapes() {
  return shapes_taken(
      [](const TakeTensor& take) { const InceptionTrunk trunk(take); });
}

Inception::Inception(const std::map<std::string, at::Tensor>& weights,
                     const std::string& origin) {
  NetworkWeights source(used_weights(weights), origin, "Inception-v3",
                        kConverter);
  trunk_ = std::make_unique<InceptionTrunk>(source.taker());
  digest_ = source.digest();
}

Inception::~Inception() = default;

at::Tensor Inception::features(const at::Tensor& images,
                               InceptionResize resize) {
  const at::NoGradGuard no_grad;
  const FullPrecision full_precision;
  if (trunk_->device() != images.device()) trunk_->to(images.device());
  std::vector<at::Tensor> parts;
  for (const at::Tensor& block : images.split(kImagesAtOnce)) {
    parts.push_back(
        trunk_->forward(inception_input(block, resize)).mean({2, 3}));
  }
  return at::cat(parts);
}

std::unique_ptr<Inception> read_inception(const std::filesystem::path& file) {
  return std::make_unique<Inception>(io::read_safetensors(file).tensors,
                                     file.string());
}

}  // namespace shalab
