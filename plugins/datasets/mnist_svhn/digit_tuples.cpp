#include "digit_tuples.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/ones.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "class_pairs.h"
#include "digit_words.h"
#include "shalab/error.h"
#include "shalab/resident_dataset.h"
#include "sources.h"

namespace shalab::mnist_svhn {

namespace {

constexpr std::size_t kSources = 2;

struct Tuples {
  std::size_t part = 0;                   // of each source: training or test
  std::array<at::Tensor, kSources> rows;  // int64 [N], by source
  at::Tensor words;                       // uint8 [N, 8], undefined without
  at::Tensor labels;                      // int64 [N]
};

using Sources = std::array<Source, kSources>;
using Splits = std::array<Tuples, 3>;  // by Split

// Who meets whom in each split, and what is written beside them.
class Recipe {
 public:
  Recipe(const Settings& settings, Text text)
      : seed_(static_cast<std::uint64_t>(settings.integer("seed"))),
        rounds_(settings.integer("dm")),
        class_limit_(settings.integer("class_limit")),
        train_limit_(settings.integer("train_limit")),
        test_limit_(settings.integer("test_limit")),
        text_(text) {}

  Splits splits(const Sources& sources) const {
    Partners training = partners(sources, 0);
    const Partners validation =
        hold_out(training, validation_share(training.size()));
    return {tuples(training, {0, "train", rounds_, train_limit_}),
            tuples(validation, {0, "validation", 1, 0}),
            tuples(partners(sources, 1), {1, "test", rounds_, test_limit_})};
  }

 private:
  struct Plan {
    std::size_t part;
    std::string split;
    std::int64_t rounds;
    std::int64_t limit;
  };

  Partners partners(const Sources& sources, std::size_t part) const {
    return choose_partners(sources[0].parts[part].labels,
                           sources[1].parts[part].labels, class_limit_);
  }

  Tuples tuples(const Partners& partners, const Plan& plan) const {
    RecipeStream pairing(seed_, "mnist_svhn/pairs/" + plan.split);
    const Pairs pairs = pair_up(partners, plan.rounds, pairing);
    const std::int64_t size = limited(pairs.labels.numel(), plan.limit);
    const auto first = [&](const at::Tensor& all) {
      return all.narrow(0, 0, size).clone();
    };
    Tuples result;
    result.part = plan.part;
    result.rows = {first(pairs.first), first(pairs.second)};
    result.labels = first(pairs.labels);
    if (text_ == Text::present) {
      RecipeStream starts(seed_, "mnist_svhn/words/" + plan.split);
      result.words = write_words(result.labels, starts);
    }
    return result;
  }

  std::uint64_t seed_;
  std::int64_t rounds_;
  std::int64_t class_limit_;
  std::int64_t train_limit_;
  std::int64_t test_limit_;
  Text text_;
};

std::vector<ModalitySpec> specs_of(const Sources& sources, Text text) {
  std::vector<ModalitySpec> specs;
  for (const Source& source : sources) specs.push_back(source.modality);
  if (text == Text::present) specs.push_back(text_spec());
  return specs;
}

// Pictures are kept once; a tuple is a pair of row numbers.
class DigitTuples final : public Dataset {
 public:
  DigitTuples(const Settings& settings, Sources sources,
              const std::string& digest, Text text)
      : modalities_(specs_of(sources, text)),
        sources_(std::move(sources)),
        splits_(Recipe(settings, text).splits(sources_)),
        judge_key_(
            "mnist_svhn/1 second=" + settings.text("second") +
            " class_limit=" + std::to_string(settings.integer("class_limit")) +
            " source=" + digest),
        fingerprint_(judge_key_ +
                     " dm=" + std::to_string(settings.integer("dm")) +
                     " seed=" + std::to_string(settings.integer("seed"))) {
    const std::int64_t test_limit = settings.integer("test_limit");
    if (test_limit > 0) {
      fingerprint_ += " test_limit=" + std::to_string(test_limit);
    }
  }

  const std::vector<ModalitySpec>& modalities() const override {
    return modalities_;
  }
  std::int64_t size(Split split) const override {
    return tuples(split).labels.size(0);
  }
  std::string fingerprint() const override { return fingerprint_; }
  // Which pictures a split shows depends neither on the pairs nor on their
  // number.
  std::string judge_key() const override { return judge_key_; }
  std::string note() const override { return sources_[1].note; }
  std::int64_t num_classes() const override { return kClasses; }

  std::vector<JudgeSource> judge_sources() const override {
    std::vector<JudgeSource> judges;
    for (const Source& source : sources_) judges.push_back(source.judge);
    if (modalities_.size() > kSources) judges.push_back(text_judge());
    return judges;
  }

  void to(c10::Device device) override {
    for (Source& source : sources_) {
      for (LabelledImages& part : source.parts) {
        part.images = part.images.to(device);
      }
    }
    for (Tuples& split : splits_) {
      for (at::Tensor& rows : split.rows) rows = rows.to(device);
      if (split.words.defined()) split.words = split.words.to(device);
      split.labels = split.labels.to(device);
    }
  }

 protected:
  Batch do_gather(Split split, const at::Tensor& indices) const override {
    const Tuples& from = tuples(split);
    Batch batch;
    for (std::size_t s = 0; s < kSources; ++s) {
      const at::Tensor rows = from.rows[s].index_select(0, indices);
      const at::Tensor& images = sources_[s].parts[from.part].images;
      batch.data.push_back(
          images.index_select(0, rows).to(at::kFloat).div_(255.0));
    }
    if (from.words.defined()) {
      batch.data.push_back(from.words.index_select(0, indices).to(at::kLong));
    }
    batch.presence = at::ones(
        {indices.size(0), static_cast<std::int64_t>(batch.data.size())},
        at::TensorOptions(indices.device()).dtype(at::kBool));
    batch.labels = from.labels.index_select(0, indices);
    batch.ids = indices;
    return batch;
  }

 private:
  const Tuples& tuples(Split split) const {
    return splits_[static_cast<std::size_t>(split)];
  }

  static JudgeSource text_judge() {
    JudgeSource judge;
    judge.kind = JudgeSource::Kind::official;
    judge.architecture = "mst_text";
    judge.file = "classifiers/mst_text.npz";
    return judge;
  }

  std::vector<ModalitySpec> modalities_;
  Sources sources_;
  Splits splits_;
  std::string judge_key_;
  std::string fingerprint_;
};

}  // namespace

void declare_fields(FieldList& fields) {
  declare_source_fields(fields);
  fields
      .integer("dm", 20,
               "times each picture meets another of its class (MMVAE 30, "
               "MoPoE 20, MultiVae 5)")
      .range(1, 1000);
  fields
      .integer("class_limit", 10000,
               "pictures of a class that meet at most, the first of the "
               "files")
      .at_least(1);
  fields.integer("seed", 1, "draws the pairs and places the words").at_least(0);
  fields.integer("train_limit", 0, "training tuples to keep, 0 = all")
      .at_least(0);
  fields.integer("test_limit", 0, "test tuples to keep, 0 = all").at_least(0);
}

std::unique_ptr<Dataset> make_digit_tuples(const Settings& settings,
                                           const DatasetContext& context,
                                           Text text) {
  Digest64 digest;
  Sources sources;
  sources[0] = read_mnist(context.services, digest);
  sources[1] = read_second(settings, context.services, digest);
  return std::make_unique<DigitTuples>(settings, std::move(sources),
                                       digest.hex(), text);
}

}  // namespace shalab::mnist_svhn
