#include "results/leaderboard.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "results/statistics.h"

namespace shalab {

namespace {

struct Row {
  std::string run_id, run, group, dataset, fusion, objective, prior, name,
      direction, unit, split, protocol, fingerprint, latent_source, generation,
      note, state;
  std::int64_t nfe = 0;
  double value = 0.0, seconds = 0.0;
  std::int64_t num_averaged = 0;  // sources and targets
};

// How a number came about: only equal ones are compared.
using Identity = std::pair<std::string, std::string>;  // protocol, fingerprint
using RowKey = std::tuple<std::string, std::string, std::string>;
using PlaceKey = std::pair<std::string, std::string>;  // dataset, split

struct CellData {
  std::map<std::string, Row> by_run;
};

struct TableRow {
  Row facts;  // of its newest run
  std::set<std::string> runs, notes;
  std::int64_t nfe = 0;
  std::vector<double> seconds;
  std::map<std::string, std::map<Identity, CellData>> cells;  // by metric
};

struct Place {
  std::map<RowKey, TableRow> rows;
  std::map<std::string, Row> metrics;  // an example of each, for its direction
};

// " AND column IN (?, ?)", or nothing for an empty list.
std::string one_of(const std::string& column, std::size_t count) {
  std::string marks;
  for (std::size_t i = 0; i < count; ++i) marks += i ? ", ?" : "?";
  return count ? " AND " + column + " IN (" + marks + ")" : "";
}

Row row_of(const Statement& row, bool is_alone) {
  return {row.text(0),  row.text(1),  is_alone ? row.text(0) : row.text(2),
          row.text(3),  row.text(4),  row.text(5),
          row.text(6),  row.text(7),  row.text(8),
          row.text(9),  row.text(10), row.text(11),
          row.text(12), row.text(13), row.text(14),
          row.text(15), row.text(16), row.integer(17),
          row.real(18), row.real(19), row.integer(20)};
}

std::vector<Row> read_rows(const ResultsDb& db,
                           const LeaderboardOptions& options) {
  std::vector<std::string> splits, datasets;
  if (!options.split.empty()) splits = {options.split};
  if (!options.dataset.empty()) datasets = {options.dataset};
  Statement row = db.statement(
      "SELECT run_id, run, config_hash, dataset, fusion, objective, prior, "
      "name, direction, unit, split, protocol, fingerprint, latent_source, "
      "generation, note, state, nfe, value, seconds, num_measurements FROM "
      "leaderboard_means WHERE 1" +
      one_of("split", splits.size()) + one_of("dataset", datasets.size()) +
      one_of("name", options.metrics.size()) +
      one_of("run_id", options.run_ids.size()) + " ORDER BY run_id, name");
  for (const auto& list : {splits, datasets, options.metrics, options.run_ids})
    for (const std::string& word : list) row.bind(word);
  std::vector<Row> rows;
  while (row.step())
    rows.push_back(row_of(row, !options.average_seeds || row.text(2).empty()));
  return rows;
}

std::map<PlaceKey, Place> arrange(const std::vector<Row>& rows) {
  std::map<PlaceKey, Place> places;
  for (const Row& row : rows) {
    Place& place = places[{row.dataset, row.split}];
    place.metrics.try_emplace(row.name, row);
    TableRow& line = place.rows[{row.group, row.latent_source, row.generation}];
    line.facts = row;
    line.runs.insert(row.run_id);
    if (!row.note.empty()) line.notes.insert(row.note);
    if (row.state != "finished")
      line.notes.insert("run " + row.run + " (" + row.run_id.substr(0, 12) +
                        ") is " + row.state + ", not finished");
    line.nfe = std::max(line.nfe, row.nfe);
    if (row.seconds > 0.0) line.seconds.push_back(row.seconds);
    line.cells[row.name][{row.protocol, row.fingerprint}].by_run.emplace(
        row.run_id, row);
  }
  return places;
}

// The identities of a metric, the one that most rows share first.
std::vector<Identity> ranked_identities(const Place& place,
                                        const std::string& metric) {
  std::map<Identity, int> counts;
  for (const auto& [key, line] : place.rows) {
    const auto found = line.cells.find(metric);
    if (found == line.cells.end()) continue;
    for (const auto& [identity, data] : found->second) ++counts[identity];
  }
  std::vector<Identity> ranked;
  for (const auto& [identity, count] : counts) ranked.push_back(identity);
  std::stable_sort(ranked.begin(), ranked.end(),
                   [&](const Identity& a, const Identity& b) {
                     return counts[a] > counts[b];
                   });
  return ranked;
}

std::vector<std::string> metric_order(const Place& place,
                                      const LeaderboardOptions& options) {
  std::vector<std::string> names;
  for (const std::string& name : options.metrics)
    if (place.metrics.count(name)) names.push_back(name);
  if (options.metrics.empty())
    for (const auto& [name, example] : place.metrics) names.push_back(name);
  return names;
}

using Choice = std::vector<std::pair<std::string, Identity>>;  // of a block

const CellData* cell_of(const TableRow& line, const std::string& metric,
                        const Identity& identity) {
  const auto found = line.cells.find(metric);
  if (found == line.cells.end()) return nullptr;
  const auto data = found->second.find(identity);
  return data == found->second.end() ? nullptr : &data->second;
}

Summary over_runs(const CellData& cell) {
  std::vector<double> means;
  for (const auto& [run, row] : cell.by_run) means.push_back(row.value);
  return summarise(means);
}

class BlockBuilder {
 public:
  BlockBuilder(const Place& place, Choice choice)
      : place_(place), choice_(std::move(choice)) {}

