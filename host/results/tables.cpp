#include "results/tables.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace shalab {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Cell& cell) {
  return std::visit(
      [](const auto& value) -> Json {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, std::monostate>)
          return nullptr;
        else
          return value;
      },
      cell);
}

bool is_number(const Cell& cell) {
  return std::holds_alternative<std::int64_t>(cell) ||
         std::holds_alternative<double>(cell);
}

std::string number_text(double value) {
  const double size = std::fabs(value);
  const bool is_plain = size == 0.0 || (size >= 1e-3 && size < 1e6);
  char text[40];
  std::snprintf(text, sizeof text, is_plain ? "%.4f" : "%.6g", value);
  return text;
}

// UTF-8: a continuation byte begins with the bits 10.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
      }));
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string gap(width - std::min(width, width_of(text)), ' ');
  return right ? gap + text : text + gap;
}

std::string line_of(const std::vector<std::string>& cells,
                    const std::vector<std::size_t>& widths,
                    const std::vector<bool>& right) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i)
    line += (i ? "  " : "") + padded(cells[i], widths[i], right[i]);
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char letter : text)
    quoted += letter == '"' ? "\"\"" : std::string(1, letter);
  return quoted + '"';
}

std::vector<std::string> unique_names(const std::vector<std::string>& names) {
  std::vector<std::string> result;
  for (const std::string& name : names) {
    std::string candidate = name;
    for (int i = 2; std::count(result.begin(), result.end(), candidate); ++i)
      candidate = name + "_" + std::to_string(i);
    result.push_back(candidate);
  }
  return result;
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

std::string to_text(const Cell& cell) {
  if (const auto* whole = std::get_if<std::int64_t>(&cell))
    return std::to_string(*whole);
  if (const auto* number = std::get_if<double>(&cell))
    return number_text(*number);
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  return "";
}

std::string as_text(const Table& table) {
  const std::size_t num_columns = table.columns.size();
  std::vector<std::vector<std::string>> lines = {table.columns};
  std::vector<bool> right(num_columns, false);
  for (const auto& row : table.rows) {
    auto& line = lines.emplace_back();
    for (std::size_t i = 0; i < num_columns; ++i) {
      line.push_back(one_line(to_text(row[i])));
      if (is_number(row[i])) right[i] = true;
    }
  }
  std::vector<std::size_t> widths(num_columns, 0);
  for (const auto& line : lines)
    for (std::size_t i = 0; i < num_columns; ++i)
      widths[i] = std::max(widths[i], width_of(line[i]));
  std::string text = line_of(lines.front(), widths, right);
  std::vector<std::string> rule;
  for (std::size_t width : widths) rule.emplace_back(width, '-');
  text += line_of(rule, widths, right);
  for (std::size_t i = 1; i < lines.size(); ++i)
    text += line_of(lines[i], widths, right);
  if (table.is_truncated) text += "(more rows were left out)\n";
  return text;
}

std::string as_csv(const Table& table) {
  std::string text;
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    text += (i ? "," : "") + csv_field(table.columns[i]);
  text += '\n';
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += i ? "," : "";
      text += is_number(row[i]) ? json_of(row[i]).dump()
                                : csv_field(to_text(row[i]));
    }
    text += '\n';
  }
  return text;
}

std::string as_json(const Table& table) {
  const std::vector<std::string> names = unique_names(table.columns);
  Json array = Json::array();
  for (const auto& row : table.rows) {
    Json object = Json::object();
    for (std::size_t i = 0; i < names.size(); ++i)
      object[names[i]] = json_of(row[i]);
    array.push_back(std::move(object));
  }
  return array.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace shalab
