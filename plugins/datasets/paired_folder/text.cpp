#include "text.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>

namespace shalab::paired_folder {

namespace {

constexpr std::int64_t kUnknown = 1;

using Symbols = std::vector<std::string>;

// A byte 10xxxxxx goes on with the character before it.
Symbols characters(const std::string& text) {
  Symbols symbols;
  for (const char c : text) {
    const bool goes_on = (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
    if (goes_on && !symbols.empty()) {
      symbols.back() += c;
    } else {
      symbols.emplace_back(1, c);
    }
  }
  return symbols;
}

Symbols words(std::string text) {
  for (char& c : text) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  std::istringstream stream(text);
  Symbols symbols;
  for (std::string word; stream >> word;) symbols.push_back(word);
  return symbols;
}

std::vector<Symbols> split_texts(const std::vector<std::string>& texts,
                                 const TextOptions& options) {
  std::vector<Symbols> result;
  for (const std::string& text : texts) {
    result.push_back(options.has_words ? words(text) : characters(text));
  }
  return result;
}

// What the training texts say: how often each symbol, and how long they are.
struct Census {
  std::map<std::string, std::int64_t> counts;
  std::int64_t longest = 1;
};

Census census_of(const std::vector<Symbols>& texts,
                 const at::Tensor& training) {
  Census census;
  const auto* index = training.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < training.numel(); ++i) {
    const Symbols& text = texts[static_cast<std::size_t>(index[i])];
    census.longest =
        std::max(census.longest, static_cast<std::int64_t>(text.size()));
    for (const std::string& symbol : text) ++census.counts[symbol];
  }
  return census;
}

Symbols vocabulary_of(const Census& census, const TextOptions& options) {
  const std::string padding = options.has_words ? "<pad>" : " ";
  Symbols vocabulary = {padding, "<unk>"};
  for (const auto& [symbol, count] : census.counts) {
    if (count >= options.min_count && symbol != padding && symbol != "<unk>") {
      vocabulary.push_back(symbol);
    }
  }
  return vocabulary;
}

}  // namespace

TextOptions text_options(const Settings& settings) {
  return {settings.text("text_unit") == "word", settings.integer("text_length"),
          settings.integer("min_count")};
}

Tokens tokens_of(const std::vector<std::string>& texts,
                 const at::Tensor& training, const TextOptions& options) {
  const std::vector<Symbols> split = split_texts(texts, options);
  const Census census = census_of(split, training);
  Tokens tokens;
  tokens.vocabulary = vocabulary_of(census, options);
  std::map<std::string, std::int64_t> places;
  for (const std::string& symbol : tokens.vocabulary) {
    places.emplace(symbol, static_cast<std::int64_t>(places.size()));
  }
  const std::int64_t length =
      options.length > 0 ? options.length : census.longest;
  at::Tensor data =
      at::zeros({static_cast<std::int64_t>(texts.size()), length}, at::kLong);
  auto* row = data.data_ptr<std::int64_t>();
  for (const Symbols& text : split) {
    const std::size_t kept =
        std::min(text.size(), static_cast<std::size_t>(length));
    for (std::size_t t = 0; t < kept; ++t) {
      const auto found = places.find(text[t]);
      row[t] = found == places.end() ? kUnknown : found->second;
    }
    row += length;
  }
  const bool is_small = std::ssize(tokens.vocabulary) <= kByteSymbols;
  tokens.data = is_small ? data.to(at::kByte) : data;
  return tokens;
}

}  // namespace shalab::paired_folder
