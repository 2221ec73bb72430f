#pragma once
// Judges: pretrained classifiers that coherence asks what a sample shows.

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

namespace shalab {

struct Judgement {
  at::Tensor labels;    // int64 [B]; -1 = no class (a word not in the lexicon)
  at::Tensor features;  // float [B, F], last hidden layer; undefined for words
};

// Judges samples of one modality, without gradients. In evaluation mode, but
// for judges of evaluate.legacy_dropout (nn/judges.h).
class Judge {
 public:
  virtual ~Judge();
  // x as in Batch::data: an image in [0, 1], tokens, or a vector.
  virtual Judgement judge(const at::Tensor& x) const = 0;
  // Identifies weights and architecture; part of a measurement's fingerprint.
  virtual std::string digest() const = 0;
};

// Where the judge of one modality comes from.
//   official: weights `file` (npz under a data folder) of `architecture`
//   trained:  `shalab judge train DATASET` makes and stores it
//   lexicon:  tokens are right when they spell a class's word exactly
struct JudgeSource {
  enum class Kind { none, official, trained, lexicon };
  Kind kind = Kind::none;
  std::string architecture;           // "polymnist_cnn"
  std::string file;                   // "classifiers/polymnist_m0.npz"
  std::vector<at::Tensor> spellings;  // lexicon: int64 [T] per class
};

// The judges of a run's dataset, lent by the host. Null where there is none.
struct JudgeBank {
  std::vector<std::shared_ptr<const Judge>> judges;  // by modality index
  std::vector<double> accuracies;  // on the real test split, [0, 1]; -1 unknown

  bool complete() const;       // a judge for every modality
  std::string digest() const;  // over all judges, for fingerprints
};

}  // namespace shalab
