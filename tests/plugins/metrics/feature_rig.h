#pragma once
// Hand-made features for the tests of metrics that compare two sides of them.

#include "rig.h"

namespace shalab {

// Two modalities of vectors, a and b, whose features are the vectors.
class FeatureRig : public testing::Test {
 protected:
  void set_real(const at::Tensor& a, const at::Tensor& b) {
    rig_ = Rig::of_vectors({a, b});
    rig_->judge_all();
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    rig_->dataset.identity =
        std::string(test->test_suite_name()) + "." + test->name();
  }

  static at::Tensor column(std::vector<double> values) {
    return at::tensor(values, at::kFloat).unsqueeze(1);
  }

  // Generated samples a and b of one batch.
  void observe(Metric& metric, const GenerationTask& task, const at::Tensor& a,
               const at::Tensor& b) {
    Generated batch = rig_->batch_of(task, at::arange(a.size(0), at::kLong));
    for (const auto& x : {a, b}) {
      batch.judgements.push_back(EchoJudge().judge(x));
    }
    metric.observe(batch);
  }

  // Joint draws, in one batch or, from the last to the first, one by one.
  std::vector<Measurement> measure_joint(const std::string& name,
                                         const at::Tensor& a,
                                         const at::Tensor& b,
                                         const ChangedKeys& keys = {},
                                         bool one_by_one = false) {
    const auto metric = rig_->make(name, keys);
    const auto tasks = metric->tasks();
    if (!one_by_one) {
      observe(*metric, tasks[0], a, b);
      return metric->finish();
    }
    for (std::int64_t i = a.size(0) - 1; i >= 0; --i) {
      observe(*metric, tasks[0], a.slice(0, i, i + 1), b.slice(0, i, i + 1));
    }
    return metric->finish();
  }

  // The message of the Error that finish() throws after these joint draws.
  std::string refusal(const std::string& name, const at::Tensor& a,
                      const at::Tensor& b) {
    try {
      measure_joint(name, a, b);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::run);
      return error.what();
    }
    return "nothing was thrown";
  }

  std::unique_ptr<Rig> rig_;
};

}  // namespace shalab
