#pragma once
// Captions as rows of token ids, as MMVAE makes them.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace shalab::cub_captions {

inline constexpr std::int64_t kLength = 32;  // T: tokens of every caption
inline constexpr std::int32_t kUnknown = 0;
inline constexpr std::int32_t kPadding = 1;
inline constexpr std::int32_t kEnd = 2;

using Words = std::vector<std::string>;

class Vocabulary {
 public:
  // <exc>, <pad>, <eos>, then the words that `captions` hold at least
  // `min_count` times together, in order of their first occurrence.
  Vocabulary(const std::vector<const Words*>& captions, std::int64_t min_count);

  // By id.
  const std::vector<std::string>& symbols() const { return symbols_; }

  // The first 31 words, <eos>, and <pad> up to 32; a word not in the
  // vocabulary is <exc>. Writes kLength ids.
  void encode(const Words& caption, std::int32_t* ids) const;

 private:
  std::vector<std::string> symbols_;
  std::map<std::string, std::int32_t> ids_;
};

}  // namespace shalab::cub_captions
