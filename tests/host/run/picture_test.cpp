#include "run/picture.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace shalab {
namespace picture_test {

ModalitySpec text_of(std::vector<std::string> vocabulary, std::int64_t length) {
  ModalitySpec spec;
  spec.name = "text";
  spec.kind = ModalityKind::tokens;
  spec.shape = {length};
  spec.vocabulary = std::move(vocabulary);
  return spec;
}

at::Tensor tokens(const std::vector<std::int64_t>& values) {
  return at::tensor(values, at::kLong);
}

TEST(TokenText, LettersStandSideBySide) {
  const auto spec = text_of({" ", "a", "b", "<unk>"}, 5);
  EXPECT_EQ(token_text(tokens({1, 2, 0, 1, 0}), spec), "ab a");
}

TEST(TokenText, WordsHaveBlanksAndEndAtTheMark) {
  const auto spec = text_of({"<pad>", "<eos>", "a", "red", "bird"}, 6);
  EXPECT_EQ(token_text(tokens({2, 3, 4, 1, 0, 0}), spec), "a red bird");
  EXPECT_EQ(token_text(tokens({2, 0, 4, 1, 3, 3}), spec), "a bird");
}

std::int64_t height_of(const ModalitySpec& spec, const at::Tensor& sample) {
  return draw_grid({{&spec, sample.unsqueeze(0), false, {}}}, 1)->height;
}

TEST(DrawGrid, GivesWordsSeveralLines) {
  const auto letters = text_of({" ", "a"}, 4);
  const auto words = text_of({"<pad>", "<eos>", "red", "bird"}, 4);
  EXPECT_GT(height_of(words, tokens({2, 3, 1, 0})),
            2 * height_of(letters, tokens({1, 0, 1, 1})));
}

TEST(DrawGrid, CutsWhatHasNoRoom) {
  const auto spec = text_of({"<pad>", "<eos>", std::string(40, 'w')}, 30);
  const auto image = draw_grid({{&spec, at::full({1, 30}, 2, at::kLong), false, {}}}, 1);
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->pixels.size(),
            static_cast<std::size_t>(image->width * image->height * 3));
}

}  // namespace picture_test
}  // namespace shalab
