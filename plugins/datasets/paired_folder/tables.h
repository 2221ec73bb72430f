#pragma once
// Tables with a line `stem,value` for each tuple.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace shalab::paired_folder {

struct TableLine {
  std::int64_t number = 0;  // in the file, from 1
  std::string value;
};

// One line for each of the sorted `stems`, in their order; nothing where there
// is no such file. The value is what follows the last comma; a first line that
// begins with "stem," is a header, blank lines are skipped. Error(data) with
// file and line: no comma, a stem that is no tuple's or stands there twice; or
// the first stem that is missing.
std::optional<std::vector<TableLine>> read_table(
    const std::filesystem::path& file, const std::vector<std::string>& stems);

// int64 [N]: the values themselves where all are whole numbers below 10,000,
// else their places among the sorted different values.
at::Tensor classes_of(const std::vector<TableLine>& lines);

}  // namespace shalab::paired_folder
