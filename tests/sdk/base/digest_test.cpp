#include "shalab/digest.h"

#include <gtest/gtest.h>

#include <set>

namespace shalab {
namespace digest_test {

std::string digest(const std::string& text) {
  return Digest64().add(text).hex();
}

TEST(Digest64, HasSixteenHexadecimalDigits) {
  const std::string text = digest("abc");
  EXPECT_EQ(text.size(), 16U);
  EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(digest("abc"), text);
}

TEST(Digest64, TellsEveryBitAndEveryLengthApart) {
  std::set<std::string> seen;
  const std::string base(20, '\0');
  for (std::size_t length = 0; length <= base.size(); ++length) {
    seen.insert(digest(base.substr(0, length)));
  }
  for (std::size_t bit = 0; bit < 8 * base.size(); ++bit) {
    std::string changed = base;
    changed[bit / 8] = static_cast<char>(1U << (bit % 8));
    seen.insert(digest(changed));
  }
  EXPECT_EQ(seen.size(), 21U + 160U);
}

TEST(Digest64, CountsTheCutIntoPieces) {
  EXPECT_NE(Digest64().add("a").add("b").hex(), digest("ab"));
  EXPECT_NE(Digest64().add("ab").add("").hex(), digest("ab"));
}

}  // namespace digest_test
}  // namespace shalab
