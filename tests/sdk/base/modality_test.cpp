#include "shalab/modality.h"

#include <gtest/gtest.h>

#include "shalab/error.h"

namespace shalab {
namespace modality_test {

std::vector<ModalitySpec> trio() {
  ModalitySpec photo, word, sound;
  photo.name = "photo";
  photo.kind = ModalityKind::image;
  photo.shape = {3, 28, 28};
  word.name = "word";
  word.kind = ModalityKind::tokens;
  word.shape = {8};
  word.vocabulary = {"a", "b"};
  sound.name = "sound";
  sound.shape = {16};
  return {photo, word, sound};
}

std::string parse_error(const std::string& text) {
  try {
    ModalitySubset::parse(text, trio());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "nothing was thrown";
}

TEST(ModalitySpec, CountsItsElements) {
  EXPECT_EQ(trio()[0].numel(), 2352);  // 3 * 28 * 28
  EXPECT_EQ(trio()[1].vocabulary_size(), 2);
  EXPECT_EQ(to_string(trio()[1].kind), "tokens");
}

TEST(ModalitySubset, TextIsInDeclaredOrder) {
  const auto subset = ModalitySubset::parse("sound+photo", trio());
  EXPECT_EQ(subset.bits(), 0b101U);
  EXPECT_EQ(subset.text(trio()), "photo+sound");
  EXPECT_EQ(subset.size(), 2U);
  EXPECT_EQ(subset.indices(), (std::vector<std::size_t>{0, 2}));
}

TEST(ModalitySubset, TextAndParseAreInverse) {
  for (std::uint64_t bits = 0; bits < 8; ++bits) {
    ModalitySubset subset;
    for (std::size_t i = 0; i < 3; ++i) {
      if ((bits >> i) & 1U) subset = subset.with(i);
    }
    EXPECT_EQ(ModalitySubset::parse(subset.text(trio()), trio()), subset);
  }
}

TEST(ModalitySubset, KnowsNoneAndAll) {
  EXPECT_TRUE(ModalitySubset::parse("", trio()).empty());
  EXPECT_TRUE(ModalitySubset::parse("none", trio()).empty());
  EXPECT_EQ(ModalitySubset::parse("all", trio()), ModalitySubset::all(3));
  EXPECT_EQ(ModalitySubset::all(64).size(), 64U);
  EXPECT_EQ(ModalitySubset::all(0), ModalitySubset::none());
}

TEST(ModalitySubset, AddsAndRemoves) {
  const auto subset = ModalitySubset::only(1).with(63).without(1);
  EXPECT_FALSE(subset.contains(1));
  EXPECT_TRUE(subset.contains(63));
  EXPECT_THROW(subset.with(64), Error);
  EXPECT_THROW(ModalitySubset::all(65), Error);
}

TEST(ModalitySubset, RefusesUnknownRepeatedAndEmptyNames) {
  EXPECT_NE(parse_error("photo+wrd").find("did you mean 'word'"),
            std::string::npos);
  EXPECT_NE(parse_error("photo+photo").find("twice"), std::string::npos);
  EXPECT_NE(parse_error("photo+").find("no modality ''"), std::string::npos);
  EXPECT_NE(parse_error("+").find("no modality ''"), std::string::npos);
}

TEST(ModalityIndex, SaysWhereAndWhatIsKnown) {
  EXPECT_EQ(modality_index(trio(), "sound", "--input"), 2U);
  try {
    modality_index(trio(), "image", "--input");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "--input: no modality 'image'");
    EXPECT_EQ(error.hint(), "modalities: photo word sound");
  }
}

}  // namespace modality_test
}  // namespace shalab
