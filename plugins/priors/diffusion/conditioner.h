#pragma once
// What a network is told, checked: one modality's features or data a row.

#include <ATen/core/Generator.h>

#include <string>
#include <vector>

#include "network.h"
#include "shalab/nn/latent_moments.h"
#include "shalab/prior.h"

namespace shalab::diffusion {

class Conditioner {
 public:
  // `moments` standardise the features, by modality; empty where the prior
  // reads data.
  Conditioner(const PriorContext& context, std::vector<nn::Moments> moments);

  // Features of the whole training set. Error(run) where some are missing.
  void standardise(const LatentSet& latents);

  // Row i is told modality j(i), [B, W]: equal shares of the batch in order,
  // which is uniform because the rows come shuffled. Null where dropped or
  // absent. Error(run) where what a modality says is missing or has another
  // shape.
  at::Tensor for_training(Network& network, const LatentBatch& batch,
                          double dropout, at::Generator& generator) const;

  // Rows of a condition; -1 for an empty subset. Error(usage) for a modality
  // that is not there.
  std::int64_t rows_of(const Condition& condition) const;
  // One [count, W] per conditional prediction of the rows from `first` on: a
  // single one of modalities drawn by row, or one per modality where their
  // predictions are averaged.
  std::vector<at::Tensor> for_sampling(Network& network,
                                       const Condition& condition,
                                       std::int64_t first, std::int64_t count,
                                       bool averages,
                                       at::Generator& generator) const;

 private:
  bool reads_data() const { return moments_.empty(); }
  at::Tensor source(std::size_t m, const std::vector<at::Tensor>& features,
                    const Batch& batch) const;
  void check(std::size_t m, const at::Tensor& x, const std::string& what) const;
  at::Tensor embed(Network& network, std::size_t m, const at::Tensor& x) const;

  PriorContext context_;
  std::vector<nn::Moments> moments_;
};

// The first `rows` tuples.
LatentBatch leading(const LatentBatch& batch, std::int64_t rows);

}  // namespace shalab::diffusion
