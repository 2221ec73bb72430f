#pragma once
// Hand-made data, judges and generated batches for the tests of metrics.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "../load.h"
#include "shalab/metric.h"

namespace shalab {

// Tuples given as tensors; the split is the same for all three.
class FakeDataset final : public Dataset {
 public:
  std::vector<ModalitySpec> specs;
  std::vector<at::Tensor> data;
  at::Tensor labels;
  std::int64_t classes = 0;
  std::string identity = "fake";
  std::vector<JudgeSource> sources;
  at::Tensor exact;  // by tuple; undefined = unknown

  const std::vector<ModalitySpec>& modalities() const override { return specs; }
  std::int64_t size(Split) const override { return data.front().size(0); }
  void to(c10::Device) override {}
  std::string fingerprint() const override { return identity; }
  std::int64_t num_classes() const override { return classes; }
  std::vector<JudgeSource> judge_sources() const override { return sources; }
  std::optional<at::Tensor> exact_log_likelihood(
      const Batch& batch) const override {
    if (!exact.defined()) return std::nullopt;
    return exact.index_select(0, batch.ids);
  }

 protected:
  Batch do_gather(Split, const at::Tensor& indices) const override {
    Batch batch;
    for (const auto& x : data) batch.data.push_back(x.index_select(0, indices));
    batch.presence = at::ones(
        {indices.size(0), static_cast<std::int64_t>(data.size())}, at::kBool);
    if (labels.defined()) batch.labels = labels.index_select(0, indices);
    batch.ids = indices;
    return batch;
  }
};

// Features are the vector itself, the label its first entry.
class EchoJudge final : public Judge {
 public:
  Judgement judge(const at::Tensor& x) const override {
    return {x.select(1, 0).to(at::kLong), x.to(at::kFloat)};
  }
  std::string digest() const override { return "echo"; }
};

struct Rig {
  FakeDataset dataset;
  MetricContext context;

  // `size` tuples of vectors [size, D] named a, b, c, ...
  static std::unique_ptr<Rig> of_vectors(std::vector<at::Tensor> data) {
    auto rig = std::make_unique<Rig>();
    for (std::size_t m = 0; m < data.size(); ++m) {
      rig->add(ModalityKind::vector, data[m]);
    }
    return rig;
  }

  void add(ModalityKind kind, const at::Tensor& x) {
    ModalitySpec spec;
    spec.name = std::string(1, static_cast<char>('a' + dataset.specs.size()));
    spec.kind = kind;
    spec.shape = x.sizes().slice(1).vec();
    dataset.specs.push_back(spec);
    dataset.data.push_back(x);
    context.modalities = dataset.specs;
    context.dataset = &dataset;
    context.services = quiet_services();
  }

  void label(std::vector<std::int64_t> labels, std::int64_t classes) {
    dataset.labels = at::tensor(labels, at::kLong);
    dataset.classes = classes;
  }

  void judge_all() {
    for (std::size_t m = 0; m < dataset.specs.size(); ++m) {
      context.judges.judges.push_back(std::make_shared<EchoJudge>());
      context.judges.accuracies.push_back(-1.0);
    }
  }

  std::unique_ptr<Metric> make(const std::string& name,
                               const ChangedKeys& keys = {}) const {
    return make_plugin<Factory_metric>("metric", name, context, keys);
  }

  // The tuples at `indices` as the truth of a batch of `task`.
  Generated batch_of(const GenerationTask& task, const at::Tensor& indices) {
    Generated result;
    result.task = &task;
    if (task.route != GenerationTask::Route::joint) {
      result.truth = dataset.gather(Split::test, indices);
    }
    return result;
  }
};

// Judgements with these labels [B, M] and no features.
inline std::vector<Judgement> judged(const at::Tensor& labels) {
  std::vector<Judgement> result;
  for (std::int64_t m = 0; m < labels.size(1); ++m) {
    result.push_back({labels.select(1, m).contiguous(), {}});
  }
  return result;
}

inline at::Tensor rows(std::vector<std::int64_t> values, std::int64_t columns) {
  return at::tensor(values, at::kLong).view({-1, columns});
}

inline const Measurement* find(const std::vector<Measurement>& all,
                               const std::string& name,
                               const std::string& source = "",
                               const std::string& target = "") {
  const auto at = std::find_if(all.begin(), all.end(), [&](const auto& row) {
    return row.name == name && row.source_subset == source &&
           row.target_modality == target;
  });
  return at == all.end() ? nullptr : &*at;
}

inline Measurement get(const std::vector<Measurement>& all,
                       const std::string& name, const std::string& source = "",
                       const std::string& target = "") {
  const Measurement* row = find(all, name, source, target);
  if (row != nullptr) return *row;
  ADD_FAILURE() << name << " given '" << source << "' of '" << target
                << "' was not measured";
  return {};
}

// Both lists say the same, up to the rounding of sums.
inline void expect_same(const std::vector<Measurement>& left,
                        const std::vector<Measurement>& right) {
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    EXPECT_EQ(left[i].name, right[i].name);
    EXPECT_EQ(left[i].num_samples, right[i].num_samples);
    EXPECT_NEAR(left[i].value, right[i].value, 1e-9) << left[i].name;
    EXPECT_NEAR(left[i].spread, right[i].spread, 1e-9) << left[i].name;
  }
}

// Every row can be audited: unit, split, protocol and fingerprint are there.
inline void expect_audited(const std::vector<Measurement>& all) {
  for (const auto& row : all) {
    EXPECT_FALSE(row.unit.empty()) << row.name;
    EXPECT_FALSE(row.protocol.empty()) << row.name;
    EXPECT_NE(row.fingerprint.find("data="), std::string::npos) << row.name;
    EXPECT_EQ(row.split, "test") << row.name;
  }
}

inline void expect_refused(Metric& metric, ErrorKind kind,
                           const std::string& part) {
  try {
    metric.tasks();
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
        << error.what();
  }
}

}  // namespace shalab
