#pragma once
// Dataset plugin: fixed splits of tuples, resident in memory.

#include <c10/core/Device.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "shalab/batch.h"
#include "shalab/fields.h"
#include "shalab/judge.h"
#include "shalab/modality.h"
#include "shalab/plugin.h"
#include "shalab/services.h"

namespace shalab {

enum class Split { train, validation, test };
std::string to_string(Split split);
Split split_from(const std::string& text);  // Error(usage) on another word

// Splits are disjoint and their sizes never change. Where a protocol defines
// no validation split, the last 5,000 training tuples (or a tenth, if fewer
// than 50,000) are it. Data stay in their compact type (uint8) on the device
// of `to`; scaling happens after the gather.
class Dataset {
 public:
  virtual ~Dataset();

  // In declared order; the index into this list is the modality's index.
  virtual const std::vector<ModalitySpec>& modalities() const = 0;
  virtual std::int64_t size(Split split) const = 0;

  // The tuples at `indices` (int64 [B] on the dataset's device, each in
  // 0..size-1; repeats allowed). Gradient: none. Randomness: none; two equal
  // calls give equal tensors. Errors: a failed check when out of range (CPU).
  // [any thread; configured]
  Batch gather(Split split, const at::Tensor& indices) const;

  // Moves the resident tensors. Before the first gather on that device.
  virtual void to(c10::Device device) = 0;

  // What identifies the data a number was measured on: recipe, seed, source
  // digests. Part of each measurement's fingerprint.
  virtual std::string fingerprint() const = 0;

  // What a judge trained on these data is stored under: the fingerprint
  // without what only cuts a split short, so that a quick run finds the judge
  // of the whole. Doing nothing is right where there are no such limits.
  virtual std::string judge_key() const { return fingerprint(); }

  // A sentence every table prints under numbers of this dataset ("three of
  // five backgrounds are substitutes: not comparable with published tables");
  // empty when there is nothing to say.
  virtual std::string note() const { return ""; }

  // Number of label classes; 0 = unlabelled.
  virtual std::int64_t num_classes() const { return 0; }

  // How samples of each modality are judged, by modality index; an empty list
  // is right for data without judges.
  virtual std::vector<JudgeSource> judge_sources() const { return {}; }

  // log p(x) in nats, [B], where the data come from a known model
  // (linear_gaussian); nothing otherwise.
  virtual std::optional<at::Tensor> exact_log_likelihood(
      const Batch& batch) const;

 protected:
  virtual Batch do_gather(Split split, const at::Tensor& indices) const = 0;
};

struct DatasetContext {
  Services services;
};

using Factory_dataset = std::function<std::unique_ptr<Dataset>(
    const Settings&, const DatasetContext&)>;

}  // namespace shalab
