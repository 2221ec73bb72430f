#include <algorithm>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "command/engine/attempt.h"
#include "results/measurement_json.h"
#include "results/tables.h"

namespace shalab {

namespace {

std::string key_of(const Measurement& row) {
  return row.name + "|" + row.latent_source + "|" + row.generation + "|" +
         row.split;
}

// The rows over all targets, and those of measurements that have no such row.
std::vector<Measurement> summary_of(const std::vector<Measurement>& rows) {
  std::set<std::string> has_mean;
  for (const auto& row : rows) {
    if (row.target_modality.empty()) {
      has_mean.insert(key_of(row));
    }
  }
  std::vector<Measurement> summary;
  std::ranges::copy_if(
      rows, std::back_inserter(summary), [&](const Measurement& row) {
        return row.target_modality.empty() || !has_mean.contains(key_of(row));
      });
  return summary;
}

Table as_table(const std::vector<Measurement>& rows) {
  Table table;
  table.columns = {"name",       "source", "target", "latent_source",
                   "generation", "nfe",    "split",  "n",
                   "value",      "spread", "unit"};
  for (const auto& row : rows) {
    table.rows.push_back({row.name, row.source_subset, row.target_modality,
                          row.latent_source, row.generation, row.nfe, row.split,
                          row.num_samples, row.value, row.spread, row.unit});
  }
  return table;
}

}  // namespace

void print_measurements(const std::vector<Measurement>& rows, bool json,
                        const std::string& note) {
  if (json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& row : rows) {
      list.push_back(measurement_json(row));
    }
    nlohmann::ordered_json document{{"measurements", list}};
    if (!note.empty()) {
      document["note"] = note;
    }
    std::cout << document.dump(2) << '\n';
    return;
  }
  const auto summary = summary_of(rows);
  std::cout << as_text(as_table(summary));
  if (const auto more = rows.size() - summary.size(); more > 0) {
    std::cout << "and " << more
              << " rows of single targets: --json, or shalab sql \"SELECT * "
                 "FROM measurements\"\n";
  }
  if (!note.empty()) {
    std::cout << "note: " << note << '\n';
  }
}

}  // namespace shalab
