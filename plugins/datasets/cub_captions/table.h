#pragma once
// Tables as text: one row a line, columns separated by tabs, their names in
// the first line.

#include <filesystem>
#include <string>
#include <vector>

namespace shalab::cub_captions {

// Lines without their ends (LF or CR LF), empty ones at the end of the file
// left out. Error(data) when the file cannot be read.
std::vector<std::string> read_lines(const std::filesystem::path& file);

class Table {
 public:
  // Error(data): unreadable, empty, or a row with more or fewer columns than
  // the first line.
  explicit Table(const std::filesystem::path& file);

  std::size_t num_rows() const { return rows_.size(); }
  // Index of the column called `name`; Error(data) when there is none.
  std::size_t column(const std::string& name) const;
  const std::string& cell(std::size_t row, std::size_t column) const {
    return rows_[row][column];
  }
  // "captions.tsv:12" for messages.
  std::string place(std::size_t row) const;

 private:
  std::filesystem::path file_;
  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace shalab::cub_captions
