#include <gtest/gtest.h>

#include <cstring>

#include "files_of_others.h"
#include "io_fixture.h"
#include "shalab/io/arrays.h"

namespace shalab::io {
namespace npy_test {

using Npy = IoTest;
using Shape = std::vector<std::int64_t>;

template <typename T>
std::vector<T> values(const Array& array) {
  std::vector<T> out(array.bytes.size() / sizeof(T));
  std::memcpy(out.data(), array.bytes.data(), array.bytes.size());
  return out;
}

std::string npy(const std::string& header, const std::string& data = "") {
  std::string bytes("\x93NUMPY\x01\0", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header + data;
}

TEST_F(Npy, ReadsWhatNumpyWrites) {
  const Array floats = read_npy(put("f", kNpyFloats));
  EXPECT_EQ(floats.type, ElementType::f32);
  EXPECT_EQ(floats.shape, (Shape{2, 3}));
  EXPECT_EQ(values<float>(floats), (std::vector<float>{1, 2, 3, 4, 5, -6.5f}));
  const Array scalar = read_npy(put("s", kNpyScalar));
  EXPECT_EQ(scalar.shape, Shape{});
  EXPECT_EQ(values<std::int64_t>(scalar), std::vector<std::int64_t>{7});
  const Array flags = read_npy(put("b", kNpyVersion2Bool));
  EXPECT_EQ(flags.type, ElementType::boolean);
  EXPECT_EQ(flags.bytes, (std::vector{std::byte{1}, std::byte{0}}));
}

TEST_F(Npy, ConvertsFortranOrder) {
  const Array array = read_npy(put("f", kNpyFortran));
  EXPECT_EQ(array.shape, (Shape{2, 3, 4}));
  const std::vector<std::int32_t> numbers = values<std::int32_t>(array);
  for (std::int32_t i = 0; i < 24; ++i) EXPECT_EQ(numbers[i], i);
}

TEST_F(Npy, WritesTheBytesOfNumpy) {
  for (const std::string& bytes : {kNpyFloats, kNpyScalar}) {
    const Array array = read_npy(put("numpy", bytes));
    write_npy(path("ours"), array);
    EXPECT_EQ(contents(path("ours")), bytes);
  }
}

TEST_F(Npy, KeepsEveryTypeAndShape) {
  for (const ElementType type :
       {ElementType::u8, ElementType::i32, ElementType::i64, ElementType::f32,
        ElementType::f64, ElementType::boolean}) {
    for (const Shape& shape :
         {Shape{}, Shape{3}, Shape{0, 4}, Shape{2, 1, 3}}) {
      Array array{type, shape, {}};
      array.bytes.resize(static_cast<std::size_t>(array.numel()) *
                         element_size(type));
      for (std::size_t i = 0; i < array.bytes.size(); ++i) {
        array.bytes[i] = static_cast<std::byte>(i % 2);
      }
      write_npy(path("a.npy"), array);
      const Array again = read_npy(path("a.npy"));
      EXPECT_EQ(again.type, type);
      EXPECT_EQ(again.shape, shape);
      EXPECT_EQ(again.bytes, array.bytes);
    }
  }
}

TEST_F(Npy, RefusesWhatDoesNotFit) {
  const auto refuse = [&](const std::string& bytes, const std::string& text) {
    const auto file = put("bad.npy", bytes);
    expect_refused([&] { read_npy(file); }, file.string(), text);
  };
  const std::string end = "'fortran_order': False, 'shape': ";
  refuse("", "wrong magic");
  refuse("PK\x03\x04 a zip file", "wrong magic");
  refuse(kNpyFloats.substr(0, 9), "header is truncated");
  refuse(kNpyFloats.substr(0, 60), "more than there are");
  refuse(kNpyFloats.substr(0, kNpyFloats.size() - 1), "asks for 24 bytes, 23");
  refuse(kNpyFloats + "x", "asks for 24 bytes, 25 follow");
  refuse(npy("{'descr': '>f4', " + end + "(1,)}", "1234"), "'>f4'");
  refuse(npy("{'descr': '|O', " + end + "(1,)}", "1234"), "'|O'");
  refuse(npy("{'descr': '|b1', " + end + "(1,)}", "\2"), "neither 0 nor 1");
  refuse(npy("{'descr': '|u1', " + end + "(-1,)}"), "dimension from 0");
  refuse(npy("{'descr': '|u1', " + end + "(9223372036854775808,)}"),
         "dimension from 0");
  refuse(npy("{'descr': '<f8', " + end + "(4611686018427387904, 4)}"),
         "overflows");
  refuse(npy("{'descr': '|u1', " + end + "(0, 9223372036854775807, 2)}"),
         "overflows");
  refuse(npy("{'descr': '|u1', " + end + "(0, 9223372036854775807,)} x"),
         "text follows");
  refuse(npy("{'descr': '|u1', 'descr': '|u1', " + end + "(0,)}"), "twice");
  refuse(npy("{'descr': '|u1'}"), "is missing");
  refuse(npy("{'descr': '|u1', 'more': 1}"), "unknown key");
  refuse(npy("{'descr': '|u1"), "does not end");
}

TEST_F(Npy, RefusesAnUnknownVersion) {
  std::string bytes = kNpyFloats;
  bytes[6] = 9;
  const auto file = put("new.npy", bytes);
  expect_refused([&] { read_npy(file); }, file.string(), "version 9.0");
}

TEST_F(Npy, SurvivesDamage) {
  EXPECT_GT(damage(kNpyFloats, read_npy), 200);
  EXPECT_GT(damage(kNpyFortran, read_npy), 100);
  EXPECT_GT(damage(kNpyVersion2Bool, read_npy), 200);
}

TEST_F(Npy, SaysWhyItCannotWrite) {
  const Array array{ElementType::u8, {1}, {std::byte{1}}};
  const auto file = path("no/such/folder.npy");
  expect_refused([&] { write_npy(file, array); }, file.string(),
                 "No such file or directory");
}

TEST_F(Npy, LeavesTheOldFileAlone) {
  const Array wrong{ElementType::f32, {2}, {std::byte{1}}};
  put("kept.npy", "old");
  EXPECT_THROW(write_npy(path("kept.npy"), wrong), Error);
  EXPECT_EQ(contents(path("kept.npy")), "old");
}

}  // namespace npy_test
}  // namespace shalab::io
