#include "results/batched_writer.h"

#include <utility>

#include "results/spool.h"

namespace shalab {

BatchedWriter::BatchedWriter(std::filesystem::path db, std::string run_id,
                             std::int64_t attempt,
                             std::shared_ptr<EventLog> log,
                             WriterOptions options)
    : path_(std::move(db)),
      run_id_(std::move(run_id)),
      attempt_(attempt),
      log_(std::move(log)),
      options_(std::move(options)),
      thread_([this] { loop(); }) {}

BatchedWriter::~BatchedWriter() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void BatchedWriter::add(const std::vector<Measurement>& rows) {
  add_lines(measurement_events(run_id_, attempt_, rows));
}

void BatchedWriter::add(const std::vector<CurvePoint>& points) {
  add_lines(curve_events(run_id_, attempt_, points));
}

void BatchedWriter::add_lines(EventLines lines) {
  const std::lock_guard guard(mutex_);
  num_added_ += lines.size();
  for (std::string& line : lines) pending_.push_back(std::move(line));
}

// The cycle under way may have taken its rows before ours were added: a failed
// one counts only if it began after this call.
void BatchedWriter::flush() {
  std::unique_lock lock(mutex_);
  const std::uint64_t wanted = num_added_;
  const std::uint64_t first = num_cycles_;
  while (num_durable_ < wanted) {
    if (present_problem_ && num_cycles_ >= first + 2) throw *present_problem_;
    flush_wanted_ = true;
    wake_.notify_all();
    const std::uint64_t seen = num_cycles_;
    done_.wait(lock, [&] { return num_cycles_ != seen; });
  }
}

std::optional<Error> BatchedWriter::problem() const {
  const std::lock_guard guard(mutex_);
  return problem_;
}

bool BatchedWriter::is_wanted() const {
  const std::lock_guard guard(mutex_);
  return is_wanted_;
}

void BatchedWriter::loop() {
  auto next_heartbeat = std::chrono::steady_clock::now() + options_.heartbeat;
  bool last = false;
  while (!last) {
    EventLines fresh;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, options_.interval,
                     [&] { return stopping_ || flush_wanted_; });
      flush_wanted_ = false;
      last = stopping_;
      const auto now = std::chrono::steady_clock::now();
      if (options_.heartbeat.count() > 0 && now >= next_heartbeat) {
        next_heartbeat = now + options_.heartbeat;
        pending_.push_back(heartbeat_event(run_id_));
        ++num_added_;
      }
      fresh.swap(pending_);
    }
    cycle(std::move(fresh));
  }
}

void BatchedWriter::cycle(EventLines fresh) {
  append_to_log(fresh);
  for (std::string& line : fresh) batch_.push_back(std::move(line));
  const std::size_t count = batch_.size();
  std::optional<Error> failure;
  try {
    if (!batch_.empty()) commit();
    in_outage_ = false;
  } catch (const Error& problem) {
    if (!in_outage_) report(problem);
    in_outage_ = true;
    try {
      spool_events(path_, batch_);
      batch_.clear();
    } catch (const Error&) {
      failure = problem;
    }
  }
  {
    const std::lock_guard guard(mutex_);
    if (!failure) num_durable_ += count;
    present_problem_ = failure;
    ++num_cycles_;
  }
  done_.notify_all();
}

void BatchedWriter::commit() {
  if (!db_)
    db_ = std::make_unique<ResultsDb>(ResultsDb::open(path_, options_.db));
  replay_spool(*db_);
  EventLines rejected;
  apply_events(*db_, batch_, OnConflict::replace, &rejected);
  batch_.clear();
  if (!rejected.empty()) {
    set_aside(path_, rejected);
    report(Error(ErrorKind::database,
                 "run " + run_id_ + " is no longer in " + path_.string() +
                     ": " + std::to_string(rejected.size()) +
                     " rows were put aside in *.spool.rejected.jsonl",
                 "rebuild the run from its events.jsonl"));
  }
  Statement state = db_->statement("SELECT state FROM runs WHERE id = ?");
  const bool runs = state.bind(run_id_).step() && state.text(0) == "running";
  const std::lock_guard guard(mutex_);
  is_wanted_ = runs;
}

void BatchedWriter::append_to_log(const EventLines& fresh) {
  if (!log_) return;
  unlogged_.insert(unlogged_.end(), fresh.begin(), fresh.end());
  if (unlogged_.empty()) return;
  try {
    log_->append(unlogged_);
    log_->flush();
    unlogged_.clear();
    log_is_broken_ = false;
  } catch (const Error& problem) {
    if (!log_is_broken_) report(problem);
    log_is_broken_ = true;
  }
}

void BatchedWriter::report(const Error& problem) {
  {
    const std::lock_guard guard(mutex_);
    if (!problem_) problem_ = problem;
  }
  if (options_.on_problem) options_.on_problem(problem);
}

}  // namespace shalab
