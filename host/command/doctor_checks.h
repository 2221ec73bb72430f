#pragma once
// The checks of `shalab doctor`, one finding per fact. None loads LibTorch or
// a plugin.

#include <string>
#include <vector>

#include "command/options.h"

namespace shalab {

enum class Health { good, notice, bad };
const char* to_string(Health health);

struct Finding {
  Health health = Health::good;
  std::string subject;  // "plugins", "database"
  std::string text;     // what is so, and what to do if it is bad
};
using Findings = std::vector<Finding>;

// shalab-engine is there; the LibTorch it was built with can be found from it.
void check_programs(Findings& findings);
// Libraries there, digests and stamps as described. `bad` for each problem.
void check_plugins(const GlobalOptions& options, Findings& findings);
// Opens, integrity, schema, file system; running runs whose process is dead,
// with the evidence. With `fix` those become stale.
void check_database(const GlobalOptions& options, bool fix, Findings& findings);
void check_data(const GlobalOptions& options, Findings& findings);
// Free disk space (bad below 1 GiB) and load (a notice when busy).
void check_machine(const GlobalOptions& options, Findings& findings);

}  // namespace shalab
