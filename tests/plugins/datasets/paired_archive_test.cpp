// paired_folder on one .npz file.

#include <ATen/ATen.h>

#include <limits>
#include <map>

#include "dataset_files.h"
#include "shalab/io/arrays.h"
#include "shalab/io/tensors.h"

namespace shalab {
namespace paired_archive_test {

using Tensors = std::map<std::string, at::Tensor>;

constexpr std::int64_t kTuples = 10;

// The number of the tuple in every element of what it returns, [N, ...].
at::Tensor numbered(std::vector<std::int64_t> shape, at::ScalarType type) {
  shape.insert(shape.begin(), kTuples);
  std::vector<std::int64_t> ones(shape.size(), 1);
  ones[0] = kTuples;
  return at::arange(kTuples).view(ones).expand(shape).to(type).contiguous();
}

class PairedArchive : public ::testing::Test {
 protected:
  void write(const Tensors& members) const {
    io::NamedArrays arrays;
    for (const auto& [name, values] : members) {
      arrays[name] = io::to_array(values);
    }
    io::write_npz(file(), arrays);
  }

  std::filesystem::path file() const { return folder_.path() / "mine.npz"; }

  std::unique_ptr<Dataset> make(ChangedKeys keys = {}) const {
    keys.emplace_back("path", file().string());
    return make_dataset("paired_folder", quiet_services(), keys);
  }

  void expect_refused(const Tensors& members,
                      const std::vector<std::string>& words,
                      ChangedKeys keys = {}) const {
    write(members);
    keys.emplace_back("path", file().string());
    const auto [kind, text] = refusal("paired_folder", quiet_services(), keys);
    EXPECT_EQ(kind, static_cast<int>(ErrorKind::data)) << text;
    for (const std::string& word : words) {
      EXPECT_NE(text.find(word), std::string::npos) << word << " in\n" << text;
    }
  }

