#pragma once
// Commits a run's measurements and curve points in batches, on a thread and a
// connection of its own, so that training never waits for the disk.
//
// A row is acknowledged when flush() returns after it was added, or when its
// batch was committed; an acknowledged row survives kill -9. While the database
// cannot be written, rows go to the spool (spool.h) and into the database once
// that works again; if the spool cannot be written either, they stay in memory
// and flush() says so.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "results/events.h"
#include "results/records.h"

namespace shalab {

struct WriterOptions {
  std::chrono::milliseconds interval{1000};    // at most between commits
  std::chrono::milliseconds heartbeat{10000};  // 0: none
  DbOptions db;
  // Called on the writer's thread, once when an outage begins.
  std::function<void(const Error&)> on_problem;
};

class BatchedWriter {
 public:
  // `log` may be null: RunStore::event_log(run_id).
  BatchedWriter(std::filesystem::path db, std::string run_id,
                std::int64_t attempt, std::shared_ptr<EventLog> log = {},
                WriterOptions options = {});
  ~BatchedWriter();  // flushes; what goes wrong is told to on_problem only
  BatchedWriter(const BatchedWriter&) = delete;
  BatchedWriter& operator=(const BatchedWriter&) = delete;

  // [any thread] Returns at once. A measurement that is not finite throws
  // Error(run).
  void add(const std::vector<Measurement>& rows);
  void add(const std::vector<CurvePoint>& points);

  // All rows added before are durable (database or spool) when this returns;
  // throws Error(database) if they are in memory only. [any thread]
  void flush();

  // The first problem so far, even if it passed. [any thread]
  std::optional<Error> problem() const;

  // False once the database says that the run is not `running` any more:
  // someone declared it dead; stop cleanly. Looked at with each heartbeat.
  bool is_wanted() const;

 private:
  void add_lines(EventLines lines);
  void loop();
  void cycle(EventLines fresh);
  void commit();
  void report(const Error& problem);
  void append_to_log(const EventLines& fresh);

  const std::filesystem::path path_;
  const std::string run_id_;
  const std::int64_t attempt_;
  const std::shared_ptr<EventLog> log_;
  const WriterOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable wake_, done_;
  EventLines pending_;             // added, not yet taken
  std::uint64_t num_added_ = 0;    // rows ever
  std::uint64_t num_durable_ = 0;  // of them on disk
  std::uint64_t num_cycles_ = 0;   // ended
  bool flush_wanted_ = false;
  bool stopping_ = false;
  bool is_wanted_ = true;
  std::optional<Error> problem_;          // the first
  std::optional<Error> present_problem_;  // of the last cycle

  EventLines batch_;               // writer thread only: not yet durable
  std::unique_ptr<ResultsDb> db_;  // writer thread only
  EventLines unlogged_;            // writer thread only
  bool in_outage_ = false;         // writer thread only
  bool log_is_broken_ = false;     // writer thread only
  std::thread thread_;
};

}  // namespace shalab
