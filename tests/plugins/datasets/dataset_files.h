#pragma once
// Small data folders for dataset plugins, and the folders of real data.

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "../load.h"
#include "base/files.h"
#include "shalab/dataset.h"
#include "shalab/error.h"

namespace shalab {

// IDX bytes, not compressed: magic 0, 0, 8 (u8), rank; sizes big-endian.
inline void write_idx(const std::filesystem::path& file,
                      const std::vector<std::uint32_t>& shape,
                      const std::vector<std::uint8_t>& values) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream stream(file, std::ios::binary);
  stream << '\0' << '\0' << '\x08' << static_cast<char>(shape.size());
  for (const std::uint32_t size : shape) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      stream << static_cast<char>((size >> shift) & 255U);
    }
  }
  stream.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size()));
}

inline constexpr std::size_t kPixelsOfItem = 28 * 28;

// Item i has the class i mod 10. Its pixel 10 + k is 255 where bit k of i is
// set and 0 elsewhere, so a picture tells which item it shows; pixel 0 is 128
// and pixel 1 is 129, either side of MNIST's threshold; pixel 5 is 255.
inline void write_items(const std::filesystem::path& folder,
                        const std::string& part, std::uint32_t size) {
  std::vector<std::uint8_t> pixels(size * kPixelsOfItem, 0);
  std::vector<std::uint8_t> labels(size);
  for (std::uint32_t i = 0; i < size; ++i) {
    labels[i] = static_cast<std::uint8_t>(i % 10);
    std::uint8_t* item = pixels.data() + i * kPixelsOfItem;
    item[0] = 128;
    item[1] = 129;
    item[5] = 255;
    for (std::uint32_t k = 0; k < 16; ++k) {
      if ((i >> k) & 1U) item[10 + k] = 255;
    }
  }
  write_idx(folder / (part + "-images-idx3-ubyte.gz"), {size, 28, 28}, pixels);
  write_idx(folder / (part + "-labels-idx1-ubyte.gz"), {size}, labels);
}

inline Services services_at(const std::filesystem::path& folder) {
  Services services = quiet_services();
  services.data_folders = {folder};
  return services;
}

inline Services services_of_real_data() {
  Services services = quiet_services();
  services.data_folders.emplace_back(SHALAB_SOURCE_DIR "/../shared/data");
  return services;
}

inline std::unique_ptr<Dataset> make_dataset(const std::string& name,
                                             const Services& services,
                                             const ChangedKeys& keys = {}) {
  return make_plugin<Factory_dataset>("dataset", name, DatasetContext{services},
                                      keys);
}

// The kind and the whole text of the refusal, or nothing.
inline std::pair<int, std::string> refusal(const std::string& name,
                                           const Services& services,
                                           const ChangedKeys& keys = {}) {
  try {
    make_dataset(name, services, keys);
  } catch (const Error& error) {
    return {static_cast<int>(error.kind()), error.what()};
  }
  return {0, ""};
}

}  // namespace shalab
