#pragma once
// What known data files are there.

#include <filesystem>
#include <string>
#include <vector>

namespace shalab {

struct DataItem {
  std::string name;             // "mnist"
  std::string what;             // "handwritten digits (IDX files)"
  std::filesystem::path found;  // "" = in none of the folders
};

// Looks for each known folder of data in `places`, in order.
std::vector<DataItem> data_inventory(
    const std::vector<std::filesystem::path>& places);

}  // namespace shalab
