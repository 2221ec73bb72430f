#include "base/digest.h"

#include <gtest/gtest.h>

#include <fstream>

#include "shalab/error.h"

namespace shalab {
namespace digest_test {

// FIPS 180-4 and NIST CAVP vectors.
TEST(Sha256, EqualsThePublishedVectors) {
  EXPECT_EQ(sha256_hex(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(
      sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnThePieces) {
  const std::string text(300, 'x');
  for (const std::size_t size : {1, 7, 55, 63, 64, 65, 128, 299}) {
    Sha256 digest;
    for (std::size_t at = 0; at < text.size(); at += size) {
      digest.update(std::string_view(text).substr(at, size));
    }
    EXPECT_EQ(digest.hex(), sha256_hex(text)) << size;
  }
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
  const auto path =
      std::filesystem::path(testing::TempDir()) / "shalab_digest_test.bin";
  const std::string bytes(200'000, 'q');
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(sha256_file(path), sha256_hex(bytes));
  std::ofstream(path, std::ios::trunc).close();
  EXPECT_EQ(sha256_file(path), sha256_hex(""));
  std::filesystem::remove(path);
}

TEST(Sha256, RefusesAnUnreadableFile) {
  for (const char* path : {"/nonexistent/file", "/"}) {
    try {
      sha256_file(path);
      FAIL() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_NE(error.message().find(path), std::string::npos);
    }
  }
}

}  // namespace digest_test
}  // namespace shalab
