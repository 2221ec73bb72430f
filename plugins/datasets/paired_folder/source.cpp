#include "source.h"

#include <ATen/ops/stack.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "shalab/error.h"

namespace shalab::paired_folder {

namespace {

constexpr std::size_t kMostModalities = 64;
constexpr std::int64_t kFewestTuples = 3;  // one for each split

// These words mean something else where subsets of modalities are written.
bool is_name(const std::string& name) {
  const auto fits = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  };
  return !name.empty() && name != "all" && name != "none" &&
         std::all_of(name.begin(), name.end(), fits);
}

}  // namespace

void check_source(const Source& source, const std::string& origin) {
  const std::size_t count = source.columns.size();
  if (count == 0 || count > kMostModalities) {
    throw Error(ErrorKind::data,
                origin + " holds " + std::to_string(count) + " modalities",
                "1 to 64 are expected: a folder each, or an array each");
  }
  std::set<std::string> names;
  for (const Column& column : source.columns) {
    if (!names.insert(column.name).second) {
      throw Error(ErrorKind::usage,
                  "dataset.modalities names '" + column.name + "' twice",
                  "name each once");
    }
    if (is_name(column.name)) continue;
    throw Error(
        ErrorKind::data,
        column.origin + ": '" + column.name + "' cannot name a modality",
        "rename it: letters, digits, '_' and '-', not 'all' or 'none'");
  }
  if (source.size() < kFewestTuples) {
    throw Error(ErrorKind::data,
                origin + " holds " + std::to_string(source.size()) + " tuples",
                "at least three are needed, one for each split");
  }
  std::vector<at::Tensor> presence;
  for (const Column& column : source.columns) {
    presence.push_back(column.presence);
  }
  if (!at::stack(presence).any(0).all().item<bool>()) {
    throw Error(ErrorKind::data, origin + " holds tuples without any modality",
                "leave them out");
  }
}

}  // namespace shalab::paired_folder
