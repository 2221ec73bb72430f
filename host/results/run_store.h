#pragma once
// What a run writes: its row before the first costly step, its attempts, its
// numbers, and how it ended. Each call is durable when it returns, and is
// appended to runs/<id>/events.jsonl too.

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "results/events.h"
#include "results/records.h"
#include "results/results_db.h"

namespace shalab {

class RunStore {
 public:
  // `runs_folder` holds a folder per run; empty: no event logs. Replays what an
  // earlier process had to spool.
  explicit RunStore(ResultsDb db, std::filesystem::path runs_folder = {});

  // Records a queued run and makes its folder. Returns its id (`run.id`, or a
  // new one). A database that cannot be written is an error here, before
  // anything costly.
  std::string create_run(const RunRecord& run);

  // Starts the next attempt: run and attempt are `running`, with this process
  // as evidence. Returns its number, 1 for the first.
  std::int64_t begin_attempt(const std::string& run_id,
                             const std::optional<ResumePoint>& resumed = {});

  // The number of the run's newest attempt; 0 before the first.
  std::int64_t latest_attempt(const std::string& run_id) const;

  // If the database cannot be written, rows go to the spool and the
  // DatabaseUnavailable is thrown all the same: nothing is lost.
  void add_measurements(const std::string& run_id, std::int64_t attempt,
                        const std::vector<Measurement>& rows);
  void add_curves(const std::string& run_id, std::int64_t attempt,
                  const std::vector<CurvePoint>& points);
  void add_artifact(const std::string& run_id, std::int64_t attempt,
                    const Artifact& artifact);

  // Says that the run is alive. False if it is not `running` any more (someone
  // declared it stale or killed): then stop cleanly.
  bool heartbeat(const std::string& run_id);

  // Ends the attempt and the run. `state` is none of queued and running.
  void finish(const std::string& run_id, std::int64_t attempt, RunState state,
              int exit_code = 0, const std::string& error = "");

  // Marks a running run stale, with the evidence as its error, if its heartbeat
  // is still the one that was judged; returns whether it did.
  bool mark_stale(const std::string& run_id, const std::string& heartbeat,
                  const std::string& evidence);

  void set_tag(const std::string& run_id, const std::string& tag, bool present);
  void set_note(const std::string& run_id, const std::string& note);

  // Hides a run from every view, or brings it back. Nothing is erased.
  void set_deleted(const std::string& run_id, bool deleted);

  // The run's log, opened on first use; null without a runs folder.
  std::shared_ptr<EventLog> event_log(const std::string& run_id);
  ResultsDb& db() { return db_; }
  const std::filesystem::path& runs_folder() const { return runs_folder_; }

 private:
  void record(const std::string& run_id, const EventLines& events);
  void log(const std::string& run_id, const EventLines& events);

  ResultsDb db_;
  std::filesystem::path runs_folder_;
  std::map<std::string, std::shared_ptr<EventLog>> logs_;
};

}  // namespace shalab
