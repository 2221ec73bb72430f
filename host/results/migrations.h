#pragma once
// The schema as a row of SQL scripts, one file each in results/migrations/,
// embedded when the build is configured. A released script never changes; a
// change of the schema is a new file.

#include <string>
#include <vector>

namespace shalab {

struct Migration {
  int version = 0;   // user_version of the file once it has run: 1, 2, ...
  std::string name;  // "0001_initial"
  std::string sql;
};

// All of them, by version, without gaps. [any thread]
const std::vector<Migration>& all_migrations();

}  // namespace shalab
