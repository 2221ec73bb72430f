#include "command/data_inventory.h"

namespace shalab {

namespace {

struct Known {
  const char* name;
  const char* what;
};

constexpr Known kKnown[] = {
    {"mnist", "handwritten digits (IDX files)"},
    {"fashion-mnist", "pictures of clothes (IDX files)"},
    {"backgrounds", "background pictures of PolyMNIST"},
    {"classifiers", "published judges of PolyMNIST and MNIST-SVHN-Text"},
    {"svhn", "house numbers, SVHN's .mat files"},
    {"cub_captions_testclasses", "captions of bird pictures"},
    {"fsdd", "spoken digits (WAV files)"},
    {"cub10", "bird pictures"},
    {"cars_views", "rendered views of cars"},
    {"mobilenet", "features for Frechet distances"},
};

}  // namespace

std::vector<DataItem> data_inventory(
    const std::vector<std::filesystem::path>& places) {
  std::vector<DataItem> items;
  for (const Known& known : kKnown) {
    DataItem item{known.name, known.what, {}};
    for (const auto& place : places) {
      std::error_code error;
      if (!std::filesystem::exists(place / known.name, error)) continue;
      item.found = place / known.name;
      break;
    }
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace shalab
