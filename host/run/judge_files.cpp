#include "run/judge_files.h"

#include <utility>

#include "model/tensors_of.h"
#include "shalab/error.h"
#include "shalab/io/safetensors.h"

namespace shalab {

namespace {

std::string training_hint(const std::string& dataset_name) {
  return "shalab judge train " + dataset_name + " makes it";
}

}  // namespace

std::filesystem::path judge_file(const std::filesystem::path& folder,
                                 const ModalitySpec& modality) {
  return folder / (modality.name + ".safetensors");
}

void write_trained_judge(const std::filesystem::path& folder,
                         const ModalitySpec& modality,
                         const JudgeNetwork& network,
                         std::map<std::string, std::string> facts) {
  facts["architecture"] = kTrainedArchitecture;
  facts["modality"] = modality.name;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw Error(ErrorKind::data,
                "cannot create " + folder.string() + ": " + error.message());
  }
  NamedTensors weights = tensors_of(network, "");
  for (auto& [name, weight] : weights) weight = weight.detach().cpu();
  const std::filesystem::path file = judge_file(folder, modality);
  const std::filesystem::path draft = file.string() + ".draft";
  io::write_safetensors(draft, weights, facts);
  std::filesystem::rename(draft, file);
}

std::shared_ptr<Judge> read_trained_judge(const std::filesystem::path& folder,
                                          const ModalitySpec& modality,
                                          std::int64_t num_classes,
                                          const std::string& dataset_name) {
  const std::filesystem::path file = judge_file(folder, modality);
  std::error_code error;
  if (!std::filesystem::exists(file, error)) {
    throw Error(ErrorKind::data,
                "no judge of modality " + modality.name + " of " +
                    dataset_name + " is stored; looked at " + file.string(),
                training_hint(dataset_name));
  }
  const auto stored = io::read_safetensors(file);
  auto network = make_conv_judge_network(modality.shape, num_classes, 0);
  try {
    load_tensors(*network, stored.tensors, "");
  } catch (const Error& misfit) {
    throw Error(ErrorKind::data, file.string() + ": " + misfit.message(),
                training_hint(dataset_name) + " anew");
  }
  return make_network_judge(std::move(network), kTrainedArchitecture);
}

}  // namespace shalab
