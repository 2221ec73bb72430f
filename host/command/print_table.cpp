#include "command/print_table.h"

#include <iostream>

#include "config/plugin_info.h"
#include "shalab/error.h"

namespace shalab {

std::string table_format(const Invocation& invocation) {
  const std::string format =
      invocation.value("--format", invocation.options.json ? "json" : "text");
  if (format == "text" || format == "csv" || format == "json") return format;
  throw Error(ErrorKind::usage, "--format: no such format '" + format + "'",
              known_names_hint(format, {"text", "csv", "json"}, "formats"));
}

void print_table(const Table& table, const std::string& format) {
  if (format == "csv") {
    std::cout << as_csv(table);
  } else if (format == "json") {
    std::cout << as_json(table) << "\n";
  } else {
    std::cout << as_text(table);
  }
  if (table.is_truncated) {
    std::cerr << "shalab: only the first " << table.rows.size()
              << " rows are shown\n";
  }
}

}  // namespace shalab