  TemporaryFolder folder_;
};

// All tuples as the train split holds them: splits 0 but for the last two.
at::Tensor given_splits() {
  at::Tensor splits = at::zeros({kTuples}, at::kLong);
  splits[8] = 1;
  splits[9] = 2;
  return splits;
}

Batch training(const Dataset& dataset) {
  return dataset.gather(Split::train, at::arange(8));
}

TEST_F(PairedArchive, ReadsKindsOffRanksAndTypes) {
  write({{"a_grey", numbered({4, 6}, at::kByte)},
         {"b_last", numbered({4, 6, 3}, at::kByte)},
         {"c_first", numbered({3, 4, 6}, at::kByte)},
         {"d_unit", numbered({1, 4, 6}, at::kFloat) / 10},
         {"e_mask", numbered({4, 6}, at::kBool)},
         {"f_curve", numbered({5}, at::kDouble)},
         {"g_scalar", numbered({}, at::kFloat)},
         {"h_tokens", numbered({7}, at::kInt)},
         {"splits", given_splits()}});
  const auto dataset = make();
  const auto& modalities = dataset->modalities();
  ASSERT_EQ(modalities.size(), 8U);
  using Shape = std::vector<std::int64_t>;
  const Shape shapes[] = {{1, 4, 6}, {3, 4, 6}, {3, 4, 6}, {1, 4, 6},
                          {1, 4, 6}, {5},       {1},       {7}};
  const double scales[] = {1 / 255.0, 1 / 255.0, 1 / 255.0, 0.1, 0, 1, 1, 1};
  const Batch batch = training(*dataset);
  for (std::size_t m = 0; m < 8; ++m) {
    EXPECT_EQ(modalities[m].shape, shapes[m]) << modalities[m].name;
    if (m == 4) continue;
    const at::Tensor truth = at::arange(8) * scales[m];
    const at::Tensor first = batch.data[m].flatten(1).select(1, 0);
    EXPECT_TRUE(at::allclose(first.to(at::kDouble), truth.to(at::kDouble)))
        << modalities[m].name;
  }
  EXPECT_EQ(batch.data[4][0].max().item<float>(), 0.0F);
  EXPECT_EQ(batch.data[4][1].min().item<float>(), 1.0F);
  EXPECT_EQ(modalities[5].kind, ModalityKind::vector);
  EXPECT_EQ(modalities[7].kind, ModalityKind::tokens);
  EXPECT_EQ(modalities[7].vocabulary_size(), 10);
  EXPECT_EQ(modalities[7].vocabulary[3], "3");
}

TEST_F(PairedArchive, TurnsChannelsLastIntoChannelsFirst) {
  const at::Tensor picture = at::arange(kTuples * 72).remainder(251);
  const at::Tensor last = picture.view({kTuples, 4, 6, 3}).to(at::kByte);
  write({{"last", last},
         {"first", last.permute({0, 3, 1, 2}).contiguous()},
         {"splits", given_splits()}});
  const Batch batch = training(*make());
  EXPECT_TRUE(batch.data[0].equal(batch.data[1]));
  EXPECT_NEAR(batch.data[0][0][2][0][1].item<float>(), 5 / 255.0, 1e-6);
}

TEST_F(PairedArchive, TakesLabelsAndSplits) {
  write({{"curve", numbered({2}, at::kFloat)},
         {"labels", numbered({}, at::kInt).remainder(3)},
         {"splits", given_splits()}});
  const auto dataset = make();
  EXPECT_EQ(dataset->num_classes(), 3);
  EXPECT_EQ(dataset->size(Split::validation), 1);
  const Batch test = dataset->gather(Split::test, at::arange(1));
  EXPECT_EQ(test.data[0][0][0].item<float>(), 9.0F);
  EXPECT_EQ(test.labels.item<std::int64_t>(), 0);
}

TEST_F(PairedArchive, HidesWhatThePresenceMaskLacks) {
  at::Tensor presence = at::ones({kTuples, 2}, at::kBool);
  presence[3][0] = false;
  presence[5][1] = false;
  Tensors members = {{"left", numbered({2}, at::kFloat) + 1},
                     {"right", numbered({3}, at::kLong)},
                     {"presence", presence},
                     {"splits", given_splits()}};
  members["left"][3][1] = std::numeric_limits<float>::quiet_NaN();
  expect_refused(members, {"presence", "dataset.modalities"});
  const Batch batch = training(
      *make({{"modalities", std::vector<std::string>{"left", "right"}}}));
  EXPECT_TRUE(batch.presence.equal(presence.slice(0, 0, 8)));
  EXPECT_EQ(batch.data[0][3].abs().max().item<float>(), 0.0F);
  EXPECT_EQ(batch.data[1][5].max().item<std::int64_t>(), 0);
  EXPECT_EQ(batch.data[0][5][0].item<float>(), 6.0F);
  members["left"] = numbered({2}, at::kFloat);
  write(members);
  const Batch swapped = training(
      *make({{"modalities", std::vector<std::string>{"right", "left"}}}));
  EXPECT_EQ(swapped.data[0][3].max().item<std::int64_t>(), 0);
  presence[3][1] = false;
  members["presence"] = presence;
  expect_refused(members, {"tuples without any modality"},
                 {{"modalities", std::vector<std::string>{"left", "right"}}});
}

TEST_F(PairedArchive, RefusesMembersThatDisagree) {
  const at::Tensor curve = numbered({2}, at::kFloat);
  expect_refused({{"curve", curve}, {"short", curve.slice(0, 0, 7)}},
                 {"mine.npz", "'short' has shape [7, 2]", "[10, 2]"});
  expect_refused({{"curve", curve}, {"labels", curve}},
                 {"mine.npz", "'labels' is Float [10, 2]"});
  expect_refused({{"curve", curve}, {"labels", numbered({}, at::kInt) - 1}},
                 {"'labels'"});
  expect_refused({{"curve", curve}, {"splits", numbered({}, at::kInt)}},
                 {"'splits'", "0 to 2"});
  expect_refused(
      {{"curve", curve}, {"presence", at::ones({kTuples, 2}, at::kBool)}},
      {"'presence' is Bool [10, 2], bool [10, 1] expected"});
  expect_refused({{"curve", curve}}, {"no member 'sound'"},
                 {{"modalities", std::vector<std::string>{"sound"}}});
  expect_refused({{"labels", numbered({}, at::kInt)}}, {"no modality"});
}

TEST_F(PairedArchive, RefusesValuesOutOfRange) {
  expect_refused({{"photo", numbered({4, 6}, at::kFloat)}},
                 {"member photo", "within 0..1", "Float [10, 4, 6]"});
  expect_refused({{"photo", numbered({4, 6}, at::kLong)}}, {"uint8"});
  expect_refused({{"photo", numbered({4, 6, 5}, at::kByte)}},
                 {"1 or 3 channels", "[10, 4, 6, 5]"});
  expect_refused({{"word", numbered({4}, at::kLong) - 1}},
                 {"member word", "0 to 99999"});
  expect_refused({{"deep", numbered({2, 2, 2, 2}, at::kFloat)}},
                 {"member deep", "[10, 2, 2, 2, 2]"});
}

TEST_F(PairedArchive, RefusesATruncatedFile) {
  write({{"curve", numbered({2}, at::kFloat)}});
  std::filesystem::resize_file(file(), 100);
  const auto [kind, text] =
      refusal("paired_folder", quiet_services(), {{"path", file().string()}});
  EXPECT_EQ(kind, static_cast<int>(ErrorKind::data));
  EXPECT_NE(text.find("mine.npz"), std::string::npos) << text;
}

}  // namespace paired_archive_test
}  // namespace shalab
