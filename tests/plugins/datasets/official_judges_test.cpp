// The published classifiers on real data, as they are and with their dropout
// on (evaluate.legacy_dropout); accuracies by the recipe of PolyMNIST on 10,000
// test digits, measured independently in Python.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "dataset_files.h"
#include "shalab/io/tensors.h"
#include "shalab/nn/judges.h"

namespace shalab {
namespace official_judges_test {

constexpr std::uint64_t kSeed = 1;

std::shared_ptr<Judge> judge_of(const std::string& architecture,
                                const std::string& file,
                                std::optional<std::uint64_t> seed = {}) {
  const auto path = services_of_real_data().find_data(file, "judge");
  return make_official_judge(architecture, io::read_npz(path), file, seed);
}

double accuracy(const Judge& judge, const at::Tensor& x,
                const at::Tensor& labels) {
  return judge.judge(x).labels.eq(labels).to(at::kDouble).mean().item<double>();
}

class OfficialJudges : public ::testing::Test {
 protected:
  // Every test tuple of a dataset, or a skip.
  void read(const std::string& name, const ChangedKeys& keys) {
    try {
      dataset_ = make_dataset(name, services_of_real_data(), keys);
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
    test_ =
        dataset_->gather(Split::test, at::arange(dataset_->size(Split::test)));
  }

  std::unique_ptr<Dataset> dataset_;
  Batch test_;
};

// Other crops than those of the independent measurement, and other masks: the
// standard error of a share of 10,000 is at most .0035.
TEST_F(OfficialJudges, ReadPolyMnistWorseWithTheirDropout) {
  read("poly_mnist", {{"train_limit", std::int64_t{1}}});
  if (IsSkipped()) return;
  struct Expected {
    std::size_t m;
    double evaluation, dropout;
  };
  for (const Expected& expected :
       {Expected{0, .964, .862}, Expected{1, .985, .961},
        Expected{3, .967, .910}}) {
    const std::string file = dataset_->judge_sources()[expected.m].file;
    const at::Tensor& x = test_.data[expected.m];
    const double whole =
        accuracy(*judge_of("polymnist_cnn", file), x, test_.labels);
    const double dropped =
        accuracy(*judge_of("polymnist_cnn", file, kSeed), x, test_.labels);
    EXPECT_NEAR(whole, expected.evaluation, 0.001) << file;
    EXPECT_NEAR(dropped, expected.dropout, 0.008) << file;
    std::cout << file << ": " << whole << ", with dropout " << dropped << '\n';
  }
}

TEST_F(OfficialJudges, ReadMnistAsPublished) {
  at::Tensor digits, labels;
  try {
    const Services services = services_of_real_data();
    const auto read = [&](const std::string& part) {
      return io::to_tensor(io::read_idx(services.find_data(
          "mnist/t10k-" + part + "-ubyte.gz", "MNIST test digits")));
    };
    digits = read("images-idx3").unsqueeze(1).to(at::kFloat) / 255;
    labels = read("labels-idx1").to(at::kLong);
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  const std::string file = "classifiers/mst_mnist.npz";
  EXPECT_NEAR(accuracy(*judge_of("mst_mnist", file), digits, labels), .9812,
              .0001);
  const double dropped =
      accuracy(*judge_of("mst_mnist", file, kSeed), digits, labels);
  EXPECT_NEAR(dropped, .974, .004);
  std::cout << file << ", with dropout " << dropped << '\n';
}

TEST_F(OfficialJudges, DropHalfOfTheFeaturesOfWords) {
  read("mnist_svhn_text",
       {{"second", std::string("fashion_mnist")}, {"dm", std::int64_t{1}}});
  if (IsSkipped()) return;
  const std::string file = "classifiers/mst_text.npz";
  const at::Tensor words = test_.data[2].slice(0, 0, 2000);
  const at::Tensor whole = judge_of("mst_text", file)->judge(words).features;
  const at::Tensor dropped =
      judge_of("mst_text", file, kSeed)->judge(words).features;
  const at::Tensor kept = dropped.ne(0);
  EXPECT_NEAR(kept.to(at::kDouble).mean().item<double>(), 0.5, 0.005);
  EXPECT_TRUE(
      at::allclose(dropped.masked_select(kept), whole.masked_select(kept) * 2));
}

}  // namespace official_judges_test
}  // namespace shalab
