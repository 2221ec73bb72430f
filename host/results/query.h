#pragma once
// Reading the database with SQL, without a way to change it or to hang.

#include <cstdint>
#include <string>
#include <vector>

#include "results/results_db.h"
#include "results/tables.h"

namespace shalab {

struct QueryLimits {
  std::int64_t rows = 10000;  // more are cut off; the table says so
  double seconds = 10.0;
};

// The answer to one SELECT (or WITH, VALUES, EXPLAIN). Writing, ATTACH, PRAGMA
// and a second statement are refused; so is what takes too long. All of these,
// and wrong SQL, are Error(usage). Text parameters replace `?` in order.
Table query(ResultsDb& db, const std::string& sql,
            const QueryLimits& limits = {},
            const std::vector<std::string>& parameters = {});

}  // namespace shalab
