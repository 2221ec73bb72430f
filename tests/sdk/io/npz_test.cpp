#include <gtest/gtest.h>

#include <cstring>

#include "files_of_others.h"
#include "io_fixture.h"
#include "shalab/io/arrays.h"

namespace shalab::io {
namespace npz_test {

using Npz = IoTest;
using Shape = std::vector<std::int64_t>;

Array array_of(std::vector<std::uint8_t> values) {
  Array array{ElementType::u8, {static_cast<std::int64_t>(values.size())}, {}};
  for (const std::uint8_t value : values)
    array.bytes.push_back(std::byte{value});
  return array;
}

std::string replaced(std::string text, const std::string& from,
                     const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos;) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
  return text;
}

TEST_F(Npz, ReadsWhatNumpyWrites) {
  const NamedArrays stored = read_npz(put("stored.npz", kNpzStored));
  ASSERT_EQ(stored.size(), 1u);
  EXPECT_EQ(stored.at("x").bytes, array_of({3, 1}).bytes);
  const NamedArrays deflated = read_npz(put("deflated.npz", kNpzDeflated));
  ASSERT_EQ(deflated.size(), 2u);
  EXPECT_EQ(deflated.at("x").bytes, array_of({3, 1}).bytes);
  EXPECT_EQ(deflated.at("zeros").shape, (Shape{10, 10}));
  EXPECT_EQ(deflated.at("zeros").type, ElementType::f64);
  EXPECT_EQ(deflated.at("zeros").bytes, std::vector<std::byte>(800));
}

TEST_F(Npz, KeepsWhatItWrote) {
  const NamedArrays arrays = {{"", array_of({})},
                              {"a/b.weight", array_of({1, 2, 3})},
                              {"zoo", array_of({9})}};
  write_npz(path("a.npz"), arrays);
  const NamedArrays again = read_npz(path("a.npz"));
  ASSERT_EQ(again.size(), 3u);
  for (const auto& [name, array] : arrays) {
    EXPECT_EQ(again.at(name).shape, array.shape);
    EXPECT_EQ(again.at(name).bytes, array.bytes);
  }
  write_npz(path("none.npz"), {});
  EXPECT_TRUE(read_npz(path("none.npz")).empty());
}

TEST_F(Npz, RefusesWhatDoesNotFit) {
  write_npz(path("ok.npz"), {{"aa", array_of({1})}, {"bb", array_of({2})}});
  const std::string ok = contents(path("ok.npz"));
  const auto refuse = [&](const std::string& bytes, const std::string& text) {
    const auto file = put("bad.npz", bytes);
    expect_refused([&] { read_npz(file); }, file.string(), text);
  };
  refuse("", "too short");
  refuse(kNpyFloats, "no directory");
  refuse(ok.substr(0, ok.size() - 1), "no directory");
  refuse(ok + "x", "no directory");
  refuse("x" + ok, "does not end where");
  refuse(replaced(ok, "bb.npy", "aa.npy"), "twice");
  refuse(replaced(ok, "bb.npy", "bb.txt"), "does not end in .npy");
  std::string flipped = ok;
  flipped[ok.find("bb.npy") + 6 + 128] ^= 4;  // the only number of bb
  refuse(flipped, "CRC-32");
}

TEST_F(Npz, RefusesZip64AndEncryption) {
  write_npz(path("ok.npz"), {{"a", array_of({1})}});
  const std::string ok = contents(path("ok.npz"));
  const std::size_t central = ok.find("PK\x01\x02");
  const std::size_t end = ok.find("PK\x05\x06");
  const auto refuse = [&](std::size_t at, const std::string& bytes,
                          const std::string& text) {
    std::string bad = ok;
    bad.replace(at, bytes.size(), bytes);
    const auto file = put("bad.npz", bad);
    expect_refused([&] { read_npz(file); }, file.string(), text);
  };
  refuse(central + 24, "\xff\xff\xff\xff", "needs zip64");
  refuse(end + 16, "\xff\xff\xff\xff", "zip64 is not supported");
  refuse(central + 8, "\x01", "encrypted");
  refuse(central + 10, "\x0e", "compression method 14");
  refuse(central + 24, "\x01", "its two sizes differ");
  refuse(central + 42, "\x07", "not where the zip directory says");
}

TEST_F(Npz, SurvivesDamage) {
  EXPECT_GT(damage(kNpzStored, read_npz), 200);
  EXPECT_GT(damage(kNpzDeflated, read_npz), 200);
}

TEST_F(Npz, ReadsTheJudges) {
  const auto file = find_shared_data("classifiers/polymnist_m0.npz");
  if (file.empty()) {
    GTEST_SKIP() << "no classifiers/ in SHALAB_DATA or the shared data";
  }
  const NamedArrays judge = read_npz(file);
  EXPECT_EQ(judge.size(), 8u);
  const Array& weight = judge.at("encoder.0.weight");
  EXPECT_EQ(weight.shape, (Shape{10, 3, 4, 4}));
  EXPECT_EQ(weight.type, ElementType::f32);
  float first = 0;
  std::memcpy(&first, weight.bytes.data(), sizeof(first));
  EXPECT_LT(std::abs(first), 1.0f);
  EXPECT_NE(first, 0.0f);
}

}  // namespace npz_test
}  // namespace shalab::io
