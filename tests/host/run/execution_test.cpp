#include "run/execution.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "../../plugins/load.h"
#include "config/resolve.h"
#include "plugin/plugin_list.h"
#include "run/execution_timing.h"
#include "shalab/error.h"
#include "shalab/io/arrays.h"

namespace shalab {
namespace execution_test {

namespace fs = std::filesystem;

constexpr const char* kShapes =
    SHALAB_SOURCE_DIR "/tests/fixtures/paired_folder/shapes.npz";

// A modality with convolutions and two without.
class ExecutionOfARun : public ::testing::Test {
 protected:
  ExecutionOfARun()
      : cache_(fs::path(testing::TempDir()) /
               (std::string("execution_test.") +
                testing::UnitTest::GetInstance()->current_test_info()->name())),
        registry_(load_plugin_list({SHALAB_BUILD_DIR "/plugins"})) {
    fs::remove_all(cache_);
    context_.services = quiet_services();
    context_.services.cache_folder = cache_;
    at::set_num_threads(1);
  }
  ~ExecutionOfARun() override { fs::remove_all(cache_); }

  Experiment experiment(const std::vector<std::string>& overrides = {},
                        const std::string& file = kShapes) const {
    std::vector<std::string> all{
        "dataset.path=" + file,      "~encoder",
        "encoder.plugin=audio_conv", "encoder.features=32",
        "encoder.likelihood=normal", "+encoder.word.plugin=mlp",
        "+encoder.place.plugin=mlp"};
    all.insert(all.end(), overrides.begin(), overrides.end());
    const auto config =
        resolve_file(SHALAB_SOURCE_DIR "/experiments/smoke/paired_folder.ini",
                     all, registry_.list());
    return Experiment(config, registry_, context_);
  }

  fs::path cache_;
  Registry registry_;
  RunContext context_;
};

TEST_F(ExecutionOfARun, IsTheOneThatIsPinned) {
  auto own = experiment({"run.memory_format=contiguous", "run.threads=1"});
  const Execution execution = choose_execution(own, context_);
  EXPECT_EQ(execution.threads, 1);
  EXPECT_EQ(execution.memory_formats,
            (std::map<std::string, std::string>{{"picture", "contiguous"}}));
  EXPECT_FALSE(fs::exists(cache_ / "execution"));
  for (const auto& parameter : own.model().encoder(0).parameters()) {
    EXPECT_TRUE(parameter.is_contiguous());
  }
}

TEST_F(ExecutionOfARun, IsNotMeasuredUnderDeterminism) {
  auto own = experiment({"run.deterministic=true"});
  EXPECT_EQ(choose_execution(own, context_).memory_formats.at("picture"),
            "channels_last");
  EXPECT_FALSE(fs::exists(cache_ / "execution"));
}

TEST_F(ExecutionOfARun, IsMeasuredOnceAndKept) {
  auto own = experiment();
  const Execution first = choose_execution(own, context_);
  ASSERT_TRUE(fs::exists(cache_ / "execution"));
  const fs::path file = fs::directory_iterator(cache_ / "execution")->path();
  Execution other = first;
  const bool was_last = first.memory_formats.at("picture") == "channels_last";
  other.memory_formats["picture"] = was_last ? "contiguous" : "channels_last";
  std::ofstream(file) << to_json(other).dump();
  auto again = experiment();
  EXPECT_EQ(choose_execution(again, context_), other);
  std::ofstream(file) << "{";
  auto broken = experiment();
  EXPECT_EQ(choose_execution(broken, context_).threads, first.threads);
}

TEST_F(ExecutionOfARun, LeavesWeightsAndGradientsAsTheyWere) {
  auto own = experiment();
  const NamedTensors before = cloned(tensors_of(own.first_stage(), ""));
  choose_execution(own, context_);
  for (const auto& [name, tensor] : tensors_of(own.first_stage(), "")) {
    EXPECT_TRUE(tensor.equal(before.at(name))) << name;
    EXPECT_FALSE(tensor.grad().defined()) << name;
  }
}

// The picture a second time: each format is timed for both together, so they
// cannot come out apart, however close the times are.
TEST_F(ExecutionOfARun, IsOneForEqualNetworks) {
  io::NamedArrays arrays = io::read_npz(kShapes);
  arrays.emplace("twin", arrays.at("picture"));
  fs::create_directories(cache_);
  const fs::path file = cache_ / "twins.npz";
  io::write_npz(file, arrays);
  for (int i = 0; i < 4; ++i) {
    fs::remove_all(cache_ / "execution");
    auto own = experiment({"dataset.modalities=picture, twin, word, place"},
                          file.string());
    const Execution execution = choose_execution(own, context_);
    EXPECT_EQ(execution.memory_formats.at("picture"),
              execution.memory_formats.at("twin"));
  }
}

// Sums in another order: equal up to the rounding of fp32.
TEST_F(ExecutionOfARun, GivesEqualNetworksInBothFormats) {
  auto own = experiment();
  const Batch batch =
      own.dataset().gather(Split::train, at::arange(16, at::kLong));
  std::vector<at::Tensor> features, means;
  for (const char* format : {"channels_last", "contiguous"}) {
    apply({1, {{"picture", format}}}, own);
    features.push_back(own.model().encoder(0).encode(batch.data[0]).shared);
    means.push_back(
        own.model().encoder(0).decode(at::ones({16, 8})).parameters());
    bool is_contiguous = true;
    for (const auto& parameter : own.model().encoder(0).parameters()) {
      is_contiguous = is_contiguous && parameter.is_contiguous();
    }
    EXPECT_EQ(is_contiguous, std::string(format) == "contiguous");
  }
  EXPECT_TRUE(at::allclose(features[0], features[1], 1e-4, 1e-5));
  EXPECT_TRUE(at::allclose(means[0], means[1], 1e-4, 1e-5));
}

TEST(Execution, IsReadAsItWasWritten) {
  const Execution execution{3, {{"a", "contiguous"}, {"b", "channels_last"}}};
  EXPECT_EQ(execution_from(to_json(execution)), execution);
  EXPECT_EQ(to_text(execution), "3 threads; channels_last: b; contiguous: a");
  EXPECT_THROW(execution_from(nlohmann::json{{"threads", "x"}}), Error);
}

}  // namespace execution_test
}  // namespace shalab
