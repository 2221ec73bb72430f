#include "command/commands.h"
#include "command/print_table.h"
#include "results/query.h"

namespace shalab {

int command_sql(const Invocation& invocation) {
  const std::string format = table_format(invocation);
  QueryLimits limits;
  if (invocation.has("--rows")) {
    limits.rows = whole_number("--rows", invocation.value("--rows"), 1);
  }
  if (invocation.has("--seconds")) {
    limits.seconds = static_cast<double>(
        whole_number("--seconds", invocation.value("--seconds"), 1));
  }
  ResultsDb db = ResultsDb::open_read_only(invocation.options.db);
  print_table(query(db, invocation.arguments.front(), limits), format);
  return 0;
}

}  // namespace shalab
