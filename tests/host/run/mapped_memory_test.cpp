#include "run/mapped_memory.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "shalab/error.h"
#include "shalab/resident_dataset.h"

namespace shalab {
namespace mapped_memory_test {

namespace fs = std::filesystem;

constexpr std::size_t kLeast = 4096;
constexpr std::int64_t kTuples = 500;

class Pictures : public ResidentDataset {
 public:
  using ResidentDataset::ResidentDataset;
  std::string fingerprint() const override { return "pictures"; }
};

ResidentSplit split_of(std::int64_t first) {
  const at::Tensor rows = at::arange(first, first + kTuples, at::kLong);
  return {{rows.view({-1, 1, 1, 1}).expand({-1, 3, 4, 4}).to(at::kByte),
           at::stack({rows, rows * rows}, 1).to(at::kFloat)},
          rows.remainder(10)};
}

Pictures make_pictures() {
  return {{{"picture", ModalityKind::image, {3, 4, 4}, {}, "normal"},
           {"point", ModalityKind::vector, {2}, {}, "normal"}},
          {split_of(0), split_of(1000), split_of(2000)}};
}

class MappedMemories : public ::testing::Test {
 protected:
  struct Made {
    Pictures pictures;
    MappedMemory::Packed packed;
  };

  Made mapped_pictures() const {
    MappedMemory memory(folder(), kLeast);
    Pictures pictures = make_pictures();
    const auto packed = memory.pack();
    return {std::move(pictures), packed};
  }

  fs::path folder() const { return work_.path() / "mapped"; }

  TemporaryFolder work_;
};

void expect_equal(const Dataset& mapped, const Dataset& resident) {
  const at::Tensor some = at::tensor({499L, 0L, 7L, 7L, 250L});
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const Batch a = mapped.gather(split, some);
    const Batch b = resident.gather(split, some);
    for (std::size_t m = 0; m < b.data.size(); ++m) {
      EXPECT_TRUE(a.data[m].equal(b.data[m])) << to_string(split) << " " << m;
    }
    EXPECT_TRUE(a.labels.equal(b.labels));
    EXPECT_TRUE(a.presence.equal(b.presence));
  }
}

// By split: pictures of 24,000 bytes; points and labels of 4,000 stay.
TEST_F(MappedMemories, HoldLargeTensorsInFilesOfTheFolder) {
  const auto [pictures, packed] = mapped_pictures();
  EXPECT_EQ(packed.files, 3);
  EXPECT_EQ(packed.written, 3);
  EXPECT_EQ(packed.bytes, 3u * kTuples * 48);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder()), {}), 3);
}

TEST_F(MappedMemories, GiveTheBatchesOfResidentData) {
  const auto [mapped, packed] = mapped_pictures();
  expect_equal(mapped, make_pictures());
}

TEST_F(MappedMemories, ShareThePackedFilesOfEqualData) {
  const auto [first, written] = mapped_pictures();
  const auto [second, found] = mapped_pictures();
  EXPECT_EQ(found.files, 3);
  EXPECT_EQ(found.written, 0);
  expect_equal(second, first);
}

TEST_F(MappedMemories, WriteATruncatedFileAnew) {
  mapped_pictures();
  fs::resize_file(fs::directory_iterator(folder())->path(), 5);
  const auto [mapped, packed] = mapped_pictures();
  EXPECT_EQ(packed.written, 1);
  expect_equal(mapped, make_pictures());
}

TEST_F(MappedMemories, PackOnlyWhatIsStillAlive) {
  MappedMemory memory(folder(), kLeast);
  at::Tensor kept = at::ones({4096}, at::kByte);
  at::ones({8192}, at::kByte);
  EXPECT_EQ(memory.pack().bytes, 4096u);
  EXPECT_EQ(memory.pack().files, 0);
}

TEST_F(MappedMemories, TensorsOutliveThemAndMayGrow) {
  at::Tensor tensor;
  {
    MappedMemory memory(folder(), kLeast);
    tensor = at::arange(4096, at::kLong);
    memory.pack();
  }
  tensor.resize_({8192});
  EXPECT_TRUE(tensor.narrow(0, 0, 4096).equal(at::arange(4096, at::kLong)));
  at::ones({8192}, at::kLong);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder()), {}), 1);
}

TEST_F(MappedMemories, RefuseASecondAtOnce) {
  const MappedMemory memory(folder(), kLeast);
  EXPECT_THROW(MappedMemory(folder(), kLeast), Error);
}

TEST_F(MappedMemories, NameTheFolderThatCannotBeWritten) {
  write_file_atomically(folder(), "in the way");
  const MappedMemory memory(folder(), kLeast);
  try {
    at::empty({8192}, at::kByte);
    ADD_FAILURE() << "nothing was refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(error.message().find(folder().string()), std::string::npos);
  }
}

}  // namespace mapped_memory_test
}  // namespace shalab
