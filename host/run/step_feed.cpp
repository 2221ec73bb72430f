#include "run/step_feed.h"

#include <ATen/Parallel.h>
#include <sched.h>

#include <chrono>
#include <utility>

#include "shalab/error.h"

namespace shalab {

namespace {

// Steps that are gathered ahead. One would do on idle cores; on busy ones the
// thread may lose its core for some milliseconds in the midst of a gather.
constexpr std::size_t kAhead = 3;

// Seconds from which a gather is handed over. Less is sooner done than waited
// for: a thread that has to sleep on a busy core loses some milliseconds.
constexpr double kWorthwhile = 5e-4;

using Seconds = std::chrono::duration<double>;

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
  const auto due = next_ - static_cast<std::int64_t>(asked_.size());
  SHALAB_CHECK(next_ < 0 || step == due,
               "step " + std::to_string(step) + ", not " + std::to_string(due));
  auto terms = asked_.empty() ? gathered(step) : asked_for(step);
  if (asked_.empty()) next_ = step + 1;
  while (usual_ >= kWorthwhile && asked_.size() < kAhead &&
         next_ < num_steps_) {
    begin();
  }
  return terms;
}

StepTerms StepFeed::asked_for(std::int64_t step) {
  if (Task task = unbegun(step); task.valid()) task();
  auto own = std::move(asked_.front());
  asked_.pop_front();
  const bool is_ready =
      own.wait_for(Seconds(usual_)) == std::future_status::ready;
  return is_ready ? own.get() : gathered(step);
}

StepTerms StepFeed::gathered(std::int64_t step) {
  const auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(order_mutex_);
  const auto indices = order_.batch(step);
  lock.unlock();
  auto terms = gather_(indices);
  const double took = Seconds(std::chrono::steady_clock::now() - start).count();
  usual_ = usual_ == 0 ? took : 0.9 * usual_ + 0.1 * took;
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
