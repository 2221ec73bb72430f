#pragma once
// The keys of the diffusion prior, as values.

#include <cstdint>
#include <string>

#include "shalab/fields.h"
#include "shalab/nn/denoisers.h"
#include "shalab/nn/solvers.h"

namespace shalab::diffusion {

// How samples are drawn: may change on a trained prior.
struct SamplingOptions {
  bool uses_student = false;  // else the sampler
  nn::SolverKind sampler = nn::SolverKind::unipc2;
  std::int64_t steps = 10;
  nn::TimeGrid grid = nn::TimeGrid::uniform;
  double guidance = 1.0;
  bool has_early_null = false;  // the null term comes from the early snapshot
  double autoguidance = 1.0;
  bool averages_subset = false;  // else one modality per sample at random
  double halt_at = 0.0;          // time where draws end; 0 = at the data
};

// A student of the last part of training (student.h).
struct StudentOptions {
  std::int64_t steps = 0;     // N; 0 = no student
  double share = 0.3;         // of training
  double guidance = 1.0;      // of the teacher's conditional draws
  double autoguidance = 1.0;  // of its joint draws
};

struct Options {
  bool reads_data = false;  // condition on x_j instead of h_j
  bool is_transformer = false;
  nn::DenoiserOptions network;  // latent is the context's
  bool predicts_velocity = true;
  std::string noise;
  double condition_dropout = 0.1;
  double ema = 0.999;
  double snapshot = 0.25;
  bool standardises = true;
  StudentOptions student;
  SamplingOptions sampling;
};

void declare_fields(FieldList& fields);

// Error(usage) where a key needs an early snapshot and snapshot = 0, a student
// that is not there, a student needs a velocity, or a sampler cannot halt.
Options read_options(const Settings& settings);

}  // namespace shalab::diffusion
