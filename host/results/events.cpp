#include "results/events.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "results/measurement_json.h"

namespace shalab {

namespace {

using Json = nlohmann::ordered_json;

std::string line_of(const Json& event) {
  return event.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json child(const char* kind, const std::string& run_id, std::int64_t attempt) {
  return {{"event", kind}, {"run_id", run_id}, {"attempt", attempt}};
}

void check_finite(const Measurement& row) {
  for (double number : {row.value, row.spread, row.seconds}) {
    if (number - number != 0.0) {
      throw Error(ErrorKind::run,
                  "measurement " + row.name + " of target '" +
                      row.target_modality + "' is not finite",
                  "a metric that has no number reports none");
    }
  }
}

}  // namespace

EventLog::EventLog(const std::filesystem::path& path) : log_(path) {
  if (LineLog::read_lines(path).empty())
    log_.append({line_of({{"event", "log"}, {"version", kEventVersion}})});
}

EventLines run_events(const RunRecord& run, const std::string& created) {
  EventLines events;
  events.push_back(line_of({{"event", "run"},
                            {"id", run.id},
                            {"name", run.name},
                            {"experiment", run.experiment},
                            {"state", to_string(RunState::queued)},
                            {"seed", run.seed},
                            {"config_hash", run.config_hash},
                            {"created", created},
                            {"note", run.note}}));
  for (const ConfigValue& item : run.config) {
    events.push_back(line_of({{"event", "config"},
                              {"run_id", run.id},
                              {"key", item.key},
                              {"value", item.value},
                              {"origin", item.origin}}));
  }
  for (const RunPlugin& plugin : run.plugins) {
    events.push_back(line_of({{"event", "plugin"},
                              {"run_id", run.id},
                              {"kind", plugin.kind},
                              {"name", plugin.name},
                              {"revision", plugin.revision},
                              {"file_digest", plugin.file_digest}}));
  }
  return events;
}

EventLines measurement_events(const std::string& run_id, std::int64_t attempt,
                              const std::vector<Measurement>& rows) {
  EventLines events;
  for (const Measurement& row : rows) {
    check_finite(row);
    Json event = child("measurement", run_id, attempt);
    event.update(measurement_json(row));
    events.push_back(line_of(event));
  }
  return events;
}

EventLines curve_events(const std::string& run_id, std::int64_t attempt,
                        const std::vector<CurvePoint>& points) {
  EventLines events;
  for (const CurvePoint& point : points) {
    Json event = child("curve", run_id, attempt);
    event.update({{"stage", point.stage},
                  {"step", point.step},
                  {"name", point.name},
                  {"value", point.value}});
    events.push_back(line_of(event));
  }
  return events;
}

std::string artifact_event(const std::string& run_id, std::int64_t attempt,
                           const Artifact& artifact) {
  Json event = child("artifact", run_id, attempt);
  event.update({{"kind", artifact.kind},
                {"path", artifact.path},
                {"sha256", artifact.sha256},
                {"bytes", artifact.bytes}});
  return line_of(event);
}

std::string tag_event(const std::string& run_id, const std::string& tag,
                      bool removed) {
  Json event = {{"event", "tag"}, {"run_id", run_id}, {"tag", tag}};
  if (removed) event["removed"] = true;
  return line_of(event);
}

std::string heartbeat_event(const std::string& run_id) {
  return line_of({{"event", "run"}, {"id", run_id}, {"heartbeat", utc_now()}});
}

std::vector<std::string> rebuild_from_events(
    ResultsDb& db, const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) {
    throw Error(ErrorKind::database, "no event log " + file.string(),
                "it lies in the run's folder as events.jsonl");
  }
  const EventLines lines = LineLog::read_lines(file);
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Json event = Json::parse(lines[i], nullptr, false);
    if (!event.is_object() || !event.contains("event")) {
      throw Error(ErrorKind::database,
                  file.string() + ":" + std::to_string(i + 1) +
                      ": not an event: " + lines[i].substr(0, 60),
                  "remove the damaged line and try again");
    }
    if (event["event"] != "run" || !event.contains("id")) continue;
    const std::string id = event["id"];
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  apply_events(db, lines);
  return ids;
}

int merge_database(ResultsDb& into, const ResultsDb& from) {
  int added = 0;
  Statement runs = from.statement("SELECT id FROM runs ORDER BY id");
  while (runs.step()) {
    const std::string id = runs.text(0);
    Statement present = into.statement("SELECT 1 FROM runs WHERE id = ?");
    if (!present.bind(id).step()) ++added;
    present.reset();
    apply_events(into, events_from_db(from, id), OnConflict::keep);
  }
  return added;
}

}  // namespace shalab
