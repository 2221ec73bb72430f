#include "base/packed_block.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <string>

#include "base/files.h"
#include "shalab/error.h"

namespace shalab {
namespace packed_block_test {

namespace fs = std::filesystem;

constexpr std::size_t kSize = 3 * 4096 + 7;

class PackedBlocks : public ::testing::Test {
 protected:
  std::unique_ptr<PackedBlock> block_of(char letter) {
    auto block = std::make_unique<PackedBlock>(folder(), kSize);
    std::memset(block->data(), letter, kSize);
    return block;
  }

  fs::path packed(char letter) {
    const auto block = block_of(letter);
    block->pack();
    return block->file();
  }

  static std::string bytes_of(const PackedBlock& block) {
    return {static_cast<const char*>(block.data()), block.size()};
  }

  std::size_t num_files() const {
    const fs::directory_iterator all(folder());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  fs::path folder() const { return work_.path() / "mapped"; }

  TemporaryFolder work_;
};

TEST_F(PackedBlocks, LeaveNothingBehindUntilTheyArePacked) {
  EXPECT_EQ(bytes_of(*block_of('a')), std::string(kSize, 'a'));
  EXPECT_EQ(num_files(), 0u);
}

TEST_F(PackedBlocks, KeepBytesAndAddressWhenPacked) {
  const auto block = block_of('a');
  const void* before = block->data();
  EXPECT_TRUE(block->pack());
  EXPECT_EQ(block->data(), before);
  EXPECT_EQ(bytes_of(*block), std::string(kSize, 'a'));
  EXPECT_EQ(read_file(block->file()), std::string(kSize, 'a'));
  EXPECT_EQ(num_files(), 1u);
}

TEST_F(PackedBlocks, OfEqualBytesShareOneFile) {
  const fs::path file = packed('a');
  const auto again = block_of('a');
  EXPECT_FALSE(again->pack());
  EXPECT_EQ(again->file(), file);
  EXPECT_EQ(bytes_of(*again), std::string(kSize, 'a'));
  EXPECT_NE(packed('b'), file);
  EXPECT_EQ(num_files(), 2u);
}

TEST_F(PackedBlocks, NeverWriteToAPackedFile) {
  const auto block = block_of('a');
  block->pack();
  std::memset(block->data(), 'z', kSize);
  EXPECT_EQ(bytes_of(*block), std::string(kSize, 'z'));
  EXPECT_EQ(read_file(block->file()), std::string(kSize, 'a'));
}

TEST_F(PackedBlocks, ReplaceATruncatedFile) {
  const fs::path file = packed('a');
  fs::resize_file(file, kSize - 1);
  const auto block = block_of('a');
  EXPECT_TRUE(block->pack());
  EXPECT_EQ(block->file(), file);
  EXPECT_EQ(read_file(file), std::string(kSize, 'a'));
  EXPECT_EQ(num_files(), 1u);
}

TEST_F(PackedBlocks, ReplaceAFileOfOtherBytes) {
  const fs::path file = packed('a');
  std::string damaged(kSize, 'a');
  damaged[kSize / 2] = 'b';
  write_file_atomically(file, damaged);
  const auto block = block_of('a');
  EXPECT_TRUE(block->pack());
  EXPECT_EQ(bytes_of(*block), std::string(kSize, 'a'));
  EXPECT_EQ(read_file(file), std::string(kSize, 'a'));
}

// What `make` refuses, naming `place`.
template <typename Make>
void expect_refusal(const Make& make, const fs::path& place) {
  try {
    make();
    ADD_FAILURE() << "nothing was refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(error.message().find(place.string()), std::string::npos)
        << error.message();
  }
}

TEST_F(PackedBlocks, RefuseAFolderThatCannotBe) {
  const fs::path file = work_.path() / "file";
  std::ofstream(file) << "in the way";
  expect_refusal([&] { PackedBlock block(file / "mapped", kSize); }, file);
}

TEST_F(PackedBlocks, RefuseMoreThanTheDiskHolds) {
  const std::size_t petabyte = std::size_t{1} << 50;
  expect_refusal([&] { PackedBlock block(folder(), petabyte); }, folder());
  EXPECT_EQ(num_files(), 0u);
}

TEST_F(PackedBlocks, RefuseAPackedNameThatIsAFolder) {
  const fs::path file = packed('a');
  fs::remove(file);
  fs::create_directories(file / "inside");
  const auto block = block_of('a');
  expect_refusal([&] { block->pack(); }, file);
  EXPECT_EQ(bytes_of(*block), std::string(kSize, 'a'));
}

}  // namespace packed_block_test
}  // namespace shalab
