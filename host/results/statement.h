#pragma once
// A prepared SQL statement that is finalised when it goes out of scope.
// With results_db this is the only place that knows SQLite's C interface.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shalab/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace shalab {

// The file is sound but cannot be read or written now: locked beyond the
// timeout, no space left, a device error. The same call may succeed later.
class __attribute__((visibility("default"))) DatabaseUnavailable
    : public Error {
 public:
  using Error::Error;
};

// A row breaks a rule of the schema: a check, a key, a reference to a run that
// is not there.
class __attribute__((visibility("default"))) DatabaseRefusal : public Error {
 public:
  using Error::Error;
};

// Throws what SQLite's last result `code` on `db` means, naming `path`:
// one of the two above or an Error that says what to do.
[[noreturn]] void throw_database_error(sqlite3* db, int code,
                                       const std::string& path);

class Statement {
 public:
  // Compiles the first statement of `sql`; throws Error(usage) with SQLite's
  // words where it is no valid SQL. `path` is for messages.
  Statement(sqlite3* db, const std::string& path, std::string_view sql);
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;

  // Binds the next parameter (`?`), counted from the first after a reset().
  Statement& bind(std::int64_t value);
  Statement& bind(int value) { return bind(std::int64_t{value}); }
  Statement& bind(double value);  // NULL where the value is not finite
  Statement& bind(std::string_view value);
  Statement& bind(const char* value) { return bind(std::string_view(value)); }
  Statement& bind(std::nullopt_t);
  template <typename T>
  Statement& bind(const std::optional<T>& value) {
    return value ? bind(*value) : bind(std::nullopt);
  }

  // Moves to the next row; false after the last one.
  bool step();

  // Runs to the end and resets, ready for new values.
  void run();
  void reset();

  // Values of the present row; `column` counts from 0. NULL reads as 0 or "".
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;
  bool is_integer(int column) const;
  bool is_text(int column) const;
  std::optional<std::string> optional_text(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;

  int num_columns() const;
  std::string column_name(int column) const;
  bool is_read_only() const;  // changes nothing in the file
  bool is_empty() const { return statement_ == nullptr; }  // only comments
  const std::string& rest() const { return rest_; }  // text after the statement

 private:
  void check(int code) const;

  sqlite3* db_;
  std::string path_;
  sqlite3_stmt* statement_ = nullptr;
  std::string rest_;
  int next_parameter_ = 1;
};

}  // namespace shalab
