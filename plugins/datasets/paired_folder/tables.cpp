#include "tables.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "shalab/error.h"

namespace shalab::paired_folder {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(const fs::path& file, std::int64_t line,
                         const std::string& what) {
  throw Error(ErrorKind::data,
              file.string() + ":" + std::to_string(line) + ": " + what,
              "a line is stem,value: a tuple's file name without its ending, a "
              "comma, the value");
}

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \r\t") + 1);
  text.erase(0, text.find_first_not_of(" \t"));
  return text;
}

bool is_class_number(const TableLine& line) {
  return !line.value.empty() && line.value.size() <= 4 &&
         line.value.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

std::optional<std::vector<TableLine>> read_table(
    const fs::path& file, const std::vector<std::string>& stems) {
  if (!fs::exists(file)) return std::nullopt;
  std::ifstream stream(file);
  std::vector<TableLine> lines(stems.size());
  std::int64_t number = 0;
  for (std::string text; std::getline(stream, text);) {
    text = trimmed(text);
    if (++number == 1 && text.starts_with("stem,")) continue;
    if (text.empty()) continue;
    const std::size_t comma = text.rfind(',');
    if (comma == std::string::npos) refuse(file, number, "no comma");
    const std::string stem = trimmed(text.substr(0, comma));
    const auto found = std::lower_bound(stems.begin(), stems.end(), stem);
    if (found == stems.end() || *found != stem) {
      refuse(file, number, "no file has the stem '" + stem + "'");
    }
    TableLine& line = lines[static_cast<std::size_t>(found - stems.begin())];
    if (line.number != 0) refuse(file, number, "'" + stem + "' again");
    line = {number, trimmed(text.substr(comma + 1))};
    if (line.value.empty()) refuse(file, number, "no value");
  }
  for (std::size_t i = 0; i < stems.size(); ++i) {
    if (lines[i].number == 0) {
      refuse(file, number, "no line for '" + stems[i] + "'");
    }
  }
  return lines;
}

at::Tensor classes_of(const std::vector<TableLine>& lines) {
  const bool are_numbers =
      std::all_of(lines.begin(), lines.end(), is_class_number);
  std::map<std::string, std::int64_t> classes;
  for (const TableLine& line : lines) classes[line.value] = 0;
  std::int64_t next = 0;
  for (auto& [name, index] : classes) {
    index = are_numbers ? std::stoll(name) : next++;
  }
  at::Tensor labels =
      at::empty({static_cast<std::int64_t>(lines.size())}, at::kLong);
  auto* out = labels.data_ptr<std::int64_t>();
  for (const TableLine& line : lines) *out++ = classes.at(line.value);
  return labels;
}

}  // namespace shalab::paired_folder
