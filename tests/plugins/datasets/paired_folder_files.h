#pragma once
// A folder of tuples as a user has it, for tests of paired_folder.

#include <ATen/ATen.h>

#include <functional>

#include "dataset_files.h"
#include "shalab/io/arrays.h"
#include "shalab/io/images.h"
#include "shalab/io/tensors.h"

namespace shalab::paired {

inline constexpr int kTuples = 20;

// "t07".
inline std::string stem(int tuple) {
  return std::string("t") + (tuple < 10 ? "0" : "") + std::to_string(tuple);
}

// A folder of tuples, as a user has it. Tuple i: a grey picture 6 x 4 of value
// 10 i, a vector (i, i / 2, -i), the text "number i".
class PairedFolderTest : public ::testing::Test {
 protected:
  PairedFolderTest() {
    for (int i = 0; i < kTuples; ++i) {
      picture("photo/" + stem(i) + ".png", 6, 4, 1, 10 * i);
      array("pose/" + stem(i) + ".npy",
            at::tensor({1.0F * i, 0.5F * i, -1.0F * i}));
      text("word/" + stem(i) + ".txt", "number " + std::to_string(i) + "\n");
    }
  }

  std::filesystem::path file(const std::string& name) const {
    std::filesystem::path path = folder_.path() / "mine" / name;
    std::filesystem::create_directories(path.parent_path());
    return path;
  }

  void picture(const std::string& name, std::int64_t width, std::int64_t height,
               std::int64_t channels, int value) const {
    const auto size = static_cast<std::size_t>(width * height * channels);
    const std::vector<std::uint8_t> pixels(size,
                                           static_cast<std::uint8_t>(value));
    io::write_png(file(name), {width, height, channels, pixels});
  }

  void array(const std::string& name, const at::Tensor& values) const {
    io::write_npy(file(name), io::to_array(values));
  }

  void text(const std::string& name, const std::string& content) const {
    std::ofstream(file(name)) << content;
  }

  // One line "stem,value" for each tuple.
  void table(const std::string& name,
             const std::function<std::string(int)>& value) const {
    std::string lines = "stem,value\n";
    for (int i = 0; i < kTuples; ++i) lines += stem(i) + "," + value(i) + "\n";
    text(name, lines);
  }

  void remove(const std::string& name) const {
    std::filesystem::remove_all(file(name));
  }

  std::unique_ptr<Dataset> make(ChangedKeys keys = {}) const {
    keys.emplace_back("path", std::string("mine"));
    return make_dataset("paired_folder", services_at(folder_.path()), keys);
  }

  // Refused as unfit data with a message that has all of `words`.
  void expect_refused(const std::vector<std::string>& words,
                      ChangedKeys keys = {}) const {
    keys.emplace_back("path", std::string("mine"));
    const auto [kind, message] =
        refusal("paired_folder", services_at(folder_.path()), keys);
    EXPECT_EQ(kind, static_cast<int>(ErrorKind::data)) << message;
    for (const std::string& word : words) {
      EXPECT_NE(message.find(word), std::string::npos) << word << " in\n"
                                                       << message;
    }
  }

  TemporaryFolder folder_;
};

}  // namespace shalab::paired
