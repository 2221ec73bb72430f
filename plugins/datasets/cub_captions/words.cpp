#include "words.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace shalab::cub_captions {

namespace {

constexpr std::string_view kMarks = ";@#$%&?!*()[]{}<>";
constexpr std::string_view kBeforeOpeningQuote = " ([{<";
constexpr std::string_view kAfterFullStop = "])}>\"'";

// Endings that stand alone, and whole words that are two: "can|not".
constexpr std::string_view kShortEndings[] = {"'s", "'S", "'m",
                                              "'M", "'d", "'D"};
constexpr std::string_view kLongEndings[] = {"'ll", "'LL", "'re", "'RE",
                                             "'ve", "'VE", "n't", "N'T"};
struct Contraction {
  std::string_view word;
  std::size_t cut;
};
constexpr Contraction kContractions[] = {
    {"cannot", 3}, {"gimme", 3}, {"gonna", 3},  {"gotta", 3}, {"lemme", 3},
    {"wanna", 3},  {"d'ye", 1},  {"more'n", 4}, {"'tis", 2},  {"'twas", 2}};

bool is_in(std::string_view set, char c) {
  return set.find(c) != std::string_view::npos;
}

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_word_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string plain(const std::string& caption) {
  std::string text = caption;
  for (char& c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code > 0x7E) c = ' ';
  }
  return text;
}

// What stands alone in the text at one place: `length` characters of it, as
// `word`; length 0 = nothing does.
struct Mark {
  std::size_t length = 0;
  std::string_view word;
};

// A caption without control and non-ASCII characters.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // The text with blanks around all marks.
  std::string separated() const {
    std::string out;
    for (std::size_t i = 0; i < text_.size();) {
      const Mark mark = mark_at(i);
      if (mark.length > 0) {
        out.append(" ").append(mark.word).append(" ");
        i += mark.length;
        continue;
      }
      out += text_[i];
      if (quotes_one_letter(i)) out += ' ';
      ++i;
    }
    return out;
  }

 private:
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : ' '; }
  bool has_pair(std::size_t i) const {
    return i + 1 < text_.size() && text_[i] == text_[i + 1];
  }

  Mark mark_at(std::size_t i) const {
    const char c = text_[i];
    if (is_in(kMarks, c)) return {1, text_.substr(i, 1)};
    switch (c) {
      case '"':
        return {1, i == 0 || opens(i) ? "``" : "''"};
      case '\'':
        return has_pair(i) ? Mark{2, opens(i) ? "``" : "''"} : Mark{};
      case '`':
        return {has_pair(i) ? 2U : 1U, text_.substr(i, has_pair(i) ? 2 : 1)};
      case '-':
        return has_pair(i) ? Mark{2, "--"} : Mark{};
      case ',':
      case ':':
        return is_digit(at(i + 1)) ? Mark{} : Mark{1, text_.substr(i, 1)};
      case '.':
        return full_stops(i);
      default:
        return {};
    }
  }

  bool opens(std::size_t i) const {
    return i > 0 && is_in(kBeforeOpeningQuote, text_[i - 1]);
  }

  Mark full_stops(std::size_t i) const {
    std::size_t end = i;
    while (end < text_.size() && text_[end] == '.') ++end;
    if (end - i > 1) return {end - i, text_.substr(i, end - i)};
    while (end < text_.size() && is_in(kAfterFullStop, text_[end])) ++end;
    return at(end) == ' ' ? Mark{1, "."} : Mark{};
  }

  // 'u' is a quoted letter; 's is not, nor is the apostrophe of o'clock.
  bool quotes_one_letter(std::size_t i) const {
    return text_[i] == '\'' && is_word_character(at(i + 1)) &&
           !is_word_character(at(i + 2)) && !is_in("mtsdn", lower(at(i + 1)));
  }

  std::string_view text_;
};

// Moves an ending of `word`, which must leave something that does not end in
// an apostrophe, to the front of `endings`.
template <typename List>
void cut_ending(const List& list, std::string& word,
                std::vector<std::string>& endings) {
  for (const std::string_view ending : list) {
    if (word.size() <= ending.size() || !word.ends_with(ending)) continue;
    const std::size_t left = word.size() - ending.size();
    if (word[left - 1] == '\'') continue;
    word.resize(left);
    endings.insert(endings.begin(), std::string(ending));
    return;
  }
}

void add(const std::string& word, std::vector<std::string>& words) {
  std::string small = word;
  std::transform(small.begin(), small.end(), small.begin(), lower);
  for (const Contraction& known : kContractions) {
    if (small != known.word) continue;
    words.push_back(word.substr(0, known.cut));
    words.push_back(word.substr(known.cut));
    return;
  }
  words.push_back(word);
}

// A stretch without blanks: an apostrophe at its end, then 's, then 'll.
void add_stretch(std::string stretch, std::vector<std::string>& words) {
  constexpr std::string_view kApostrophe[] = {"'"};
  std::vector<std::string> endings;
  cut_ending(kApostrophe, stretch, endings);
  cut_ending(kShortEndings, stretch, endings);
  cut_ending(kLongEndings, stretch, endings);
  add(stretch, words);
  for (const std::string& ending : endings) add(ending, words);
}

}  // namespace

std::vector<std::string> words_of(const std::string& caption) {
  const std::string text = Scanner(plain(caption)).separated();
  std::vector<std::string> words;
  for (std::size_t i = text.find_first_not_of(' '); i != std::string::npos;) {
    const std::size_t end = std::min(text.find(' ', i), text.size());
    add_stretch(text.substr(i, end - i), words);
    i = text.find_first_not_of(' ', end);
  }
  return words;
}

}  // namespace shalab::cub_captions
