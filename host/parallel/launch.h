#pragma once
// One program as several processes, through MPI's starter.
//
//   shalab-engine run ... --devices cpu,cpu        launch(), waits
//     mpiexec -n 2                                 quiet, own process group
//       shalab-engine run ... --devices cpu,cpu    rank 0: records, prints
//       shalab-engine run ... --devices cpu,cpu    rank 1
//
// Ranks write to the streams of the program that launched them. When one ends
// before its time mpiexec kills the others.

#include <optional>
#include <string>

namespace shalab {

// Whether launch() started this process.
bool is_rank();
// Its number; 0 for a process on its own.
int rank_number();

// In a rank: makes stdout and stderr those of the launching program. First
// thing in main.
void adopt_streams();
// In rank 0: what launch() shall return. Nothing in other processes.
void report_run(const std::string& run_id);
void report_exit_code(int code);

struct Ended {
  std::string run_id;       // empty before the first report
  std::optional<int> code;  // nothing: killed, or crashed
  std::string words;        // of mpiexec, where there is no code
};

// Starts `count` processes of this program with its own arguments, passes
// SIGINT and SIGTERM on, and waits for all. Throws Error(device) where mpiexec
// is missing. [main; before other threads]
Ended launch(int count);

}  // namespace shalab
