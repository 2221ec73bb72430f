#pragma once
// A table of text and numbers, and the forms in which it is printed.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace shalab {

// Nothing (NULL), a whole number, a number, or text.
using Cell = std::variant<std::monostate, std::int64_t, double, std::string>;

struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;  // each as long as `columns`
  bool is_truncated = false;            // there were more rows
};

// As a person reads it: integers whole, other numbers with 4 digits after the
// point (6 significant ones beyond that range), nothing as "".
std::string to_text(const Cell& cell);

// Columns two spaces apart, numbers at the right; a header line and a rule.
// Widths count characters, not bytes. Ends in a newline.
std::string as_text(const Table& table);

// RFC 4180, numbers in their shortest exact form, "\n" at line ends.
std::string as_csv(const Table& table);

// An array of objects, columns in order. A repeated column name gets "_2", ...
std::string as_json(const Table& table);

}  // namespace shalab
