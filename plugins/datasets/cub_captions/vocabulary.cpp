#include "vocabulary.h"

#include <algorithm>

namespace shalab::cub_captions {

Vocabulary::Vocabulary(const std::vector<const Words*>& captions,
                       std::int64_t min_count)
    : symbols_{"<exc>", "<pad>", "<eos>"} {
  std::map<std::string, std::int64_t> counts;
  std::vector<const std::string*> in_order;
  for (const Words* caption : captions) {
    for (const std::string& word : *caption) {
      if (++counts[word] == 1) in_order.push_back(&word);
    }
  }
  for (const std::string* word : in_order) {
    if (counts[*word] < min_count) continue;
    ids_[*word] = static_cast<std::int32_t>(symbols_.size());
    symbols_.push_back(*word);
  }
}

void Vocabulary::encode(const Words& caption, std::int32_t* ids) const {
  std::fill_n(ids, kLength, kPadding);
  const std::size_t kept = std::min<std::size_t>(caption.size(), kLength - 1);
  for (std::size_t t = 0; t < kept; ++t) {
    const auto found = ids_.find(caption[t]);
    ids[t] = found == ids_.end() ? kUnknown : found->second;
  }
  ids[kept] = kEnd;
}

}  // namespace shalab::cub_captions
