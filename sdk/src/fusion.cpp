#include "shalab/fusion.h"

#include <c10/util/StringUtil.h>

#include "shalab/error.h"

namespace shalab {

Fusion::Fusion(FusionContext context) : context_(std::move(context)) {
  SHALAB_CHECK(context_.features.size() == context_.modalities.size(),
               std::to_string(context_.features.size()) +
                   " feature sizes for " +
                   std::to_string(context_.modalities.size()) + " modalities");
}

Fusion::~Fusion() = default;

Posterior Fusion::fuse(const std::vector<Features>& features,
                       const at::Tensor& presence) {
  const std::size_t num_modalities = context_.modalities.size();
  SHALAB_CHECK(features.size() == num_modalities,
               "features of " + std::to_string(features.size()) + " of " +
                   std::to_string(num_modalities) + " modalities");
  SHALAB_CHECK(
      presence.dim() == 2 && presence.scalar_type() == at::kBool &&
          presence.size(1) == static_cast<std::int64_t>(num_modalities),
      "presence must be bool [B, " + std::to_string(num_modalities) +
          "], got " + presence.toString() + c10::str(presence.sizes()));
  for (std::size_t m = 0; m < num_modalities; ++m) {
    const std::int64_t shape[] = {presence.size(0), context_.features[m]};
    SHALAB_CHECK(features[m].shared.sizes() == at::IntArrayRef(shape),
                 "features of " + context_.modalities[m].name + ": expected " +
                     c10::str(at::IntArrayRef(shape)) + ", got " +
                     c10::str(features[m].shared.sizes()));
  }
  Posterior posterior = do_fuse(features, presence);
  const at::Tensor mean = posterior.components().front().mean();
  const std::int64_t shape[] = {presence.size(0), context_.latent};
  SHALAB_CHECK(mean.sizes() == at::IntArrayRef(shape),
               "posterior: expected " + c10::str(at::IntArrayRef(shape)) +
                   ", got " + c10::str(mean.sizes()));
  return posterior;
}

bool Fusion::serves(ModalitySubset subset) const {
  const auto all = ModalitySubset::all(context_.modalities.size());
  const bool is_inside = (subset.bits() & ~all.bits()) == 0;
  return !subset.empty() && is_inside && do_serves(subset);
}

}  // namespace shalab
