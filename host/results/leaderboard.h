#pragma once
// Runs side by side, without ever mixing measurements that are not comparable.
//
// A row is a configuration (its seeds averaged, n shown), a latent source and
// a generation setting. A column is a measurement name; its cell is the mean
// over source subsets and target modalities. Numbers of one column and block
// share protocol, fingerprint, split and dataset: what was measured otherwise
// stands in a later block of its own, under a line that says how.

#include <string>
#include <vector>

#include "results/results_db.h"
#include "results/tables.h"

namespace shalab {

struct LeaderboardOptions {
  std::string split = "test";        // "" = all
  std::string dataset;               // "" = all
  std::vector<std::string> metrics;  // columns in this order; empty: all
  std::vector<std::string> run_ids;  // empty: all
  bool average_seeds = true;         // false: one row per run
};

struct LeaderboardBlock {
  std::string title;  // "poly_mnist, test"
  Table table;
  std::vector<std::string> legend;  // "joint_coherence: higher is better, ..."
  std::vector<std::string> notes;   // notes of the runs, coverage warnings
};

// Columns: run, fusion, objective, prior, latent_source, generation, nfe,
// seconds, n, then each metric, with NAME_error (standard error over seeds)
// after it where a row has several seeds. Rows are ordered by the first metric,
// best first. The first block of a dataset and split has, for each metric, the
// protocol and fingerprint that most rows share.
std::vector<LeaderboardBlock> leaderboard_table(
    ResultsDb& db, const LeaderboardOptions& options = {});

// Title, table, legend and notes of each block, as a terminal shows them.
std::string as_text(const std::vector<LeaderboardBlock>& blocks);

// An array of blocks: title, rows (objects), legend, notes.
std::string as_json(const std::vector<LeaderboardBlock>& blocks);

}  // namespace shalab
