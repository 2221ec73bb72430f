#include <gtest/gtest.h>
#include <zlib.h>

#include <numeric>

#include "io_fixture.h"
#include "shalab/io/arrays.h"

namespace shalab::io {
namespace idx_test {

using Idx = IoTest;

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// 2 x 3: 10 20 30 40 50 60
const std::string kMatrix(
    "\0\0\x08\x02\0\0\0\x02\0\0\0\x03\x0a\x14\x1e\x28\x32\x3c", 18);

TEST_F(Idx, PlainAndCompressedAreTheSame) {
  const Array plain = read_idx(put("plain", kMatrix));
  const Array packed = read_idx(put("packed.gz", gzip(kMatrix)));
  EXPECT_EQ(plain.type, ElementType::u8);
  EXPECT_EQ(plain.shape, (std::vector<std::int64_t>{2, 3}));
  ASSERT_EQ(plain.bytes.size(), 6u);
  EXPECT_EQ(plain.bytes[0], std::byte{10});
  EXPECT_EQ(plain.bytes[5], std::byte{60});
  EXPECT_EQ(packed.shape, plain.shape);
  EXPECT_EQ(packed.bytes, plain.bytes);
}

TEST_F(Idx, RefusesWhatDoesNotFit) {
  const auto refuse = [&](const std::string& bytes, const std::string& text) {
    const auto file = put("bad", bytes);
    expect_refused([&] { read_idx(file); }, file.string(), text);
  };
  refuse("", "magic number alone needs 4");
  refuse(std::string("\1\0\x08\x01\0\0\0\0", 8), "wrong magic");
  refuse(std::string("\0\0\x0d\x01\0\0\0\0", 8), "element type 13");
  refuse(std::string("\0\0\x08\x00", 4), "0 dimensions");
  refuse(std::string("\0\0\x08\x05", 4), "5 dimensions");
  refuse(kMatrix.substr(0, 11), "header is truncated");
  refuse(kMatrix.substr(0, 17), "asks for 6 bytes, 5 follow");
  refuse(kMatrix + "x", "asks for 6 bytes, 7 follow");
  std::string huge("\0\0\x08\x04", 4);
  refuse(huge + std::string(16, '\xff'), "overflows");
}

TEST_F(Idx, RefusesDamagedCompression) {
  const std::string packed = gzip(kMatrix);
  const auto refuse = [&](const std::string& bytes, const std::string& text) {
    const auto file = put("bad.gz", bytes);
    expect_refused([&] { read_idx(file); }, file.string(), text);
  };
  refuse(packed.substr(0, packed.size() - 3), "truncated");
  refuse(packed + "more", "4 bytes follow the end");
  std::string flipped = packed;
  flipped[flipped.size() - 8] ^= 1;  // the CRC-32
  refuse(flipped, "damaged");
}

TEST_F(Idx, RefusesAMissingFileAndAFolder) {
  expect_refused([&] { read_idx(path("none")); }, path("none").string(),
                 "cannot read");
  expect_refused([&] { read_idx(folder_); }, folder_.string(), "cannot read");
}

TEST_F(Idx, SurvivesDamage) {
  EXPECT_GT(damage(kMatrix, read_idx), 200);
  EXPECT_GT(damage(gzip(kMatrix), read_idx), 300);
}

TEST_F(Idx, ReadsMnist) {
  const auto labels_file = find_shared_data("mnist/train-labels-idx1-ubyte.gz");
  const auto images_file = find_shared_data("mnist/train-images-idx3-ubyte.gz");
  if (labels_file.empty() || images_file.empty()) {
    GTEST_SKIP() << "no mnist/ in SHALAB_DATA or the shared data";
  }
  const Array labels = read_idx(labels_file);
  EXPECT_EQ(labels.shape, std::vector<std::int64_t>{60000});
  EXPECT_EQ(labels.bytes[0], std::byte{5});
  const Array images = read_idx(images_file);
  EXPECT_EQ(images.shape, (std::vector<std::int64_t>{60000, 28, 28}));
  double sum = 0;
  for (const std::byte pixel : images.bytes) {
    sum += std::to_integer<int>(pixel);
  }
  // The well-known 0.1307 of the training pixels on [0, 1].
  EXPECT_NEAR(sum / static_cast<double>(images.numel()) / 255, 0.1307, 5e-5);
}

}  // namespace idx_test
}  // namespace shalab::io
