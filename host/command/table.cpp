#include <iostream>
#include <sstream>

#include "command/commands.h"
#include "command/print_table.h"
#include "results/leaderboard.h"
#include "results/run_id.h"

namespace shalab {

namespace {

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> items;
  std::istringstream stream(text);
  for (std::string item; std::getline(stream, item, ',');) {
    if (!item.empty()) items.push_back(item);
  }
  return items;
}

LeaderboardOptions options_of(const Invocation& invocation,
                              const ResultsDb& db) {
  LeaderboardOptions options;
  options.split = invocation.value("--split", "test");
  if (options.split == "all") options.split.clear();
  options.dataset = invocation.value("--dataset");
  options.metrics = split_list(invocation.value("--metrics"));
  options.average_seeds = !invocation.has("--each-seed");
  for (const std::string& run : invocation.arguments) {
    options.run_ids.push_back(resolve_run(db, run));
  }
  return options;
}

void print_csv(const std::vector<LeaderboardBlock>& blocks) {
  for (const LeaderboardBlock& block : blocks) {
    if (&block != &blocks.front()) std::cout << "\n";
    std::cout << as_csv(block.table);
    for (const std::string& note : block.notes) {
      std::cerr << "shalab: " << block.title << ": " << note << "\n";
    }
  }
}

}  // namespace

int command_table(const Invocation& invocation) {
  const std::string format = table_format(invocation);
  ResultsDb db = ResultsDb::open_read_only(invocation.options.db);
  const auto blocks = leaderboard_table(db, options_of(invocation, db));
  if (format == "json") {
    std::cout << as_json(blocks) << "\n";
  } else if (format == "csv") {
    print_csv(blocks);
  } else if (blocks.empty()) {
    std::cout << "no measurements yet\n";
  } else {
    std::cout << as_text(blocks);
  }
  return 0;
}

}  // namespace shalab
