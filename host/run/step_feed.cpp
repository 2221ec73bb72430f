#include "run/step_feed.h"

#include <ATen/Parallel.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "shalab/error.h"

namespace shalab {

namespace {

// Steps that are gathered ahead. One would do on idle cores; on busy ones the
// thread may lose its core for some milliseconds in the midst of a gather.
constexpr std::size_t kAhead = 3;

// One thread for tensor operations, and no right to interrupt the step.
void yield_to_the_step() {
  at::set_num_threads(1);  // of this thread
#ifdef SCHED_BATCH
  const sched_param unused{};
  ::sched_setscheduler(0, SCHED_BATCH, &unused);  // of this thread
#endif
}

}  // namespace

StepFeed::StepFeed(Gather gather, DataOrder order, std::int64_t num_steps,
                   bool ahead)
    : gather_(std::move(gather)),
      num_steps_(num_steps),
      order_(std::move(order)) {
  if (ahead) {
    worker_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
  }
}

StepFeed::~StepFeed() = default;

StepTerms StepFeed::take(std::int64_t step) {
  if (!worker_.joinable()) return gathered(step);
  if (next_ < 0) next_ = step;
  if (asked_.empty()) begin();
  const auto due = next_ - static_cast<std::int64_t>(asked_.size());
  SHALAB_CHECK(step == due,
               "step " + std::to_string(step) + ", not " + std::to_string(due));
  if (Task task = unbegun(step); task.valid()) task();
  auto own = std::move(asked_.front());
  asked_.pop_front();
  const auto patience = std::chrono::duration<double>(shortest_.load());
  const bool is_ready = own.wait_for(patience) == std::future_status::ready;
  auto terms = is_ready ? own.get() : gathered(step);
  while (asked_.size() < kAhead && next_ < num_steps_) begin();
  return terms;
}

StepTerms StepFeed::gathered(std::int64_t step) {
  const auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(order_mutex_);
  const auto indices = order_.batch(step);
  lock.unlock();
  auto terms = gather_(indices);
  const std::chrono::duration<double> took =
      std::chrono::steady_clock::now() - start;
  shortest_ = std::min(shortest_.load(), took.count());
  return terms;
}

void StepFeed::begin() {
  Task task([this, step = next_] { return gathered(step); });
  asked_.push_back(task.get_future());
  {
    const std::lock_guard lock(mutex_);
    tasks_.emplace(next_++, std::move(task));
  }
  wake_.notify_one();
}

StepFeed::Task StepFeed::unbegun(std::int64_t step) {
  const std::lock_guard lock(mutex_);
  auto found = tasks_.extract(step);
  return found ? std::move(found.mapped()) : Task();
}

void StepFeed::work(const std::stop_token& stop) {
  yield_to_the_step();
  std::unique_lock lock(mutex_);
  while (wake_.wait(lock, stop, [&] { return !tasks_.empty(); }) &&
         !stop.stop_requested()) {
    auto task = std::move(tasks_.extract(tasks_.begin()).mapped());
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace shalab
