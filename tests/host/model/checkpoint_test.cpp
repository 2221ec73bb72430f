#include "model/checkpoint.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <limits>
#include <random>

#include "base/files.h"
#include "shalab/error.h"

namespace shalab {
namespace checkpoint_test {

namespace fs = std::filesystem;

const std::vector<std::string> kFiles = {"model.safetensors",
                                         "optimiser.safetensors", "state.json",
                                         "manifest.json"};

Checkpoint small_checkpoint(double number) {
  Checkpoint checkpoint;
  checkpoint.model = {{"w", at::full({2, 3}, number, at::kFloat)},
                      {"running", at::full({}, 5, at::kLong)}};
  checkpoint.optimiser = {{"moment", at::arange(4, at::kDouble)},
                          {"generator", at::arange(16).to(at::kByte)}};
  checkpoint.state = {{"stage", 1},
                      {"step", 12},
                      {"best", {{"value", 0.1 + 0.2}, {"step", 7}}},
                      {"identity", "f00d"}};
  return checkpoint;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resume) << error.what();
    return error.message();
  }
  return "no error";
}

void overwrite(const fs::path& file, const std::string& bytes) {
  fs::remove(file);  // file systems sync a truncated one, which is slow
  std::ofstream(file, std::ios::binary) << bytes;
}

void damage(const fs::path& file) {
  std::string bytes = read_file(file);
  bytes.back() ^= 1;
  overwrite(file, bytes);
}

class CheckpointFolder : public testing::Test {
 protected:
  fs::path save(std::int64_t step) {
    return save_checkpoint(root_, step,
                           small_checkpoint(static_cast<double>(step)));
  }

  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& entry : fs::directory_iterator(root_)) {
      result.push_back(entry.path().filename().string());
    }
    std::sort(result.begin(), result.end());
    return result;
  }

  TemporaryFolder folder_;
  fs::path root_ = folder_.path() / "checkpoints";
};

TEST_F(CheckpointFolder, KeepsEverything) {
  const fs::path saved = save(3);
  EXPECT_EQ(saved, root_ / "0000000003");
  const LoadedCheckpoint loaded = load_checkpoint(saved);
  const Checkpoint expected = small_checkpoint(3);
  EXPECT_EQ(loaded.step, 3);
  EXPECT_EQ(loaded.path, saved);
  EXPECT_EQ(loaded.checkpoint.state, expected.state);
  for (const auto& [name, tensor] : expected.model) {
    EXPECT_TRUE(at::equal(loaded.checkpoint.model.at(name), tensor)) << name;
  }
  for (const auto& [name, tensor] : expected.optimiser) {
    EXPECT_TRUE(at::equal(loaded.checkpoint.optimiser.at(name), tensor));
  }
}

TEST_F(CheckpointFolder, IsReplacedByOneOfTheSameStep) {
  save(3);
  save_checkpoint(root_, 3, small_checkpoint(9));
  const auto loaded = load_newest(root_);
  EXPECT_EQ(loaded->checkpoint.model.at("w")[0][0].item<float>(), 9.0f);
  EXPECT_EQ(names(), std::vector<std::string>{"0000000003"});
}

TEST_F(CheckpointFolder, HoldsNothingBeforeTheFirstSave) {
  EXPECT_FALSE(load_newest(root_).has_value());
  fs::create_directories(root_ / "12");
  fs::create_directories(root_ / "best");
  fs::create_directories(root_ / "0000000001.tmp-7");
  EXPECT_FALSE(load_newest(root_).has_value());
}

TEST_F(CheckpointFolder, LoadsTheNewest) {
  save(9);
  save(100);
  save(20);
  const auto loaded = load_newest(root_);
  EXPECT_EQ(loaded->step, 100);
  EXPECT_TRUE(loaded->skipped.empty());
}

TEST_F(CheckpointFolder, WalksBackToTheNewestValidOne) {
  save(1);
  damage(save(2) / "optimiser.safetensors");
  fs::remove(save(3) / "manifest.json");
  const auto loaded = load_newest(root_);
  EXPECT_EQ(loaded->step, 1);
  ASSERT_EQ(loaded->skipped.size(), 2u);
  EXPECT_NE(loaded->skipped[0].find("0000000003/manifest.json"),
            std::string::npos)
      << loaded->skipped[0];
  EXPECT_NE(loaded->skipped[1].find("0000000002/optimiser.safetensors"),
            std::string::npos)
      << loaded->skipped[1];
}

TEST_F(CheckpointFolder, SaysSoWhenNoneIsValid) {
  damage(save(1) / "state.json");
  damage(save(2) / "manifest.json");
  const std::string message = message_of([&] { load_newest(root_); });
  EXPECT_NE(message.find("none of the checkpoints is valid"),
            std::string::npos);
  EXPECT_NE(message.find("0000000001/state.json"), std::string::npos);
  EXPECT_NE(message.find("0000000002/manifest.json"), std::string::npos);
}

TEST_F(CheckpointFolder, RefusesEachOfAThousandFlippedBits) {
  const fs::path saved = save(5);
  std::vector<std::string> contents;
  for (const std::string& name : kFiles) {
    contents.push_back(read_file(saved / name));
  }
  std::mt19937 engine(3);
  for (int i = 0; i < 1000; ++i) {
    const std::size_t f = static_cast<std::size_t>(i) % kFiles.size();
    const fs::path file = saved / kFiles[f];
    const std::size_t bit = engine() % (8 * contents[f].size());
    std::string flipped = contents[f];
    flipped[bit / 8] ^= static_cast<char>(1 << bit % 8);
    overwrite(file, flipped);
    const std::string message = message_of([&] { load_checkpoint(saved); });
    ASSERT_TRUE(message.starts_with(file.string()))
        << "bit " << bit << " of " << file << ": " << message;
    overwrite(file, contents[f]);
  }
  EXPECT_EQ(load_checkpoint(saved).step, 5);
}

