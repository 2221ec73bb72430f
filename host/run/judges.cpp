#include "run/judges.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/files.h"
#include "run/judge_files.h"
#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/nn/judges.h"

namespace shalab {

namespace {

constexpr std::int64_t kBatch = 500;

std::shared_ptr<const Judge> official_judge(
    const JudgeSource& source, const ModalitySpec& modality,
    const Services& services, std::optional<std::uint64_t> dropout_seed) {
  const std::filesystem::path file = services.find_data(
      source.file, "published classifier of modality " + modality.name);
  return make_official_judge(source.architecture, io::read_npz(file),
                             file.string(), dropout_seed);
}

std::shared_ptr<const Judge> make_judge(
    const Dataset& dataset, std::size_t m, const JudgeSource& source,
    const std::string& dataset_name, const Services& services,
    std::optional<std::uint64_t> dropout_seed) {
  const ModalitySpec& modality = dataset.modalities()[m];
  switch (source.kind) {
    case JudgeSource::Kind::none:
      return nullptr;
    case JudgeSource::Kind::official:
      return official_judge(source, modality, services, dropout_seed);
    case JudgeSource::Kind::lexicon:
      return make_lexicon_judge(source.spellings);
    case JudgeSource::Kind::trained:
      return read_trained_judge(judge_folder(dataset, dataset_name, services),
                                modality, dataset.num_classes(), dataset_name);
  }
  return nullptr;
}

std::vector<std::shared_ptr<const Judge>> make_judges(
    const Dataset& dataset, const std::string& dataset_name,
    const Services& services, std::optional<std::uint64_t> dropout_seed) {
  std::vector<std::shared_ptr<const Judge>> judges;
  const std::vector<JudgeSource> sources = dataset.judge_sources();
  for (std::size_t m = 0; m < sources.size(); ++m) {
    judges.push_back(make_judge(dataset, m, sources[m], dataset_name, services,
                                dropout_seed));
  }
  return judges;
}

void require_official(const Dataset& dataset, const std::string& dataset_name) {
  for (const JudgeSource& source : dataset.judge_sources()) {
    if (source.kind == JudgeSource::Kind::official) return;
  }
  throw Error(ErrorKind::usage,
              "evaluate.legacy_dropout: no judge of dataset " + dataset_name +
                  " is a published classifier with dropout",
              "leave evaluate.legacy_dropout out");
}

// accuracies.json: {"<judge digest> on <digest of the fingerprint>": 0.96}.
// A file that cannot be read or written costs a measurement, nothing else.
class AccuracyFile {
 public:
  AccuracyFile(std::filesystem::path file, const Dataset& dataset)
      : file_(std::move(file)),
        data_(Digest64().add(dataset.fingerprint()).hex()) {
    std::ifstream stream(file_);
    entries_ = nlohmann::json::parse(stream, nullptr, false);
    if (!entries_.is_object()) entries_ = nlohmann::json::object();
  }

  std::optional<double> find(const Judge& judge) const {
    const auto found = entries_.find(key(judge));
    if (found == entries_.end() || !found->is_number()) return std::nullopt;
    return found->get<double>();
  }

  void store(const JudgeBank& bank, Logger& logger) {
    for (std::size_t m = 0; m < bank.judges.size(); ++m) {
      if (bank.judges[m] != nullptr) {
        entries_[key(*bank.judges[m])] = bank.accuracies[m];
      }
    }
    try {
      std::filesystem::create_directories(file_.parent_path());
      write_file_atomically(file_, entries_.dump(2) + "\n");
    } catch (const std::exception& error) {
      logger.warn("judge accuracies are not kept: " +
                  std::string(error.what()));
    }
  }

 private:
  std::string key(const Judge& judge) const {
    return judge.digest() + " on " + data_;
  }

  std::filesystem::path file_;
  std::string data_;
  nlohmann::json entries_;
};

void fill_accuracies(JudgeBank& bank, const Dataset& dataset,
                     const std::filesystem::path& folder, Logger& logger,
                     c10::Device device) {
  AccuracyFile known(folder / "accuracies.json", dataset);
  bank.accuracies.assign(bank.judges.size(), -1.0);
  bool all_known = true;
  for (std::size_t m = 0; m < bank.judges.size(); ++m) {
    if (bank.judges[m] == nullptr) continue;
    const std::optional<double> accuracy = known.find(*bank.judges[m]);
    all_known = all_known && accuracy.has_value();
    bank.accuracies[m] = accuracy.value_or(-1.0);
  }
  if (all_known) return;
  bank.accuracies = judge_accuracies(bank, dataset, Split::test, device);
  known.store(bank, logger);
}

}  // namespace

std::filesystem::path judge_folder(const Dataset& dataset,
                                   const std::string& dataset_name,
                                   const Services& services) {
  return services.cache_folder / "judges" /
         (dataset_name + "-" + Digest64().add(dataset.judge_key()).hex());
}

std::vector<double> judge_accuracies(const JudgeBank& bank,
                                     const Dataset& dataset, Split split,
                                     c10::Device device) {
  const at::NoGradGuard no_grad;
  const auto options = at::TensorOptions(device).dtype(at::kLong);
  const std::size_t num_judges = bank.judges.size();
  const std::int64_t size = dataset.size(split);
  at::Tensor correct =
      at::zeros({static_cast<std::int64_t>(num_judges)}, options);
  bool is_labelled = size > 0;
  for (std::int64_t first = 0; first < size && is_labelled; first += kBatch) {
    const Batch batch = dataset.gather(
        split, at::arange(first, std::min(size, first + kBatch), options));
    is_labelled = batch.labels.defined();
    for (std::size_t m = 0; m < num_judges && is_labelled; ++m) {
      if (bank.judges[m] == nullptr) continue;
      const Judgement judged = bank.judges[m]->judge(batch.data[m]);
      correct[static_cast<std::int64_t>(m)] +=
          judged.labels.eq(batch.labels).sum();
    }
  }
  std::vector<double> accuracies(num_judges, -1.0);
  if (!is_labelled) return accuracies;
  const at::Tensor counts = correct.cpu();
  for (std::size_t m = 0; m < num_judges; ++m) {
    if (bank.judges[m] == nullptr) continue;
    accuracies[m] = static_cast<double>(counts.data_ptr<std::int64_t>()[m]) /
                    static_cast<double>(size);
  }
  return accuracies;
}

JudgeBank make_judge_bank(const Dataset& dataset,
                          const std::string& dataset_name,
                          const Services& services, c10::Device device,
                          std::optional<std::uint64_t> dropout_seed) {
  if (dropout_seed) require_official(dataset, dataset_name);
  JudgeBank bank;
  bank.judges = make_judges(
      dataset, dataset_name, services,
      dropout_seed ? std::optional<std::uint64_t>(0) : std::nullopt);
  fill_accuracies(bank, dataset, judge_folder(dataset, dataset_name, services),
                  *services.logger, device);
  if (dropout_seed) {
    bank.judges = make_judges(dataset, dataset_name, services, dropout_seed);
  }
  return bank;
}

}  // namespace shalab
