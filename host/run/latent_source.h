#pragma once
// Where z comes from in generation.

#include <memory>
#include <string>

#include "shalab/prior.h"

namespace shalab {

// A source as `evaluate.latent_sources` names it: training_prior, posterior
// (then `prior` is null), a fitted prior, or a [latent_source.NAME]: a fitted
// prior under other sampling settings.
struct LatentSource {
  std::string name;
  std::shared_ptr<Prior> prior;

  bool is_posterior() const { return prior == nullptr; }
};

}  // namespace shalab
