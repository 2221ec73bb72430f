#pragma once
// Rows as lines of JSON, and back. A run's events.jsonl, the spool of a
// database that could not be written, and the database itself take the same
// lines, so each can be rebuilt from the other.
//
//   {"event":"log","version":1}
//   {"event":"run","id":"0198...","name":"shala-poly_mnist",...}
//   {"event":"measurement","run_id":"0198...","attempt":1,"name":...}
//
// An event holds the columns of one row of its table (docs/results_schema.md).
// A later event of the same key replaces the columns that it names, so
// applying a line twice changes nothing.

#include <filesystem>
#include <string>
#include <vector>

#include "results/line_log.h"
#include "results/records.h"
#include "results/results_db.h"

namespace shalab {

using EventLines = std::vector<std::string>;

inline constexpr int kEventVersion = 1;

// runs/<id>/events.jsonl. The first line names the format's version.
class EventLog {
 public:
  explicit EventLog(const std::filesystem::path& path);
  void append(const EventLines& events) { log_.append(events); }
  void flush() { log_.flush(); }
  const std::filesystem::path& path() const { return log_.path(); }

 private:
  LineLog log_;
};

// Events of typed rows. A measurement that is not finite throws Error(run).
EventLines run_events(const RunRecord& run, const std::string& created);
EventLines measurement_events(const std::string& run_id, std::int64_t attempt,
                              const std::vector<Measurement>& rows);
EventLines curve_events(const std::string& run_id, std::int64_t attempt,
                        const std::vector<CurvePoint>& points);
std::string artifact_event(const std::string& run_id, std::int64_t attempt,
                           const Artifact& artifact);
std::string tag_event(const std::string& run_id, const std::string& tag,
                      bool removed);
std::string heartbeat_event(const std::string& run_id);

enum class OnConflict { replace, keep };  // of a row that is there already

// Applies events in one write. A row that the schema refuses throws
// DatabaseRefusal and nothing is written; with `rejected` it is put there
// instead and the others are written. An unknown event or column is an
// Error(database).
void apply_events(ResultsDb& db, const EventLines& events,
                  OnConflict on_conflict = OnConflict::replace,
                  EventLines* rejected = nullptr);

// All that the database holds of a run, parents before children, as events.
// Throws Error(database) if there is no such run.
EventLines events_from_db(const ResultsDb& db, const std::string& run_id);

// Only the rows of these kinds of event ("run", "attempt", ...).
EventLines events_from_db(const ResultsDb& db, const std::string& run_id,
                          const std::vector<std::string>& kinds);

// Puts the runs of an events.jsonl into the database; returns their ids. A torn
// last line is ignored; a malformed line is an Error(database) with its number.
std::vector<std::string> rebuild_from_events(ResultsDb& db,
                                             const std::filesystem::path& file);

// Copies all runs of another database, deleted ones too. Rows that are there
// already stay, so merging twice, or in another order, gives the same. Returns
// the number of runs that were new.
int merge_database(ResultsDb& into, const ResultsDb& from);

}  // namespace shalab
