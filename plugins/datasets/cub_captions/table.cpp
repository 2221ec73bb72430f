#include "table.h"

#include <algorithm>
#include <fstream>

#include "shalab/error.h"

namespace shalab::cub_captions {

namespace {

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::size_t first = 0;
  for (std::size_t tab; (tab = line.find('\t', first)) != std::string::npos;
       first = tab + 1) {
    cells.push_back(line.substr(first, tab - first));
  }
  cells.push_back(line.substr(first));
  return cells;
}

}  // namespace

std::vector<std::string> read_lines(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    if (line.ends_with('\r')) line.pop_back();
    lines.push_back(std::move(line));
  }
  if (!stream.eof() || stream.bad()) {
    throw Error(ErrorKind::data, file.string() + " cannot be read",
                "it should be a text file");
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

Table::Table(const std::filesystem::path& file) : file_(file) {
  const std::vector<std::string> lines = read_lines(file);
  if (lines.empty()) {
    throw Error(ErrorKind::data, file.string() + " is empty",
                "its first line should name its columns");
  }
  names_ = cells_of(lines.front());
  for (std::size_t i = 1; i < lines.size(); ++i) {
    rows_.push_back(cells_of(lines[i]));
    if (rows_.back().size() == names_.size()) continue;
    throw Error(ErrorKind::data,
                place(i - 1) + " has " + std::to_string(rows_.back().size()) +
                    " columns, expected " + std::to_string(names_.size()),
                "the file may be truncated: fetch it again");
  }
}

std::size_t Table::column(const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) {
    throw Error(ErrorKind::data, file_.string() + " has no column '" + name +
                                     "' in its first line");
  }
  return static_cast<std::size_t>(found - names_.begin());
}

std::string Table::place(std::size_t row) const {
  return file_.string() + ":" + std::to_string(row + 2);
}

}  // namespace shalab::cub_captions
