#include "shalab/io/safetensors.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>

#include "../io/io_fixture.h"
#include "shalab/error.h"

namespace shalab::io {
namespace safetensors_test {

namespace fs = std::filesystem;

using Tensors = std::map<std::string, at::Tensor>;

// Written by safetensors 0.8.0 (Python) of numpy arrays: weight [[1, 2], [3,
// -4.5]] <f4, count 7 <i8, mask [True, False, True], none (0, 3) <f2; metadata
// {"by": "numpy"}.
const char* const kByPython =
    "10010000000000007b225f5f6d657461646174615f5f223a7b226279223a226e756d7079"
    "227d2c22636f756e74223a7b226474797065223a22493634222c227368617065223a5b5d"
    "2c22646174615f6f666673657473223a5b302c385d7d2c22776569676874223a7b226474"
    "797065223a22463332222c227368617065223a5b322c325d2c22646174615f6f66667365"
    "7473223a5b382c32345d7d2c226e6f6e65223a7b226474797065223a22463136222c2273"
    "68617065223a5b302c335d2c22646174615f6f666673657473223a5b32342c32345d7d2c"
    "226d61736b223a7b226474797065223a22424f4f4c222c227368617065223a5b335d2c22"
    "646174615f6f666673657473223a5b32342c32375d7d7d20202020200700000000000000"
    "0000803f0000004000004040000090c0010001";

std::string from_hex(const std::string& digits) {
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

// The header with its length before it, and `data` after it.
std::string file_of(const std::string& header, const std::string& data = "") {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

std::string entry(const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape +
         R"(,"data_offsets":)" + offsets + "}";
}

class SafetensorsFile : public IoTest {
 protected:
  void SetUp() override {
    IoTest::SetUp();
    file_ = path("a.safetensors");
  }

  fs::path put(const std::string& bytes) const {
    return IoTest::put(file_.filename(), bytes);
  }

  void expect_refused(const std::string& bytes, const std::string& reason) {
    put(bytes);
    try {
      read_safetensors(file_);
      ADD_FAILURE() << "was read; a refusal with '" << reason << "' expected";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_TRUE(error.message().starts_with(file_.string()))
          << error.message();
      EXPECT_NE(error.message().find(reason), std::string::npos)
          << error.message();
    }
  }

  fs::path file_;
};

Tensors one_of_each() {
  Tensors tensors;
  for (const at::ScalarType type :
       {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt,
        at::kShort, at::kChar, at::kByte, at::kBool}) {
    tensors[c10::toString(type)] = at::arange(3).to(type);
  }
  return tensors;
}

TEST_F(SafetensorsFile, KeepsEveryTypeBitByBit) {
  Tensors tensors = one_of_each();
  tensors["scalar"] = at::full({}, -1.5, at::kDouble);
  tensors["empty"] = at::empty({0, 7}, at::kInt);
  write_safetensors(file_, tensors, {{"a", "1"}, {"b \"quoted\"", "\n"}});
  const Safetensors again = read_safetensors(file_);
  ASSERT_EQ(again.tensors.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(again.tensors.at(name).scalar_type(), tensor.scalar_type());
    EXPECT_EQ(again.tensors.at(name).sizes(), tensor.sizes());
    EXPECT_TRUE(at::equal(again.tensors.at(name), tensor)) << name;
  }
  EXPECT_EQ(again.metadata.at("b \"quoted\""), "\n");
}

TEST_F(SafetensorsFile, KeepsNanAndSigns) {
  const at::Tensor odd = at::tensor({NAN, -0.0, INFINITY, 5e-324});
  write_safetensors(file_, {{"odd", odd}});
  const at::Tensor again = read_safetensors(file_).tensors.at("odd");
  EXPECT_EQ(std::memcmp(again.data_ptr(), odd.data_ptr(), odd.nbytes()), 0);
}

TEST_F(SafetensorsFile, MakesStridedTensorsContiguous) {
  const at::Tensor base = at::arange(6, at::kFloat).view({2, 3});
  write_safetensors(file_, {{"t", base.t()}});
  EXPECT_TRUE(at::equal(read_safetensors(file_).tensors.at("t"), base.t()));
}

TEST_F(SafetensorsFile, AlignsEveryTensor) {
  write_safetensors(file_, one_of_each(), {{"odd", "x"}});
  const std::string bytes = contents(file_);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0u);
  // 3 elements of 8, 8, 4, 4, 2, 2, 2, 1, 1, 1 bytes: wide ones come first.
  EXPECT_EQ(bytes.size() - 8 - length, 3u * 33);
  const std::size_t wide = bytes.find("\"F64\"");
  ASSERT_NE(wide, std::string::npos);
  EXPECT_LT(wide, bytes.find("\"F32\""));
  EXPECT_LT(bytes.find("\"F32\""), bytes.find("\"BF16\""));
  EXPECT_LT(bytes.find("\"BF16\""), bytes.find("\"U8\""));
}

TEST_F(SafetensorsFile, ReadsWhatThePythonLibraryWrites) {
  const Safetensors file = read_safetensors(put(from_hex(kByPython)));
  EXPECT_EQ(file.metadata.at("by"), "numpy");
  const at::Tensor weight = file.tensors.at("weight");
  EXPECT_EQ(weight.sizes(), (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(weight[1][1].item<float>(), -4.5f);
  EXPECT_EQ(file.tensors.at("count").item<std::int64_t>(), 7);
  EXPECT_EQ(file.tensors.at("mask").sum().item<std::int64_t>(), 2);
  EXPECT_EQ(file.tensors.at("none").sizes(), (std::vector<std::int64_t>{0, 3}));
}

TEST_F(SafetensorsFile, RefusesWhatItCannotWrite) {
  const Tensors complex = {{"c", at::zeros({1}, at::kComplexFloat)}};
  EXPECT_THROW(write_safetensors(file_, complex), Error);
  EXPECT_THROW(write_safetensors(file_, {{"u", at::Tensor()}}), Error);
  EXPECT_THROW(write_safetensors(file_, {{"__metadata__", at::zeros({1})}}),
               Error);
  EXPECT_THROW(write_safetensors(file_, {{"\xff", at::zeros({1})}}), Error);
  EXPECT_THROW(write_safetensors(path("no") / "a", {}), Error);
}

TEST_F(SafetensorsFile, RefusesAWrongHeaderLength) {
  expect_refused("", "shorter than 8 bytes");
  expect_refused(std::string(8, '\0'), "must begin with {");
  expect_refused(std::string(8, '\xff') + "{}", "the header says it has");
  expect_refused(file_of("{}").substr(0, 9), "the header says it has 2 bytes");
  std::string large(8, '\0');
  large[3] = '\x06';  // 6 * 2^24 = 100,663,296 > 100,000,000
  put(large);
  fs::resize_file(file_, 100'700'000);  // sparse
  EXPECT_THROW(read_safetensors(file_), Error);
}

TEST_F(SafetensorsFile, RefusesAnythingAroundTheHeader) {
  EXPECT_TRUE(read_safetensors(put(file_of("{}     "))).tensors.empty());
  expect_refused(file_of(" {}"), "must begin with {");
  expect_refused(file_of("\xef\xbb\xbf{}"), "must begin with {");
  expect_refused(file_of("{}\n"), "must begin with { and end with }");
  expect_refused(file_of(std::string("{}\0", 3)), "end with }");
  expect_refused(file_of(std::string("{}\0}", 4)), "NUL");
  expect_refused(file_of("{}{}"), "not JSON");
  expect_refused(file_of("{} x}"), "not JSON");
}

TEST_F(SafetensorsFile, RefusesAnotherStructure) {
  const std::string good = entry("U8", "[1]", "[0,1]");
  const auto refuse = [&](const std::string& header, const std::string& why) {
    expect_refused(file_of(header, "x"), why);
  };
  EXPECT_EQ(read_safetensors(put(file_of(R"({"a":)" + good + "}", "x")))
                .tensors.at("a")
                .item<int>(),
            'x');
  refuse(R"({"a":)" + good + R"(,"a":)" + good + "}",
         "'a': stands there twice");
  refuse(R"({"a":1})", "a number is out of place");
  refuse(R"({"a":[]})", "an array is out of place");
  refuse(R"({"a":{"dtype":"U8","dtype":"U8"}})", "'dtype' stands there twice");
  refuse(R"({"a":{"dtype":"U8","shape":[1]}})", "is missing");
  refuse(R"({"a":{"colour":"U8"}})", "unknown key 'colour'");
  refuse(R"({"a":{"dtype":{}}})", "too deep");
  refuse(R"({"a":{"shape":[[1]]}})", "an array is out of place");
  refuse(R"({"a":{"shape":"1"}})", "a text is out of place");
  refuse(R"({"a":{"dtype":null}})", "null");
  refuse(R"({"a":{"dtype":true}})", "truth value");
  refuse(R"({"a":)" + entry("U8", "[1]", "[0,1,1]") + "}", "two numbers");
  refuse(R"({"a":)" + entry("U8", "[1]", "[1]") + "}", "two numbers");
  refuse(R"({"__metadata__":{"k":1}})", "a number is out of place");
  refuse(R"({"__metadata__":{"k":"1","k":"2"}})", "twice");
  refuse(R"({"__metadata__":{},"__metadata__":{}})", "twice");
  refuse("{\"\xff\":{}}", "not JSON");
}

TEST_F(SafetensorsFile, RefusesNestingOfAnyDepth) {
  const std::string deep(200'000, '[');
  expect_refused(file_of(R"({"a":{"shape":)" + deep + "}"), "out of place");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"dtype":)";
  expect_refused(file_of(R"({"a":)" + objects + "}"), "too deep");
}

TEST_F(SafetensorsFile, RefusesNumbersThatDoNotFit) {
  const auto refuse = [&](const std::string& shape, const std::string& offsets,
                          const std::string& why) {
    expect_refused(file_of(R"({"a":)" + entry("F64", shape, offsets) + "}"),
                   why);
  };
  refuse("[-1]", "[0,0]", "negative");
  refuse("[1.0]", "[0,8]", "not an unsigned integer");
  refuse("[18446744073709551616]", "[0,0]", "not an unsigned integer");
  refuse("[18446744073709551615]", "[0,0]", "above 2^63");
  refuse("[2305843009213693952]", "[0,0]", "overflows");
  refuse("[0,4611686018427387904,4]", "[0,0]", "overflows");
  std::string many = "[1";
  for (int i = 0; i < 32; ++i) many += ",1";
  refuse(many + "]", "[0,8]", "above 32 dimensions");
}

TEST_F(SafetensorsFile, RefusesTensorsThatDoNotTileTheFile) {
  const auto refuse = [&](const std::string& a, const std::string& b,
                          const std::string& why) {
    expect_refused(file_of(R"({"a":)" + a + R"(,"b":)" + b + "}", "12345678"),
                   why);
  };
  const std::string whole = entry("U8", "[8]", "[0,8]");
  const std::string front = entry("F32", "[1]", "[0,4]");
  const std::string back = entry("F32", "[1]", "[4,8]");
  EXPECT_EQ(
      read_safetensors(put(file_of(R"({"b":)" + back + R"(,"a":)" + front + "}",
                                   "12345678")))
          .tensors.size(),
      2u);
  refuse(whole, back, "the one before it ends at 8");
  refuse(front, entry("U8", "[3]", "[5,8]"), "the one before it ends at 4");
  refuse(front, front, "begins at 0");
  refuse(front, entry("U8", "[3]", "[4,7]"), "1 bytes follow");
  refuse(front, entry("U8", "[5]", "[4,9]"), "ends at 9 of 8 bytes");
  refuse(front, entry("U8", "[1]", "[4,2]"), "ends at 2 of 8 bytes");
  refuse(front, entry("U8", "[3]", "[4,8]"),
         "has 4 bytes, its shape asks for 3");
  refuse(front, entry("F8_E4M3", "[4]", "[4,8]"), "unknown dtype 'F8_E4M3'");
  refuse(front, entry("BOOL", "[4]", "[4,8]"), "neither 0 nor 1");
}

TEST_F(SafetensorsFile, SurvivesTwoThousandMutations) {
  write_safetensors(file_, one_of_each(), {{"key", "value"}});
  const std::vector<std::string> originals = {contents(file_),
                                              from_hex(kByPython)};
  std::mt19937 engine(2);
  int num_refused = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = originals[static_cast<std::size_t>(i) % 2];
    const auto draw = [&](std::size_t below) { return engine() % below; };
    for (std::size_t n = 1 + draw(3); n-- > 0;) {
      const std::size_t at = draw(bytes.size());
      switch (draw(5)) {
        case 0:
          bytes.resize(1 + at);
          break;
        case 1:
          bytes.insert(at, 1 + draw(9), "[{\"9 ,}]\xff"[draw(9)]);
          break;
        case 2:
          bytes.erase(at, 1 + draw(std::min<std::size_t>(9, bytes.size() - 1)));
          bytes += ' ';
          break;
        case 3:
          bytes[at] = "0123456789[]{}\",:"[draw(17)];
          break;
        default:
          bytes[at] ^= static_cast<char>(1 << draw(8));
      }
    }
    try {
      for (const auto& [name, tensor] : read_safetensors(put(bytes)).tensors) {
        EXPECT_LE(tensor.nbytes(), bytes.size()) << name;
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data) << error.what();
      ++num_refused;
    }
  }
  EXPECT_GT(num_refused, 1000);
  EXPECT_LT(num_refused, 2000);
}

}  // namespace safetensors_test
}  // namespace shalab::io