  LeaderboardBlock build(const PlaceKey& key, int number) {
    select_lines();
    LeaderboardBlock block;
    block.title = (key.first.empty() ? "(no dataset)" : key.first) + ", " +
                  key.second +
                  (number > 0 ? ", measured otherwise (not comparable)" : "");
    add_columns(block.table);
    for (const TableRow* line : lines_) add_row(block.table, *line);
    add_legend(block);
    add_notes(block);
    return block;
  }

 private:
  void select_lines() {
    for (const auto& [key, line] : place_.rows) {
      for (const auto& [metric, identity] : choice_) {
        if (!cell_of(line, metric, identity)) continue;
        lines_.push_back(&line);
        break;
      }
    }
    std::stable_sort(lines_.begin(), lines_.end(),
                     [&](const TableRow* a, const TableRow* b) {
                       return rank_of(*a) < rank_of(*b);
                     });
  }

  // Ascending: best first, rows without a number last.
  std::pair<bool, double> rank_of(const TableRow& line) const {
    const auto& [metric, identity] = choice_.front();
    const CellData* cell = cell_of(line, metric, identity);
    if (!cell) return {true, 0.0};
    const double mean = over_runs(*cell).mean;
    const std::string& direction = place_.metrics.at(metric).direction;
    return {false, direction == "higher" ? -mean : mean};
  }

  bool has_error(const std::string& metric, const Identity& identity) const {
    return std::any_of(lines_.begin(), lines_.end(), [&](const TableRow* line) {
      const CellData* cell = cell_of(*line, metric, identity);
      return cell && cell->by_run.size() > 1;
    });
  }

  void add_columns(Table& table) const {
    table.columns = {"run",   "fusion",        "objective",
                     "prior", "latent_source", "generation",
                     "nfe",   "seconds",       "n"};
    for (const auto& [metric, identity] : choice_) {
      table.columns.push_back(metric);
      if (has_error(metric, identity))
        table.columns.push_back(metric + "_error");
    }
  }

  void add_row(Table& table, const TableRow& line) const {
    const Row& facts = line.facts;
    std::vector<Cell> row = {facts.run,
                             facts.fusion,
                             facts.objective,
                             facts.prior,
                             facts.latent_source,
                             facts.generation,
                             line.nfe,
                             summarise(line.seconds).mean,
                             static_cast<std::int64_t>(num_runs(line))};
    for (const auto& [metric, identity] : choice_) {
      const CellData* cell = cell_of(line, metric, identity);
      const Summary summary = cell ? over_runs(*cell) : Summary{};
      row.push_back(cell ? Cell(summary.mean) : Cell());
      if (!has_error(metric, identity)) continue;
      row.push_back(summary.standard_error ? Cell(*summary.standard_error)
                                           : Cell());
    }
    table.rows.push_back(std::move(row));
  }

