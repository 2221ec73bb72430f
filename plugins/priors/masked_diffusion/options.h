#pragma once
// The keys of the masked diffusion, as values.

#include "sampler.h"
#include "shalab/fields.h"
#include "shalab/prior.h"
#include "unet.h"

namespace shalab::masked_diffusion {

struct Options {
  NetworkOptions network;
  double masking = 0.2;
  double ema = 0.999;
  SamplingOptions sampling;
};

void declare_fields(FieldList& fields);

// Error(usage) where z is not made of two or more slots, or the groups do not
// divide the width.
Options read_options(const Settings& settings, const PriorContext& context);

}  // namespace shalab::masked_diffusion
