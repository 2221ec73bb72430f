#pragma once
// Texts as tokens.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "shalab/fields.h"

namespace shalab::paired_folder {

// Tokens of at most so many symbols are kept as uint8.
inline constexpr std::int64_t kByteSymbols = 256;

struct TextOptions {
  bool has_words = false;      // or characters (of UTF-8)
  std::int64_t length = 0;     // 0 = of the longest training text
  std::int64_t min_count = 1;  // in the training texts
};

TextOptions text_options(const Settings& settings);

struct Tokens {
  at::Tensor data;                      // [N, T], uint8 or int64
  std::vector<std::string> vocabulary;  // padding, "<unk>", symbols sorted
};

// The vocabulary comes from the texts at `training` (int64 [n]) alone: a symbol
// that only others have is <unk>. Padding is the blank for characters and
// "<pad>" for words. Shorter texts are padded at the end, longer ones cut.
Tokens tokens_of(const std::vector<std::string>& texts,
                 const at::Tensor& training, const TextOptions& options);

}  // namespace shalab::paired_folder
