#include "results/liveness.h"

#include <unistd.h>

#include <array>
#include <fstream>
#include <optional>
#include <sstream>

namespace shalab {

namespace {

struct ProcessStat {
  char state = '?';
  std::int64_t start = 0;
};

// The command name (field 2) may hold spaces and brackets: count after the
// last ')'. Field 3 is the state, field 22 the start time.
std::optional<ProcessStat> stat_of(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(file, text, '\0') || text.rfind(')') == std::string::npos)
    return std::nullopt;
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  ProcessStat stat;
  std::string skipped;
  fields >> stat.state;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  if (!(fields >> stat.start)) return std::nullopt;
  return stat;
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  return text;
}

}  // namespace

ProcessIdentity current_process() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  ProcessIdentity self;
  self.host = host.data();
  self.pid = ::getpid();
  if (const auto stat = stat_of(self.pid)) self.start = stat->start;
  self.boot_id = boot_id();
  return self;
}

const char* to_string(Liveness verdict) {
  switch (verdict) {
    case Liveness::alive:
      return "alive";
    case Liveness::dead:
      return "dead";
    case Liveness::unknown:
      break;
  }
  return "unknown";
}

Verdict judge_process(const ProcessIdentity& recorded) {
  const ProcessIdentity here = current_process();
  const std::string process = "process " + std::to_string(recorded.pid);
  if (recorded.host.empty() || recorded.pid <= 0 || recorded.boot_id.empty())
    return {Liveness::unknown, "no process is recorded"};
  if (recorded.host != here.host)
    return {Liveness::unknown,
            "it ran on host " + recorded.host + ", this is " + here.host};
  if (recorded.boot_id != here.boot_id)
    return {Liveness::dead, "host " + here.host +
                                " was booted since: " + recorded.boot_id +
                                " then, " + here.boot_id + " now"};
  const auto stat = stat_of(recorded.pid);
  if (!stat) return {Liveness::dead, "no " + process + " on host " + here.host};
  if (stat->start != recorded.start)
    return {Liveness::dead, process + " is another one: it started at tick " +
                                std::to_string(stat->start) + ", not " +
                                std::to_string(recorded.start)};
  if (stat->state == 'Z' || stat->state == 'X')
    return {Liveness::dead, process + " has ended (zombie)"};
  if (stat->state == 'T')
    return {Liveness::alive, process + " is stopped, not dead"};
  return {Liveness::alive, process + " runs"};
}

std::vector<RunLiveness> judge_running_runs(const ResultsDb& db) {
  std::vector<RunLiveness> judged;
  Statement rows = db.statement(
      "SELECT id, name, coalesce(heartbeat, ''), host, pid, process_start, "
      "boot_id FROM runs WHERE state = 'running' ORDER BY id");
  while (rows.step()) {
    judged.push_back({rows.text(0), rows.text(1), rows.text(2),
                      judge_process({rows.text(3), rows.integer(4),
                                     rows.integer(5), rows.text(6)})});
  }
  return judged;
}

}  // namespace shalab
