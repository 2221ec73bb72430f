#include "results/query.h"

namespace shalab {

namespace {

class LimitGuard {
 public:
  LimitGuard(ResultsDb& db, double seconds) : db_(db) { db_.limit(seconds); }
  ~LimitGuard() { db_.lift_limits(); }
  LimitGuard(const LimitGuard&) = delete;
  LimitGuard& operator=(const LimitGuard&) = delete;

 private:
  ResultsDb& db_;
};

Cell cell_of(const Statement& row, int column) {
  if (row.is_null(column)) return std::monostate{};
  if (row.is_integer(column)) return row.integer(column);
  if (row.is_text(column)) return row.text(column);
  return row.real(column);
}

void check_statement(const ResultsDb& db, const Statement& statement) {
  if (statement.is_empty())
    throw Error(ErrorKind::usage, "no SQL given", "write one SELECT");
  if (!statement.is_read_only()) {
    throw Error(ErrorKind::usage, "only reading is allowed here",
                "write one SELECT over the documented views and tables");
  }
  std::string rest = statement.rest();
  while (!rest.empty()) {
    const Statement next = db.statement(rest);
    if (!next.is_empty()) {
      throw Error(ErrorKind::usage, "more than one statement: " + rest,
                  "give one SELECT at a time");
    }
    rest = next.rest();
  }
}

}  // namespace

Table query(ResultsDb& db, const std::string& sql, const QueryLimits& limits,
            const std::vector<std::string>& parameters) {
  const LimitGuard guard(db, limits.seconds);
  Statement statement = db.statement(sql);
  check_statement(db, statement);
  for (const std::string& value : parameters) statement.bind(value);
  Table table;
  for (int i = 0; i < statement.num_columns(); ++i)
    table.columns.push_back(statement.column_name(i));
  while (statement.step()) {
    if (static_cast<std::int64_t>(table.rows.size()) == limits.rows) {
      table.is_truncated = true;
      break;
    }
    auto& row = table.rows.emplace_back();
    for (int i = 0; i < statement.num_columns(); ++i)
      row.push_back(cell_of(statement, i));
  }
  return table;
}

}  // namespace shalab
