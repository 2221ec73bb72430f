#pragma once
// What a step needs of the data, gathered while the step before it runs.

#include <ATen/core/Tensor.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "run/data_order.h"
#include "shalab/objective.h"
#include "shalab/terms.h"

namespace shalab {

// The loss of tuples that are gathered already. [main]
using StepTerms = std::function<Terms(const StepInfo& info)>;
// Gathers the tuples `indices`; a function of them alone. [any thread]
using Gather = std::function<StepTerms(const at::Tensor& indices)>;

// Ahead: while gathers take half a millisecond or more, a thread of its own
// makes those of the next steps during a step, with one CPU thread, so that it
// takes no core from the step. Where that thread got no core in time, the
// caller gathers: it waits no longer than a gather usually takes before it does
// so. What is gathered depends on the step alone: whoever gathers, the same
// bits come out, and what is gathered in vain (cancelled, stopped early) leaves
// no trace. [main]
class StepFeed {
 public:
  // Steps end before `num_steps`.
  StepFeed(Gather gather, DataOrder order, std::int64_t num_steps, bool ahead);
  ~StepFeed();
  StepFeed(const StepFeed&) = delete;
  StepFeed& operator=(const StepFeed&) = delete;

  // Any step first, then one after the other (failed check). Throws what the
  // gather threw.
  StepTerms take(std::int64_t step);

 private:
  using Task = std::packaged_task<StepTerms()>;

  StepTerms asked_for(std::int64_t step);
  StepTerms gathered(std::int64_t step);
  void begin();
  Task unbegun(std::int64_t step);
  void work(const std::stop_token& stop);

  Gather gather_;
  std::int64_t num_steps_;
  std::int64_t next_ = -1;  // the step that is asked for next
  // Of the steps up to next_ - 1.
  std::deque<std::future<StepTerms>> asked_;
  // Seconds of a gather, the mean of the latest; 0 before the first.
  std::atomic<double> usual_ = 0.0;
  std::mutex order_mutex_;
  DataOrder order_;  // guarded by order_mutex_
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::map<std::int64_t, Task> tasks_;  // by step, not begun; guarded by mutex_
  std::jthread worker_;                 // last: joined before the rest ends
};

}  // namespace shalab
