#include "shalab/objective.h"

#include <c10/util/StringUtil.h>

#include "shalab/error.h"

namespace shalab {

ModelView::~ModelView() = default;

std::int64_t ModelView::private_size() const { return 0; }

Posterior ModelView::private_posterior(std::size_t /*modality*/,
                                       const Features& /*features*/) {
  SHALAB_CHECK(false, "this model has no private latents");
}

Posterior ModelView::private_prior(std::int64_t /*rows*/) const {
  SHALAB_CHECK(false, "this model has no private latents");
}

Objective::Objective(ObjectiveContext context) : context_(std::move(context)) {}

Objective::~Objective() = default;

Terms Objective::terms(ModelView& model, const Batch& batch,
                       const StepInfo& info) {
  const std::size_t num_modalities = context_.modalities.size();
  SHALAB_CHECK(batch.data.size() == num_modalities,
               "a batch of " + std::to_string(batch.data.size()) + " of " +
                   std::to_string(num_modalities) + " modalities");
  SHALAB_CHECK(
      batch.presence.dim() == 2 &&
          batch.presence.size(1) == static_cast<std::int64_t>(num_modalities),
      "presence " + c10::str(batch.presence.sizes()));
  Terms terms = do_terms(model, batch, info);
  SHALAB_CHECK(terms.loss.defined() && terms.loss.dim() == 0,
               "the loss must be a scalar");
  return terms;
}

std::vector<ModalitySubset> Objective::needed_subsets() const {
  return {ModalitySubset::all(context_.modalities.size())};
}

}  // namespace shalab
