#pragma once
// Names of runs: 128-bit ids that sort by time, and what users type for them.

#include <string>

#include "results/results_db.h"

namespace shalab {

// 32 lowercase hex digits: 48 bits of milliseconds since 1970 (UTC), then 80
// random bits of the operating system. Ids of one process increase. [any
// thread]
std::string make_run_id();

// The id of the run that `text` names: an id or its unique beginning (4 digits
// at least), the name of exactly one run, a tag of exactly one run, or `last`
// (the newest run). Throws Error(usage): several fit (they are listed, newest
// first), or none does (the nearest names are). Deleted runs do not count.
std::string resolve_run(const ResultsDb& db, const std::string& text);

}  // namespace shalab
