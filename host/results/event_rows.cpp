// The half of events.h that knows tables: a line becomes a row, rows become
// lines. Column names come from the database itself, so a new column needs no
// change here.
#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "results/events.h"

namespace shalab {

namespace {

using Json = nlohmann::ordered_json;

struct EventKind {
  const char* event;
  const char* table;
  std::vector<std::string> keys;
  bool may_be_partial;  // names only the columns that changed
};

// Parents before children.
const std::array<EventKind, 8>& event_kinds() {
  static const std::array<EventKind, 8> kinds = {{
      {"run", "runs", {"id"}, true},
      {"config", "config_values", {"run_id", "key"}, false},
      {"plugin", "run_plugins", {"run_id", "kind", "name"}, false},
      {"tag", "run_tags", {"run_id", "tag"}, false},
      {"attempt", "attempts", {"run_id", "attempt"}, true},
      {"measurement",
       "measurements",
       {"run_id", "name", "source_subset", "target_modality", "split",
        "protocol", "fingerprint", "latent_source", "generation", "num_samples",
        "attempt"},
       false},
      {"curve",
       "curves",
       {"run_id", "attempt", "stage", "name", "step"},
       false},
      {"artifact", "artifacts", {"run_id", "attempt", "path"}, false},
  }};
  return kinds;
}

[[noreturn]] void refuse(const std::string& what, const std::string& line) {
  throw Error(ErrorKind::database, what + ": " + line.substr(0, 80),
              "the file was written by another version, or is damaged");
}

const EventKind& kind_named(const std::string& event, const std::string& line) {
  for (const EventKind& kind : event_kinds())
    if (event == kind.event) return kind;
  refuse("unknown event '" + event + "'", line);
}

std::string joined(const std::vector<std::string>& words,
                   const std::string& separator,
                   const std::string& after = "") {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : separator) + word + after;
  return text;
}

void bind_json(Statement& statement, const Json& value) {
  if (value.is_null())
    statement.bind(std::nullopt);
  else if (value.is_boolean())
    statement.bind(value.get<bool>() ? 1 : 0);
  else if (value.is_number_integer())
    statement.bind(value.get<std::int64_t>());
  else if (value.is_number())
    statement.bind(value.get<double>());
  else
    statement.bind(value.get<std::string>());
}

class Applier {
 public:
  Applier(ResultsDb& db, OnConflict on_conflict)
      : db_(db), on_conflict_(on_conflict) {}

  void apply(const std::string& line) {
    const Json event = Json::parse(line, nullptr, false);
    if (!event.is_object() || !event.contains("event"))
      refuse("not an event", line);
    const std::string name = event["event"];
    if (name == "log") return check_version(event, line);
    const EventKind& kind = kind_named(name, line);
    split_columns(kind, event, line);
    if (event.contains("removed")) return remove(kind, event);
    if (kind.may_be_partial && update(kind, event)) return;
    insert(kind, event);
  }

 private:
  void check_version(const Json& event, const std::string& line) {
    if (event.value("version", 0) > kEventVersion)
      refuse("event log of a newer shalab", line);
  }

  void split_columns(const EventKind& kind, const Json& event,
                     const std::string& line) {
    const std::vector<std::string>& known = columns_of(kind.table);
    columns_.clear();
    others_.clear();
    for (const auto& [column, value] : event.items()) {
      if (column == "event" || column == "removed") continue;
      if (std::find(known.begin(), known.end(), column) == known.end())
        refuse("unknown column '" + column + "'", line);
      if (value.is_structured()) refuse("not a plain value", line);
      columns_.push_back(column);
      if (std::find(kind.keys.begin(), kind.keys.end(), column) ==
          kind.keys.end())
        others_.push_back(column);
    }
    for (const std::string& key : kind.keys)
      if (!event.contains(key)) refuse("no '" + key + "' in event", line);
  }

  const std::vector<std::string>& columns_of(const std::string& table) {
    auto& known = known_[table];
    if (known.empty()) {
      Statement rows = db_.statement("SELECT name FROM pragma_table_info(?)");
      rows.bind(table);
      while (rows.step()) known.push_back(rows.text(0));
    }
    return known;
  }

