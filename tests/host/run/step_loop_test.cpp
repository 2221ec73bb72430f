#include "run/step_loop.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <optional>

#include "replaying_graph.h"
#include "shalab/error.h"
#include "shalab/side_by_side.h"

namespace shalab {
namespace step_loop_test {

constexpr std::int64_t kRows = 40;

StageOptions options() {
  StageOptions result;
  result.name = "first_stage";
  result.num_items = kRows;
  result.batch_size = 16;
  result.epochs = 5;
  result.log_every = 1000;
  return result;
}

class Switch final : public CancelToken {
 public:
  bool cancelled() const override { return is_on; }
  bool is_on = false;
};

// Fits w to rows x by |w + noise - x|^2, so that a step depends on the batch,
// the generator and the steps before.
class Fit {
 public:
  explicit Fit(c10::Device device = c10::kCPU) {
    context_.services = quiet_services();
    context_.device = device;
    const at::NoGradGuard no_grad;
    x_ = x_.to(device);
    w_ = at::zeros({3}, device).requires_grad_();
  }

  // Before the step (by the loop's thread of its own), or in the step.
  Gather gather_ahead() {
    return [this](const at::Tensor& indices) {
      return [this, rows = x_.index_select(0, indices)](const StepInfo& info) {
        return terms(rows, info);
      };
    };
  }
  Gather gather_in_the_step() {
    return [this](const at::Tensor& indices) {
      return [this, indices](const StepInfo& info) {
        return terms(x_.index_select(0, indices), info);
      };
    };
  }

  // The loss by columns, side by side.
  Gather gather_by_column() {
    return [this](const at::Tensor& indices) {
      return [this, indices](const StepInfo& info) {
        const at::Tensor rows = x_.index_select(0, indices);
        const at::Tensor noise =
            at::randn(rows.sizes(), info.generator, rows.options());
        std::vector<at::Tensor> parts(3);
        side_by_side(3, [&](std::size_t i) {
          const auto column = static_cast<std::int64_t>(i);
          const at::Tensor difference =
              w_[column] + noise.select(1, column) - rows.select(1, column);
          parts[i] = difference.square().mean();
        });
        return Terms{at::stack(parts).mean(), {}};
      };
    };
  }

  StepLoop loop() { return {options(), {w_}, context_}; }
  RunContext& context() { return context_; }
  const at::Tensor& w() const { return w_; }

 private:
  Terms terms(const at::Tensor& rows, const StepInfo& info) {
    const at::Tensor noise =
        at::randn(rows.sizes(), info.generator, rows.options());
    return {(w_ + noise - rows).square().mean(), {}};
  }

