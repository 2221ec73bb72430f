#include "digit_words.h"

#include <ATen/ops/full.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace shalab::mnist_svhn {

namespace {

constexpr std::int64_t kLength = 8;
constexpr std::string_view kSymbols =
    "abcdefghijklmnopqrstuvwxyz0123456789"
    "-,;.!?:'\"\\/|_@#$%^&*~`+-=<>()[]{} \n";
static_assert(kSymbols.size() == 71);
constexpr std::string_view kWords[] = {"zero", "one", "two",   "three", "four",
                                       "five", "six", "seven", "eight", "nine"};

std::uint8_t token(char symbol) {
  return static_cast<std::uint8_t>(kSymbols.find(symbol));
}

}  // namespace

ModalitySpec text_spec() {
  ModalitySpec spec{.name = "text",
                    .kind = ModalityKind::tokens,
                    .shape = {kLength},
                    .vocabulary = {},
                    .default_likelihood = "categorical"};
  for (const char symbol : kSymbols) spec.vocabulary.emplace_back(1, symbol);
  return spec;
}

at::Tensor write_words(const at::Tensor& labels, RecipeStream& stream) {
  const std::int64_t size = labels.numel();
  at::Tensor words = at::full({size, kLength}, token(' '), at::kByte);
  const auto* label = labels.data_ptr<std::int64_t>();
  auto* row = words.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < size; ++i, row += kLength) {
    const std::string_view word = kWords[label[i]];
    const std::int64_t starts =
        kLength - static_cast<std::int64_t>(word.size());
    std::transform(word.begin(), word.end(), row + stream.below(starts), token);
  }
  return words;
}

}  // namespace shalab::mnist_svhn
