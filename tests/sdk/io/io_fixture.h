#pragma once
// A folder of its own per test, bytes in and out, and the check that a reader
// survives any damage.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "shalab/error.h"
#include "shalab/services.h"

namespace shalab::io {

class IoTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "shalab-io-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path path(const std::string& name) const {
    return folder_ / name;
  }

  std::filesystem::path put(const std::string& name,
                            const std::string& bytes) const {
    // A new file: file systems sync one that was truncated, which is slow.
    std::filesystem::remove(path(name));
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }

  static std::string contents(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  // Runs `read` and expects Error(data) that names the file and says `text`.
  template <typename Read>
  static void expect_refused(const Read& read, const std::string& file,
                             const std::string& text) {
    try {
      read();
      FAIL() << file << " was read; a refusal with '" << text << "' expected";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_NE(error.message().find(file), std::string::npos) << error.what();
      EXPECT_NE(error.message().find(text), std::string::npos) << error.what();
    }
  }

  // Cuts, flips and splices `bytes` 500 times; each result is read or refused
  // with Error(data). Returns the number of refusals.
  template <typename Read>
  int damage(const std::string& bytes, const Read& read) const {
    std::mt19937 engine(1);
    int num_refused = 0;
    for (int i = 0; i < 500; ++i) {
      std::string damaged = bytes;
      const std::size_t at = engine() % damaged.size();
      if (i % 5 == 0)
        damaged.resize(at);
      else if (i % 5 == 1)
        damaged.insert(at, 1 + i % 7, '\xff');
      else
        damaged[at] ^= static_cast<char>(1 << engine() % 8);
      try {
        read(put("damaged", damaged));
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::data) << error.what();
        ++num_refused;
      }
    }
    return num_refused;
  }

  std::filesystem::path folder_;
};

// `relative` in SHALAB_DATA or beside the source tree; empty if not found.
inline std::filesystem::path find_shared_data(const std::string& relative) {
  const char* const named = std::getenv("SHALAB_DATA");
  std::stringstream folders(std::string(named ? named : "") + ":" +
                            SHALAB_SOURCE_DIR "/../shared/data");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto file = std::filesystem::path(folder) / relative;
    if (!folder.empty() && std::filesystem::exists(file)) return file;
  }
  return {};
}

}  // namespace shalab::io
