#include "shalab/dataset.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "shalab/error.h"

namespace shalab {
namespace dataset_test {

class Ten final : public Dataset {
 public:
  const std::vector<ModalitySpec>& modalities() const override {
    return modalities_;
  }
  std::int64_t size(Split) const override { return 10; }
  void to(c10::Device) override {}
  std::string fingerprint() const override { return "ten"; }

 protected:
  Batch do_gather(Split, const at::Tensor& indices) const override {
    Batch batch;
    batch.ids = indices;
    return batch;
  }

 private:
  std::vector<ModalitySpec> modalities_;
};

TEST(Split, TextAndBack) {
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    EXPECT_EQ(split_from(to_string(split)), split);
  }
}

TEST(Split, RefusesAnotherWordWithTheNearest) {
  try {
    split_from("tset");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.hint().find("'test'"), std::string::npos);
  }
}

TEST(Dataset, GatherAllowsRepeats) {
  const at::Tensor indices = at::tensor({3, 3, 9}, at::kLong);
  EXPECT_TRUE(at::equal(Ten().gather(Split::test, indices).ids, indices));
}

TEST(Dataset, GatherRefusesWhatIsOutOfRange) {
  const Ten data;
  EXPECT_THROW(data.gather(Split::test, at::tensor({10}, at::kLong)), Error);
  EXPECT_THROW(data.gather(Split::test, at::tensor({-1}, at::kLong)), Error);
  EXPECT_THROW(data.gather(Split::test, at::tensor({1.0f})), Error);
}

TEST(JudgeBank, IsCompleteWithAJudgeForEachModality) {
  JudgeBank bank;
  EXPECT_FALSE(bank.complete());
  bank.judges = {nullptr};
  EXPECT_FALSE(bank.complete());
  EXPECT_EQ(bank.digest(), "none");
}

}  // namespace dataset_test
}  // namespace shalab
