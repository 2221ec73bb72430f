#include "shalab/fusion.h"

#include <c10/util/StringUtil.h>

#include "shalab/error.h"

namespace shalab {

namespace {

// The modality at fault, or else all of them.
void check_slots(const FusionContext& context) {
  std::int64_t total = 0;
  for (const std::int64_t slot : context.slots) total += slot;
  if (total == 0) return;
  for (std::size_t m = 0; m < context.slots.size(); ++m) {
    if (context.slots[m] > 0) continue;
    const std::string& name = context.modalities[m].name;
    throw Error(ErrorKind::usage,
                "[encoder." + name + "] slot: 0, but other modalities have one",
                "give every modality a slot, or none");
  }
  if (total == context.latent) return;
  throw Error(ErrorKind::usage,
              "[encoder.NAME] slot: the slots add up to " +
                  std::to_string(total) +
                  ", but latent.shared = " + std::to_string(context.latent),
              "set latent.shared = " + std::to_string(total));
}

std::vector<Features> repeated(std::vector<Features> features,
                               std::int64_t times) {
  for (Features& part : features) {
    part.shared = part.shared.repeat({times, 1});
  }
  return features;
}

}  // namespace

Fusion::Fusion(FusionContext context) : context_(std::move(context)) {
  SHALAB_CHECK(context_.features.size() == context_.modalities.size(),
               std::to_string(context_.features.size()) +
                   " feature sizes for " +
                   std::to_string(context_.modalities.size()) + " modalities");
  check_slots(context_);
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
  const std::int64_t rows = presence.size(0);
  const std::int64_t batch = features.front().shared.size(0);
  SHALAB_CHECK(batch > 0 && rows % batch == 0,
               "presence of " + std::to_string(rows) +
                   " rows for features of " + std::to_string(batch));
  for (std::size_t m = 0; m < num_modalities; ++m) {
    const std::int64_t shape[] = {batch, context_.features[m]};
    SHALAB_CHECK(features[m].shared.sizes() == at::IntArrayRef(shape),
                 "features of " + context_.modalities[m].name + ": expected " +
                     c10::str(at::IntArrayRef(shape)) + ", got " +
                     c10::str(features[m].shared.sizes()));
  }
  const bool is_direct = rows == batch || repeats_rows();
  Posterior posterior = do_fuse(
      is_direct ? features : repeated(features, rows / batch), presence);
  const at::Tensor mean = posterior.components().front().mean();
  const std::int64_t shape[] = {rows, context_.latent};
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
