#include "results/statement.h"

#include <sqlite3.h>

#include <cmath>
#include <utility>

namespace shalab {

namespace {

std::string detail_of(sqlite3* db, int code) {
  const char* words = db ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  return std::string(" (SQLite: ") + words + ")";
}

[[noreturn]] void throw_unavailable(sqlite3* db, int code,
                                    const std::string& path) {
  const std::string detail = detail_of(db, code);
  switch (code & 0xff) {
    case SQLITE_FULL:
      throw DatabaseUnavailable(
          ErrorKind::database, "disk is full: cannot write " + path + detail,
          "free some space and try again; earlier rows are safe");
    case SQLITE_IOERR:
      throw DatabaseUnavailable(
          ErrorKind::database, "cannot read or write " + path + detail,
          "check the disk and its free space; results belong on a local disk");
    default:
      throw DatabaseUnavailable(
          ErrorKind::database,
          "database " + path + " stays locked by another process" + detail,
          "wait for the other process, or find it with `fuser " + path + "`");
  }
}

}  // namespace

void throw_database_error(sqlite3* db, int code, const std::string& path) {
  const std::string detail = detail_of(db, code);
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw_unavailable(db, code, path);
    case SQLITE_NOTADB:
      throw Error(ErrorKind::database, path + " is not a database" + detail,
                  "name another file with --db");
    case SQLITE_CORRUPT:
      throw Error(ErrorKind::database,
                  "database " + path + " is damaged" + detail,
                  "keep the file, and rebuild its runs into a new database "
                  "from runs/*/events.jsonl");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      throw Error(ErrorKind::database,
                  "cannot open " + path + " for writing" + detail,
                  "check the permissions of the file and its folder, or name "
                  "another file with --db");
    case SQLITE_CONSTRAINT:
      throw DatabaseRefusal(ErrorKind::database, "refused by " + path + detail,
                            "");
    case SQLITE_INTERRUPT:
      throw Error(ErrorKind::usage, "the query took too long and was stopped",
                  "narrow it with WHERE or LIMIT, or raise the time limit");
    case SQLITE_AUTH:
      throw Error(ErrorKind::usage, "only reading is allowed here" + detail,
                  "write one SELECT over the documented views and tables");
    case SQLITE_ERROR:
      throw Error(ErrorKind::usage, std::string("SQL: ") + sqlite3_errmsg(db),
                  "tables and views are listed in docs/results_schema.md");
    default:
      throw Error(ErrorKind::database, "database " + path + detail, "");
  }
}

Statement::Statement(sqlite3* db, const std::string& path, std::string_view sql)
    : db_(db), path_(path) {
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v2(
      db, sql.data(), static_cast<int>(sql.size()), &statement_, &tail);
  check(code);
  rest_ = sql.substr(static_cast<std::size_t>(tail - sql.data()));
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement::Statement(Statement&& other) noexcept
    : db_(other.db_),
      path_(std::move(other.path_)),
      statement_(std::exchange(other.statement_, nullptr)),
      rest_(std::move(other.rest_)),
      next_parameter_(other.next_parameter_) {}

void Statement::check(int code) const {
  if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE)
    throw_database_error(db_, code, path_);
}

Statement& Statement::bind(std::int64_t value) {
  check(sqlite3_bind_int64(statement_, next_parameter_++, value));
  return *this;
}

Statement& Statement::bind(double value) {
  if (!std::isfinite(value)) return bind(std::nullopt);
  check(sqlite3_bind_double(statement_, next_parameter_++, value));
  return *this;
}

Statement& Statement::bind(std::string_view value) {
  const char* data = value.data() ? value.data() : "";
  check(sqlite3_bind_text(statement_, next_parameter_++, data,
                          static_cast<int>(value.size()), SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind(std::nullopt_t) {
  check(sqlite3_bind_null(statement_, next_parameter_++));
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    sqlite3_reset(statement_);
    throw_database_error(db_, code, path_);
  }
  return code == SQLITE_ROW;
}

void Statement::run() {
  while (step()) {
  }
  reset();
}

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  next_parameter_ = 1;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Statement::real(int column) const {
  return sqlite3_column_double(statement_, column);
}

std::string Statement::text(int column) const {
  const auto* data = sqlite3_column_text(statement_, column);
  if (!data) return "";
  return {reinterpret_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

bool Statement::is_integer(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_INTEGER;
}

bool Statement::is_text(int column) const {
  const int type = sqlite3_column_type(statement_, column);
  return type == SQLITE_TEXT || type == SQLITE_BLOB;
}

std::optional<std::string> Statement::optional_text(int column) const {
  if (is_null(column)) return std::nullopt;
  return text(column);
}

std::optional<std::int64_t> Statement::optional_integer(int column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

int Statement::num_columns() const { return sqlite3_column_count(statement_); }

std::string Statement::column_name(int column) const {
  return sqlite3_column_name(statement_, column);
}

bool Statement::is_read_only() const {
  return sqlite3_stmt_readonly(statement_) != 0;
}

}  // namespace shalab