  at::Tensor x_ = at::arange(kRows * 3, at::kFloat).view({kRows, 3}) / 60;
  at::Tensor w_ = at::zeros({3}).requires_grad_();
  RunContext context_;
};

at::Tensor trained(const Gather& gather, Fit& fit) {
  StepHooks hooks;
  hooks.gather = gather;
  auto loop = fit.loop();
  EXPECT_EQ(loop.run(hooks), Outcome::finished);
  EXPECT_EQ(loop.steps_done(), 10);
  EXPECT_GT(loop.clock().seconds().count("data"), 0u);
  return fit.w().detach();
}

TEST(StepLoop, GatheringAheadChangesNoBit) {
  Fit ahead, plain;
  const at::Tensor w = trained(ahead.gather_ahead(), ahead);
  EXPECT_TRUE(w.equal(trained(plain.gather_in_the_step(), plain)));
  EXPECT_GT(w.abs().min().item<float>(), 0.F);
}

TEST(StepLoop, GoesOnAfterACancelToTheSameBits) {
  Fit whole, cut;
  const at::Tensor expected = trained(whole.gather_ahead(), whole);
  Switch stop;
  cut.context().services.cancel = &stop;
  StepHooks hooks;
  hooks.gather = cut.gather_ahead();
  hooks.after_step = [&](std::int64_t done) {
    stop.is_on = done == 4;
    return false;
  };
  auto first = cut.loop();
  EXPECT_EQ(first.run(hooks), Outcome::cancelled);
  stop.is_on = false;
  hooks.after_step = nullptr;
  auto second = cut.loop();
  second.restore(first.steps_done(), first.state());
  EXPECT_EQ(second.run(hooks), Outcome::finished);
  EXPECT_TRUE(cut.w().detach().equal(expected));
}

// As GatheringAheadChangesNoBit, by a step that is recorded and replayed.
at::Tensor trained_by_replay(Fit& fit, ReplayingGraph::Counts& counts,
                             const StepHooks& hooks) {
  fit.context().make_graph = [&counts](const at::Generator&) {
    return std::make_unique<ReplayingGraph>(counts);
  };
  auto loop = fit.loop();
  EXPECT_EQ(loop.run(hooks), Outcome::finished);
  EXPECT_EQ(loop.steps_done(), 10);
  return fit.w().detach();
}

TEST(StepLoop, ARecordedStepChangesNoBit) {
  Fit replayed, plain;
  ReplayingGraph::Counts counts;
  StepHooks hooks;
  hooks.gather = replayed.gather_in_the_step();
  const at::Tensor w = trained_by_replay(replayed, counts, hooks);
  EXPECT_TRUE(w.equal(trained(plain.gather_in_the_step(), plain)));
  EXPECT_EQ(counts.records, 1);
  EXPECT_EQ(counts.replays, 7);
}

TEST(StepLoop, ARecordingThatDoesSomethingElseIsNotUsed) {
  Fit replayed, plain;
  ReplayingGraph::Counts counts;
  counts.times_a_replay = 2;
  StepHooks hooks;
  hooks.gather = replayed.gather_in_the_step();
  const at::Tensor w = trained_by_replay(replayed, counts, hooks);
  EXPECT_TRUE(w.equal(trained(plain.gather_in_the_step(), plain)));
  EXPECT_EQ(counts.records, 1);
  EXPECT_EQ(counts.replays, 1);
}

TEST(StepLoop, AStepThatReadsItsNumberIsNotRecorded) {
  Fit fit;
  ReplayingGraph::Counts counts;
  StepHooks hooks;
  hooks.gather = [&](const at::Tensor& indices) -> StepTerms {
    return [&, indices](const StepInfo& info) {
      Terms terms = fit.gather_in_the_step()(indices)(info);
      terms.loss = terms.loss * (1.0 / (1 + info.step));
      return terms;
    };
  };
  trained_by_replay(fit, counts, hooks);
  EXPECT_EQ(counts.records, 0);
}

TEST(StepLoop, ARecordedStepFollowsTheScheduleAndThePhases) {
  Fit replayed, plain;
  ReplayingGraph::Counts counts;
  StepHooks hooks;
  hooks.phase = [](double share) { return share < 0.5 ? 0 : 1; };
  hooks.schedule_progress = [](double share) { return share * share; };
  hooks.gather = replayed.gather_in_the_step();
  const at::Tensor w = trained_by_replay(replayed, counts, hooks);
  hooks.gather = plain.gather_in_the_step();
  auto loop = plain.loop();
  loop.run(hooks);
  EXPECT_TRUE(w.equal(plain.w().detach()));
  EXPECT_EQ(counts.records, 2);
}

TEST(StepLoop, StepsByColumnAreTheSame) {
  Fit by_column, plain;
  EXPECT_TRUE(at::allclose(trained(by_column.gather_by_column(), by_column),
                           trained(plain.gather_in_the_step(), plain)));
}

// Replays draw on where the step before stood: noise that were drawn twice, or
// an update that were lost, would show.
void expect_gpu_replays(Gather (Fit::*gather)(), bool has_branches) {
  std::optional<c10::Device> gpu;
  try {
    gpu = open_device("cuda", *quiet_services().logger);
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  Fit replayed(*gpu), plain(*gpu);
  replayed.context().make_graph = [&](at::Generator generator) {
    return make_work_graph(*gpu, std::move(generator), has_branches);
  };
  StepHooks hooks;
  hooks.gather = (replayed.*gather)();
  auto loop = replayed.loop();
  loop.run(hooks);
  EXPECT_GT(loop.num_kernels(), 0);
  const at::Tensor w = replayed.w().detach();
  EXPECT_TRUE(
      at::allclose(w, trained(plain.gather_in_the_step(), plain), 1e-5, 1e-6));
}

TEST(StepLoop, AGpuReplaysTheStepsItWouldCompute) {
  expect_gpu_replays(&Fit::gather_in_the_step, false);
}

TEST(StepLoop, AGpuReplaysBranchesOnStreamsOfTheirOwn) {
  expect_gpu_replays(&Fit::gather_by_column, true);
}

std::int64_t steps_before_row(std::int64_t row) {
  DataOrder order(kRows, options().batch_size, 1, "order/first_stage",
                  c10::kCPU);
  std::int64_t step = 0;
  while (!(order.batch(step) == row).any().item<bool>()) ++step;
  return step;
}

TEST(StepLoop, ThrowsWhatTheGatherThrew) {
  Fit fit;
  StepHooks hooks;
  hooks.gather = [&](const at::Tensor& indices) -> StepTerms {
    if ((indices == 3).any().item<bool>()) {
      throw Error(ErrorKind::data, "row 3 is damaged");
    }
    return fit.gather_ahead()(indices);
  };
  auto loop = fit.loop();
  try {
    loop.run(hooks);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_EQ(error.message(), "row 3 is damaged");
  }
  EXPECT_EQ(loop.steps_done(), steps_before_row(3));
}

}  // namespace step_loop_test
}  // namespace shalab
