#include "results/run_store.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "results/liveness.h"
#include "results/run_id.h"
#include "results/spool.h"

namespace shalab {

namespace {

using Json = nlohmann::ordered_json;

std::string line_of(const Json& event) {
  return event.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string run_event(const std::string& run_id, Json columns) {
  Json event = {{"event", "run"}, {"id", run_id}};
  event.update(columns);
  return line_of(event);
}

std::string attempt_event(const std::string& run_id, std::int64_t attempt,
                          Json columns) {
  Json event = {{"event", "attempt"}, {"run_id", run_id}, {"attempt", attempt}};
  event.update(columns);
  return line_of(event);
}

void check_run(const ResultsDb& db, const std::string& run_id) {
  Statement row = db.statement("SELECT 1 FROM runs WHERE id = ?");
  if (row.bind(run_id).step()) return;
  throw Error(ErrorKind::database,
              "no run " + run_id + " in " + db.path().string(),
              "`shalab runs` lists them");
}

}  // namespace

RunStore::RunStore(ResultsDb db, std::filesystem::path runs_folder)
    : db_(std::move(db)), runs_folder_(std::move(runs_folder)) {
  replay_spool(db_);
}

std::shared_ptr<EventLog> RunStore::event_log(const std::string& run_id) {
  if (runs_folder_.empty()) return nullptr;
  auto& log = logs_[run_id];
  if (!log) {
    const std::filesystem::path folder = runs_folder_ / run_id;
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) {
      throw Error(ErrorKind::database,
                  "cannot make the run folder " + folder.string() + ": " +
                      error.message(),
                  "name another folder with --runs");
    }
    log = std::make_shared<EventLog>(folder / "events.jsonl");
  }
  return log;
}

void RunStore::log(const std::string& run_id, const EventLines& events) {
  const auto log = event_log(run_id);
  if (!log) return;
  log->append(events);
  log->flush();
}

void RunStore::record(const std::string& run_id, const EventLines& events) {
  log(run_id, events);
  try {
    apply_events(db_, events);
  } catch (const DatabaseUnavailable&) {
    spool_events(db_.path(), events);
    throw;
  }
}

std::string RunStore::create_run(const RunRecord& run) {
  RunRecord row = run;
  if (row.id.empty()) row.id = make_run_id();
  Statement present = db_.statement("SELECT 1 FROM runs WHERE id = ?");
  if (present.bind(row.id).step()) {
    throw Error(ErrorKind::database, "run " + row.id + " exists already",
                "every run has an id of its own");
  }
  present.reset();
  const EventLines events = run_events(row, utc_now());
  apply_events(db_, events);
  log(row.id, events);
  return row.id;
}

std::int64_t RunStore::latest_attempt(const std::string& run_id) const {
  Statement last = db_.statement(
      "SELECT coalesce(max(attempt), 0) FROM attempts WHERE run_id = ?");
  last.bind(run_id).step();
  return last.integer(0);
}

std::int64_t RunStore::begin_attempt(
    const std::string& run_id, const std::optional<ResumePoint>& resumed) {
  check_run(db_, run_id);
  const ProcessIdentity self = current_process();
  std::int64_t attempt = 0;
  db_.write([&] {
    Statement last = db_.statement(
        "SELECT coalesce(max(attempt), 0), (SELECT started FROM runs WHERE id "
        "= ?1) FROM attempts WHERE run_id = ?1");
    last.bind(run_id).step();
    attempt = last.integer(0) + 1;
    const std::string now = utc_now();
    const std::string started = last.is_null(1) ? now : last.text(1);
    Json columns = {
        {"state", "running"}, {"started", now}, {"host", self.host}};
    if (resumed) {
      columns["resumed_stage"] = resumed->stage;
      columns["resumed_from"] = resumed->step;
    }
    apply_events(db_, {run_event(run_id, {{"state", "running"},
                                          {"started", started},
                                          {"finished", nullptr},
                                          {"error", ""},
                                          {"host", self.host},
                                          {"pid", self.pid},
                                          {"process_start", self.start},
                                          {"boot_id", self.boot_id},
                                          {"heartbeat", now}}),
                       attempt_event(run_id, attempt, columns)});
  });
  log(run_id, events_from_db(db_, run_id, {"run", "attempt"}));
  return attempt;
}

void RunStore::add_measurements(const std::string& run_id, std::int64_t attempt,
                                const std::vector<Measurement>& rows) {
  record(run_id, measurement_events(run_id, attempt, rows));
}

void RunStore::add_curves(const std::string& run_id, std::int64_t attempt,
                          const std::vector<CurvePoint>& points) {
  record(run_id, curve_events(run_id, attempt, points));
}

void RunStore::add_artifact(const std::string& run_id, std::int64_t attempt,
                            const Artifact& artifact) {
  record(run_id, {artifact_event(run_id, attempt, artifact)});
}

bool RunStore::heartbeat(const std::string& run_id) {
  record(run_id, {heartbeat_event(run_id)});
  Statement row = db_.statement("SELECT state FROM runs WHERE id = ?");
  return row.bind(run_id).step() && row.text(0) == "running";
}

void RunStore::finish(const std::string& run_id, std::int64_t attempt,
                      RunState state, int exit_code, const std::string& error) {
  SHALAB_CHECK(state != RunState::queued && state != RunState::running,
               std::string("a run does not end ") + to_string(state));
  const std::string now = utc_now();
  record(run_id, {attempt_event(run_id, attempt,
                                {{"state", to_string(state)},
                                 {"finished", now},
                                 {"exit_code", exit_code},
                                 {"error", error}}),
                  run_event(run_id, {{"state", to_string(state)},
                                     {"finished", now},
                                     {"heartbeat", now},
                                     {"error", error}})});
}

bool RunStore::mark_stale(const std::string& run_id,
                          const std::string& heartbeat,
                          const std::string& evidence) {
  bool marked = false;
  EventLines events;
  db_.write([&] {
    Statement row = db_.statement(
        "SELECT state = 'running' AND coalesce(heartbeat, '') = ?2, (SELECT "
        "max(attempt) FROM attempts WHERE run_id = ?1) FROM runs WHERE id = "
        "?1");
    if (!row.bind(run_id).bind(heartbeat).step() || row.integer(0) == 0) return;
    marked = true;
    const Json ended = {
        {"state", "stale"}, {"finished", utc_now()}, {"error", evidence}};
    events = {run_event(run_id, ended)};
    if (!row.is_null(1))
      events.push_back(attempt_event(run_id, row.integer(1), ended));
    apply_events(db_, events);
  });
  if (marked) log(run_id, events);
  return marked;
}

void RunStore::set_tag(const std::string& run_id, const std::string& tag,
                       bool present) {
  check_run(db_, run_id);
  record(run_id, {tag_event(run_id, tag, !present)});
}

void RunStore::set_note(const std::string& run_id, const std::string& note) {
  check_run(db_, run_id);
  record(run_id, {run_event(run_id, {{"note", note}})});
}

void RunStore::set_deleted(const std::string& run_id, bool deleted) {
  check_run(db_, run_id);
  const Json when = deleted ? Json(utc_now()) : Json(nullptr);
  record(run_id, {run_event(run_id, {{"deleted", when}})});
}

}  // namespace shalab
