#pragma once
// A trained judge as a file.

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "shalab/modality.h"
#include "shalab/nn/judges.h"

namespace shalab {

inline constexpr const char* kTrainedArchitecture = "conv_judge";

std::filesystem::path judge_file(const std::filesystem::path& folder,
                                 const ModalitySpec& modality);

// Weights by name, with `facts` (accuracy, epochs, seed ...) as metadata.
void write_trained_judge(const std::filesystem::path& folder,
                         const ModalitySpec& modality,
                         const JudgeNetwork& network,
                         std::map<std::string, std::string> facts);

// Throws Error(data) that names the modality when the file is missing (hint:
// shalab judge train DATASET) or holds other weights than conv_judge of these
// shapes.
std::shared_ptr<Judge> read_trained_judge(const std::filesystem::path& folder,
                                          const ModalitySpec& modality,
                                          std::int64_t num_classes,
                                          const std::string& dataset_name);

}  // namespace shalab