TEST_F(CheckpointFolder, RefusesMissingLongerAndShorterFiles) {
  for (const std::string& name : kFiles) {
    const fs::path file = save(5) / name;
    const std::string bytes = read_file(file);
    for (const std::string& other :
         {bytes + "x", bytes.substr(0, bytes.size() - 1), std::string()}) {
      overwrite(file, other);
      const auto message =
          message_of([&] { load_checkpoint(root_ / "0000000005"); });
      EXPECT_TRUE(message.starts_with(file.string())) << message;
    }
    fs::remove(file);
    const auto message =
        message_of([&] { load_checkpoint(root_ / "0000000005"); });
    EXPECT_TRUE(message.starts_with(file.string())) << message;
  }
}

TEST_F(CheckpointFolder, KnowsItsStep) {
  const fs::path moved = root_ / "0000000006";
  fs::rename(save(5), moved);
  const std::string message = message_of([&] { load_checkpoint(moved); });
  EXPECT_NE(message.find("belongs to step 5"), std::string::npos) << message;
}

TEST_F(CheckpointFolder, FilesOfTwoCheckpointsDoNotMix) {
  const fs::path a = save(1);
  const fs::path b = save(2);
  fs::copy_file(a / "model.safetensors", b / "model.safetensors",
                fs::copy_options::overwrite_existing);
  const std::string message = message_of([&] { load_checkpoint(b); });
  EXPECT_NE(message.find("SHA-256"), std::string::npos) << message;
}

TEST_F(CheckpointFolder, OfVersionOneStaysReadable) {
  const fs::path fixture =
      fs::path(SHALAB_SOURCE_DIR) / "tests/fixtures/checkpoint_v1/0000000005";
  const LoadedCheckpoint loaded = load_checkpoint(fixture);
  EXPECT_EQ(loaded.step, 5);
  EXPECT_TRUE(at::equal(loaded.checkpoint.model.at("first_stage.w"),
                        at::full({2, 3}, 1.5, at::kFloat)));
  EXPECT_EQ(loaded.checkpoint.optimiser.at("generator").numel(), 16);
  EXPECT_EQ(loaded.checkpoint.state.at("identity").at("dataset"),
            "0123456789abcdef");
}

TEST_F(CheckpointFolder, LosesItsLeftoversAtTheNextSave) {
  fs::create_directories(root_ / "0000000001.tmp-77");
  overwrite(root_ / "0000000001.tmp-77" / "model.safetensors", "torn");
  fs::create_directories(root_ / "notes");
  save(2);
  EXPECT_EQ(names(), (std::vector<std::string>{"0000000002", "notes"}));
}

TEST_F(CheckpointFolder, RefusesAStateThatJsonCannotKeep) {
  Checkpoint checkpoint = small_checkpoint(1);
  checkpoint.state["best"]["value"] = std::numeric_limits<double>::quiet_NaN();
  try {
    save_checkpoint(root_, 1, checkpoint);
    ADD_FAILURE() << "NaN was saved";
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("/best/value"), std::string::npos)
        << error.what();
  }
  checkpoint.state["best"]["value"] = "\xff";
  EXPECT_THROW(save_checkpoint(root_, 1, checkpoint), Error);
  EXPECT_THROW(save_checkpoint(root_, -1, small_checkpoint(1)), Error);
  EXPECT_THROW(save_checkpoint(root_, 10'000'000'000, small_checkpoint(1)),
               Error);
  EXPECT_FALSE(fs::exists(root_));
}

TEST_F(CheckpointFolder, RefusesToFillTheDisk) {
  Checkpoint checkpoint = small_checkpoint(1);
  // 2^62 bytes by strides of 0: claimed, not allocated.
  checkpoint.model["huge"] =
      at::zeros({1}, at::kFloat).expand({std::int64_t{1} << 60});
  save(1);
  try {
    save_checkpoint(root_, 2, checkpoint);
    ADD_FAILURE() << "2^62 bytes were saved";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::run);
    EXPECT_NE(error.message().find("no room for a checkpoint"),
              std::string::npos);
    EXPECT_FALSE(error.hint().empty());
  }
  EXPECT_EQ(names(), std::vector<std::string>{"0000000001"});
}

TEST_F(CheckpointFolder, IsPrunedToTheNewestAndTheChosen) {
  for (const std::int64_t step : {1, 2, 3, 4, 5}) save(step);
  prune(root_, 2, {1});
  EXPECT_EQ(names(), (std::vector<std::string>{"0000000001", "0000000004",
                                               "0000000005"}));
  EXPECT_THROW(prune(root_, 0, {}), Error);
}

TEST_F(CheckpointFolder, IsNotPrunedForADamagedOne) {
  for (const std::int64_t step : {1, 2, 3, 4}) save(step);
  damage(root_ / "0000000004" / "model.safetensors");
  prune(root_, 2, {});
  EXPECT_EQ(names(), (std::vector<std::string>{"0000000002", "0000000003",
                                               "0000000004"}));
  damage(root_ / "0000000003" / "model.safetensors");
  damage(root_ / "0000000002" / "model.safetensors");
  save(1);
  prune(root_, 2, {});
  EXPECT_EQ(names().size(), 4u);
  EXPECT_EQ(load_newest(root_)->step, 1);
}

}  // namespace checkpoint_test
}  // namespace shalab
