#pragma once
// Is the process of a recorded run still there? Judged by evidence only.

#include <cstdint>
#include <string>
#include <vector>

#include "results/results_db.h"

namespace shalab {

// What identifies a process for ever: process ids are reused, so the start time
// (clock ticks since boot, /proc/PID/stat field 22) and the boot belong to it.
struct ProcessIdentity {
  std::string host;
  std::int64_t pid = 0;
  std::int64_t start = 0;
  std::string boot_id;
};
ProcessIdentity current_process();

enum class Liveness { alive, dead, unknown };
const char* to_string(Liveness verdict);

struct Verdict {
  Liveness liveness = Liveness::unknown;
  std::string evidence;  // a sentence
};

// alive: this host and boot, the process id runs and started at that time (a
// stopped one too). dead: this host, but another boot, no such process, a
// zombie, or one that started at another time. unknown: another host, or
// nothing recorded. Never a guess from the age of a heartbeat. [any thread]
Verdict judge_process(const ProcessIdentity& recorded);

struct RunLiveness {
  std::string run_id;
  std::string name;
  std::string heartbeat;  // of the last look; mark_stale compares it
  Verdict verdict;
};

// All runs in state `running`, judged.
std::vector<RunLiveness> judge_running_runs(const ResultsDb& db);

}  // namespace shalab
