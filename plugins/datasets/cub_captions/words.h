#pragma once
// English captions in words, by the rules of the Penn Treebank (Marcus et al.
// 1993) as NLTK's word_tokenize applies them.

#include <string>
#include <vector>

namespace shalab::cub_captions {

// Punctuation marks, runs of full stops, "n't", "'s" and their like stand
// alone, "cannot" is two words, quotation marks become `` and ''. A single full
// stop stands alone where a blank or the end follows: there is no list of
// abbreviations. Case is kept. A run of bytes beyond ASCII, tabs included,
// reads as a blank. [any thread]
std::vector<std::string> words_of(const std::string& caption);

}  // namespace shalab::cub_captions
