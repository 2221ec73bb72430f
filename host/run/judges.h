#pragma once
// The judges of a dataset: found, trained, stored, and their own accuracy.

#include <c10/core/Device.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "shalab/dataset.h"
#include "shalab/judge.h"
#include "shalab/services.h"

namespace shalab {

// Where trained judges of these data lie:
// <cache>/judges/<dataset name>-<digest of judge_key>/<modality>.safetensors.
std::filesystem::path judge_folder(const Dataset& dataset,
                                   const std::string& dataset_name,
                                   const Services& services);

// One judge per modality as Dataset::judge_sources says (null for `none`),
// each with its accuracy on the whole real test split. Accuracies are measured
// once and kept in accuracies.json in judge_folder, by judge and data.
// `device` is where the dataset lies. With `dropout_seed` the official judges
// drop out (make_official_judge); their accuracies are those of seed 0. Throws
// Error(data) when weights are missing or unfit, naming the modality and how to
// get them, and Error(usage) when there is nobody to drop out.
JudgeBank make_judge_bank(const Dataset& dataset,
                          const std::string& dataset_name,
                          const Services& services,
                          c10::Device device = c10::kCPU,
                          std::optional<std::uint64_t> dropout_seed = {});

// Share of the split's tuples whose modality each judge puts in the labelled
// class, by modality index; -1 where there is no judge or no label.
std::vector<double> judge_accuracies(const JudgeBank& bank,
                                     const Dataset& dataset, Split split,
                                     c10::Device device = c10::kCPU);

struct JudgeTraining {
  std::int64_t epochs = 3;
  std::int64_t batch_size = 128;
  double learning_rate = 1e-3;
  std::uint64_t seed = 1;
  c10::Device device = c10::kCPU;  // where the dataset lies
};

// Trains the image judges whose source is `trained` on the training split
// (cross-entropy, Adam) and stores them with their test accuracy in
// judge_folder, replacing earlier ones. Returns accuracies by modality index,
// -1 where there was nothing to train. Deterministic by seed on the CPU.
// Throws Error(usage) when the dataset has no such modality, Error(data) when
// it has no labels or the files cannot be written, and Error(run) when
// cancelled; then nothing is stored.
std::vector<double> train_judges(const Dataset& dataset,
                                 const std::string& dataset_name,
                                 const Services& services,
                                 const JudgeTraining& training = {});

}  // namespace shalab
