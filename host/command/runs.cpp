#include <iostream>
#include <nlohmann/json.hpp>

#include "command/commands.h"
#include "command/print_table.h"
#include "results/query.h"
#include "results/records.h"
#include "results/run_id.h"
#include "results/run_store.h"

namespace shalab {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kPlugins =
    "SELECT kind, name, revision, substr(file_digest, 1, 12) AS digest "
    "FROM run_plugins WHERE run_id = ? ORDER BY kind, name";
constexpr const char* kConfig =
    "SELECT key, value, origin FROM run_config WHERE run_id = ? ORDER BY key";
constexpr const char* kMeasurements =
    "SELECT name, value, unit, direction, source_subset, target_modality, "
    "split, num_samples, protocol, latent_source, generation "
    "FROM leaderboard WHERE run_id = ? "
    "ORDER BY latent_source, name, source_subset, target_modality";

void print_summary(const Table& summary) {
  for (std::size_t i = 0; i < summary.columns.size(); ++i) {
    const std::string text = to_text(summary.rows.front()[i]);
    if (text.empty()) continue;
    std::string name = summary.columns[i];
    name.resize(18, ' ');
    std::cout << name << text << "\n";
  }
}

void print_part(const std::string& title, const Table& table) {
  if (table.rows.empty()) return;
  std::cout << "\n" << title << "\n" << as_text(table);
}

}  // namespace

int command_runs_list(const Invocation& invocation) {
  const std::string count = invocation.value("--count", "50");
  const std::int64_t rows = whole_number("--count", count, 1);
  const std::string state = invocation.value("--state");
  if (!state.empty()) static_cast<void>(run_state_from_text(state));
  ResultsDb db = ResultsDb::open_read_only(invocation.options.db);
  const std::string sql =
      "SELECT substr(id, 1, 12) AS run, name, state, seed, dataset, fusion, "
      "objective, prior, fitted_priors, num_measurements AS numbers, created "
      "FROM run_summary WHERE ? IN ('', state) ORDER BY id DESC";
  print_table(query(db, sql, {rows, 10.0}, {state}), table_format(invocation));
  return 0;
}

int command_runs_show(const Invocation& invocation) {
  ResultsDb db = ResultsDb::open_read_only(invocation.options.db);
  const std::string id = resolve_run(db, invocation.arguments.front());
  const auto part = [&](const std::string& sql) {
    return query(db, sql, {}, {id});
  };
  const Table summary = part("SELECT * FROM run_summary WHERE id = ?");
  const Table plugins = part(kPlugins);
  const Table config = part(kConfig);
  const Table measurements = part(kMeasurements);
  if (invocation.options.json) {
    const Json json = {{"schema", 1},
                       {"run", Json::parse(as_json(summary)).at(0)},
                       {"plugins", Json::parse(as_json(plugins))},
                       {"config", Json::parse(as_json(config))},
                       {"measurements", Json::parse(as_json(measurements))}};
    std::cout << json.dump(2) << "\n";
    return 0;
  }
  print_summary(summary);
  print_part("plugins", plugins);
  print_part("config", config);
  print_part("measurements", measurements);
  return 0;
}

int command_runs_tag(const Invocation& invocation) {
  RunStore store(ResultsDb::open(invocation.options.db),
                 invocation.options.runs);
  const std::string id = resolve_run(store.db(), invocation.arguments[0]);
  store.set_tag(id, invocation.arguments[1], !invocation.has("--remove"));
  return 0;
}

int command_runs_delete(const Invocation& invocation) {
  RunStore store(ResultsDb::open(invocation.options.db),
                 invocation.options.runs);
  const bool undo = invocation.has("--undo");
  // A hidden run is in no listing: only its full id names it.
  const std::string& text = invocation.arguments.front();
  const std::string id = undo ? text : resolve_run(store.db(), text);
  store.set_deleted(id, !undo);
  if (!undo) {
    std::cerr << "shalab: hidden; `shalab runs delete --undo " << id
              << "` brings it back\n";
  }
  return 0;
}

}  // namespace shalab
