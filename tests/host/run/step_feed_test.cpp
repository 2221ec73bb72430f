#include "run/step_feed.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <vector>

#include "shalab/error.h"
#include "shalab/random.h"

namespace shalab {
namespace step_feed_test {

constexpr std::int64_t kItems = 10;
constexpr std::int64_t kBatch = 3;  // 3 steps an epoch
constexpr std::int64_t kSteps = 8;

DataOrder order() { return {kItems, kBatch, 1, "order/step_feed", c10::kCPU}; }

// The loss is the batch's indices. Long enough to be handed over.
StepTerms echo(const at::Tensor& indices) {
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return [indices](const StepInfo&) { return Terms{indices, {}}; };
}

at::Tensor indices_of(StepFeed& feed, std::int64_t step) {
  auto generator = make_generator(1, "step_feed");
  return feed.take(step)({step, kSteps, 0.0, generator}).loss;
}

TEST(StepFeed, GivesTheOrdersBatchesAheadOrNot) {
  StepFeed ahead(echo, order(), kSteps, true);
  StepFeed plain(echo, order(), kSteps, false);
  auto expected = order();
  for (std::int64_t step = 0; step < kSteps; ++step) {
    const at::Tensor batch = expected.batch(step);
    EXPECT_TRUE(indices_of(ahead, step).equal(batch)) << step;
    EXPECT_TRUE(indices_of(plain, step).equal(batch)) << step;
  }
}

TEST(StepFeed, BeginsWhereARunIsResumed) {
  StepFeed feed(echo, order(), kSteps, true);
  EXPECT_TRUE(indices_of(feed, 5).equal(order().batch(5)));
  EXPECT_TRUE(indices_of(feed, 6).equal(order().batch(6)));
}

TEST(StepFeed, GathersTheNextStepBeforeItIsTaken) {
  std::promise<std::thread::id> second;
  std::atomic<int> gathers = 0;
  const auto count = [&](const at::Tensor& indices) {
    if (++gathers == 2) second.set_value(std::this_thread::get_id());
    return echo(indices);
  };
  StepFeed feed(count, order(), kSteps, true);
  feed.take(0);
  auto gathered = second.get_future();
  ASSERT_EQ(gathered.wait_for(std::chrono::minutes(1)),
            std::future_status::ready);
  EXPECT_NE(gathered.get(), std::this_thread::get_id());
}

TEST(StepFeed, GathersWhereItIsTakenIfNotAhead) {
  std::vector<std::thread::id> threads;
  const auto note = [&](const at::Tensor& indices) {
    threads.push_back(std::this_thread::get_id());
    return echo(indices);
  };
  StepFeed feed(note, order(), kSteps, false);
  feed.take(0);
  feed.take(1);
  EXPECT_EQ(threads, std::vector(2, std::this_thread::get_id()));
}

TEST(StepFeed, ThrowsWhatTheGatherThrew) {
  const at::Tensor damaged = order().batch(2);
  const auto fail = [&](const at::Tensor& indices) {
    if (indices.equal(damaged)) {
      throw Error(ErrorKind::data, "no file", "look");
    }
    return echo(indices);
  };
  StepFeed feed(fail, order(), kSteps, true);
  feed.take(0);
  feed.take(1);
  try {
    feed.take(2);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_EQ(error.message(), "no file");
    EXPECT_EQ(error.hint(), "look");
  }
}

TEST(StepFeed, GathersNothingBeyondTheLastStep) {
  std::atomic<int> gathers = 0;
  {
    const auto count = [&](const at::Tensor& indices) {
      ++gathers;
      return echo(indices);
    };
    StepFeed feed(count, order(), 2, true);
    feed.take(0);
    feed.take(1);
  }
  EXPECT_EQ(gathers, 2);
}

// The first gather that is not the caller's hangs until the test lets it go.
TEST(StepFeed, GathersItselfWhatItsThreadDoesNotFinish) {
  const auto caller = std::this_thread::get_id();
  std::promise<void> begun, release;
  std::atomic<bool> has_begun = false;
  const auto hang = [&](const at::Tensor& indices) {
    if (std::this_thread::get_id() != caller && !has_begun.exchange(true)) {
      begun.set_value();
      release.get_future().wait();
    }
    return echo(indices);
  };
  StepFeed feed(hang, order(), kSteps, true);
  auto expected = order();
  EXPECT_TRUE(indices_of(feed, 0).equal(expected.batch(0)));
  begun.get_future().wait();
  for (std::int64_t step = 1; step < kSteps; ++step) {
    EXPECT_TRUE(indices_of(feed, step).equal(expected.batch(step))) << step;
  }
  release.set_value();
}

TEST(StepFeed, RefusesToSkipAStep) {
  StepFeed feed(echo, order(), kSteps, true);
  feed.take(0);
  EXPECT_THROW(feed.take(2), Error);
}

TEST(StepFeed, LeavesTheThreadsOfTheStepAlone) {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  {
    StepFeed feed(echo, order(), kSteps, true);
    feed.take(0);
    EXPECT_EQ(at::get_num_threads(), 2);
  }
  at::set_num_threads(before);
}

}  // namespace step_feed_test
}  // namespace shalab
