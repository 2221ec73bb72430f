#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "command/engine/commands.h"
#include "shalab/error.h"
#include "shalab/io/tensors.h"

namespace shalab {
namespace data_test {

namespace fs = std::filesystem;

class DataExport : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  int run(std::vector<std::string> words) {
    Invocation invocation;
    invocation.options.plugins = SHALAB_BUILD_DIR "/plugins";
    invocation.command = "data export";
    invocation.arguments = std::move(words);
    return command_data_export(invocation);
  }

  const fs::path folder_ = fs::path(testing::TempDir()) /
                           ("data_export_" + std::to_string(getpid()));
  const std::string file_ = folder_ / "tuples.npz";
};

TEST_F(DataExport, WritesEveryTupleOfTheSplit) {
  EXPECT_EQ(run({"export", "linear_gaussian", "dataset.test=1203",
                 "dataset.modalities=2", "--split", "test", "-o", file_}),
            0);
  const io::NamedArrays arrays = io::read_npz(file_);
  ASSERT_TRUE(arrays.contains("presence"));
  EXPECT_TRUE(io::to_tensor(arrays.at("presence")).all().item<bool>());
  std::size_t modalities = 0;
  for (const auto& [name, array] : arrays) {
    EXPECT_EQ(array.shape.front(), 1203) << name;
    if (name == "presence" || name == "labels") continue;
    ++modalities;
    EXPECT_GT(io::to_tensor(array).std().item<double>(), 0.0) << name;
  }
  EXPECT_EQ(modalities, 2U);
}

TEST_F(DataExport, NamesWhatIsMissing) {
  EXPECT_THROW(run({"export", "-o", file_}), Error);
  EXPECT_THROW(run({"export", "linear_gaussian"}), Error);
  EXPECT_THROW(run({"export", "no_such_data", "-o", file_}), Error);
  EXPECT_THROW(run({"export", "linear_gaussian", "--split", "half", "-o",
                    file_}),
               Error);
  EXPECT_FALSE(fs::exists(file_));
}

}  // namespace data_test
}  // namespace shalab