  std::size_t num_runs(const TableRow& line) const {
    std::set<std::string> runs;
    for (const auto& [metric, identity] : choice_) {
      if (const CellData* cell = cell_of(line, metric, identity))
        for (const auto& [run, row] : cell->by_run) runs.insert(run);
    }
    return runs.size();
  }

  void add_legend(LeaderboardBlock& block) const {
    for (const auto& [metric, identity] : choice_) {
      const Row& example = place_.metrics.at(metric);
      std::string line = metric + ": ";
      if (example.direction != "none")
        line += example.direction + " is better, ";
      if (!example.unit.empty()) line += example.unit + ", ";
      line += "protocol " + (identity.first.empty() ? "-" : identity.first) +
              ", fingerprint " +
              (identity.second.empty() ? "-" : identity.second);
      block.legend.push_back(line);
    }
  }

  void add_notes(LeaderboardBlock& block) const {
    std::set<std::string> notes;
    for (const TableRow* line : lines_)
      notes.insert(line->notes.begin(), line->notes.end());
    block.notes.assign(notes.begin(), notes.end());
    for (const auto& [metric, identity] : choice_)
      add_coverage_note(block, metric, identity);
  }

  // Means over different numbers of sources and targets, or of seeds with
  // different ones, are not the same quantity: say so.
  void add_coverage_note(LeaderboardBlock& block, const std::string& metric,
                         const Identity& identity) const {
    std::int64_t most = 0;
    for (const TableRow* line : lines_)
      if (const CellData* cell = cell_of(*line, metric, identity))
        for (const auto& [run, row] : cell->by_run)
          most = std::max(most, row.num_averaged);
    for (const TableRow* line : lines_) {
      const CellData* cell = cell_of(*line, metric, identity);
      if (!cell) continue;
      for (const auto& [run, row] : cell->by_run) {
        if (row.num_averaged == most) continue;
        block.notes.push_back(
            metric + " of " + line->facts.run + " (" + run.substr(0, 12) +
            ") is a mean over " + std::to_string(row.num_averaged) +
            " sources and targets, others over " + std::to_string(most));
      }
    }
  }

  const Place& place_;
  const Choice choice_;
  std::vector<const TableRow*> lines_;
};

}  // namespace

std::vector<LeaderboardBlock> leaderboard_table(
    ResultsDb& db, const LeaderboardOptions& options) {
  std::vector<LeaderboardBlock> blocks;
  for (const auto& [key, place] : arrange(read_rows(db, options))) {
    std::map<std::string, std::vector<Identity>> ranked;
    std::size_t num_blocks = 0;
    const std::vector<std::string> metrics = metric_order(place, options);
    for (const std::string& metric : metrics) {
      ranked[metric] = ranked_identities(place, metric);
      num_blocks = std::max(num_blocks, ranked[metric].size());
    }
    for (std::size_t i = 0; i < num_blocks; ++i) {
      Choice choice;
      for (const std::string& metric : metrics)
        if (i < ranked[metric].size())
          choice.emplace_back(metric, ranked[metric][i]);
      blocks.push_back(BlockBuilder(place, std::move(choice))
                           .build(key, static_cast<int>(i)));
    }
  }
  return blocks;
}

std::string as_text(const std::vector<LeaderboardBlock>& blocks) {
  std::string text;
  for (const LeaderboardBlock& block : blocks) {
    text +=
        (text.empty() ? "" : "\n") + block.title + "\n" + as_text(block.table);
    for (const std::string& line : block.legend) text += "  " + line + "\n";
    for (const std::string& note : block.notes) text += "note: " + note + "\n";
  }
  return text;
}

std::string as_json(const std::vector<LeaderboardBlock>& blocks) {
  using Json = nlohmann::ordered_json;
  Json array = Json::array();
  for (const LeaderboardBlock& block : blocks) {
    array.push_back({{"title", block.title},
                     {"rows", Json::parse(as_json(block.table))},
                     {"legend", block.legend},
                     {"notes", block.notes}});
  }
  return array.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace shalab