  void run(const std::string& sql, const Json& event,
           const std::vector<std::string>& parameters) {
    auto [place, is_new] = statements_.try_emplace(sql, nullptr);
    if (is_new) place->second = std::make_unique<Statement>(db_.statement(sql));
    Statement& statement = *place->second;
    statement.reset();
    for (const std::string& name : parameters)
      bind_json(statement, event[name]);
    statement.run();
  }

  bool update(const EventKind& kind, const Json& event) {
    if (on_conflict_ == OnConflict::keep || others_.empty()) return false;
    std::vector<std::string> parameters = others_;
    parameters.insert(parameters.end(), kind.keys.begin(), kind.keys.end());
    run("UPDATE " + std::string(kind.table) + " SET " +
            joined(others_, ", ", " = ?") + " WHERE " +
            joined(kind.keys, " AND ", " = ?"),
        event, parameters);
    return db_.num_changes() > 0;
  }

  void insert(const EventKind& kind, const Json& event) {
    std::string sets;
    for (const std::string& column : others_)
      sets += (sets.empty() ? "" : ", ") + column + " = excluded." + column;
    const bool keep = on_conflict_ == OnConflict::keep || sets.empty();
    const std::vector<std::string> marks(columns_.size(), "?");
    run("INSERT INTO " + std::string(kind.table) + " (" +
            joined(columns_, ", ") + ") VALUES (" + joined(marks, ", ") +
            ") ON CONFLICT (" + joined(kind.keys, ", ") + ") DO " +
            (keep ? "NOTHING" : "UPDATE SET " + sets),
        event, columns_);
  }

  void remove(const EventKind& kind, const Json& event) {
    run("DELETE FROM " + std::string(kind.table) + " WHERE " +
            joined(kind.keys, " AND ", " = ?"),
        event, kind.keys);
  }

  ResultsDb& db_;
  OnConflict on_conflict_;
  std::vector<std::string> columns_, others_;
  std::map<std::string, std::vector<std::string>> known_;
  std::map<std::string, std::unique_ptr<Statement>> statements_;
};

Json cell(const Statement& row, int column) {
  if (row.is_null(column)) return nullptr;
  if (row.is_integer(column)) return row.integer(column);
  if (row.is_text(column)) return row.text(column);
  return row.real(column);
}

}  // namespace

void apply_events(ResultsDb& db, const EventLines& events,
                  OnConflict on_conflict, EventLines* rejected) {
  db.write([&] {
    Applier applier(db, on_conflict);
    for (const std::string& line : events) {
      try {
        applier.apply(line);
      } catch (const DatabaseRefusal&) {
        if (!rejected) throw;
        rejected->push_back(line);
      }
    }
  });
}

EventLines events_from_db(const ResultsDb& db, const std::string& run_id,
                          const std::vector<std::string>& kinds) {
  EventLines events;
  for (const EventKind& kind : event_kinds()) {
    if (std::find(kinds.begin(), kinds.end(), kind.event) == kinds.end())
      continue;
    Statement row =
        db.statement("SELECT * FROM " + std::string(kind.table) + " WHERE " +
                     (kind.keys.front() == "id" ? "id" : "run_id") +
                     " = ? ORDER BY " + joined(kind.keys, ", "));
    row.bind(run_id);
    while (row.step()) {
      Json event = {{"event", kind.event}};
      for (int i = 0; i < row.num_columns(); ++i)
        event[row.column_name(i)] = cell(row, i);
      events.push_back(
          event.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
  }
  return events;
}

EventLines events_from_db(const ResultsDb& db, const std::string& run_id) {
  std::vector<std::string> kinds;
  for (const EventKind& kind : event_kinds()) kinds.push_back(kind.event);
  EventLines events = events_from_db(db, run_id, kinds);
  if (events.empty()) {
    throw Error(ErrorKind::database,
                "no run " + run_id + " in " + db.path().string(),
                "`shalab runs` lists them");
  }
  return events;
}

}  // namespace shalab
