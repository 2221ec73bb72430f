#include "command/engine/arguments.h"

#include <charconv>
#include <cmath>

#include "config/override.h"
#include "shalab/error.h"
#include "shalab/fields.h"

namespace shalab {

namespace {

[[noreturn]] void refuse(const std::string& message, const std::string& hint) {
  throw Error(ErrorKind::usage, message, hint);
}

std::string known_options(const std::string& word,
                          const std::map<std::string, std::string>& options) {
  std::vector<std::string> names;
  std::string text;
  for (const auto& [name, value] : options) {
    names.push_back(name);
    text += (text.empty() ? "" : ", ") + name;
  }
  const auto near = nearest(word, names);
  return (near ? "did you mean " + *near + "? " : std::string()) +
         (text.empty() ? "this command has no options of its own"
                       : "options: " + text);
}

template <typename Number>
Number parsed(const std::string& option, const std::string& text) {
  Number number{};
  const char* last = text.data() + text.size();
  const auto result = std::from_chars(text.data(), last, number);
  if (result.ec != std::errc() || result.ptr != last) {
    refuse(option + ": '" + text + "' is not a number", "write a number");
  }
  return number;
}

}  // namespace

Arguments::Arguments(const std::vector<std::string>& words,
                     const std::map<std::string, std::string>& options) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    if (word.size() < 2 || word[0] != '-') {
      (looks_like_override(word) ? overrides_ : positionals_).push_back(word);
      continue;
    }
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    const auto known = options.find(name);
    if (known == options.end()) {
      refuse("unknown option '" + name + "'", known_options(name, options));
    }
    if (known->second.empty()) {
      values_[name] = {"true"};
    } else if (equals != std::string::npos) {
      values_[name].push_back(word.substr(equals + 1));
    } else if (i + 1 < words.size()) {
      values_[name].push_back(words[++i]);
    } else {
      refuse("option " + name + " needs a value", name + " " + known->second);
    }
  }
}

bool Arguments::has(const std::string& option) const {
  return values_.contains(option);
}

const std::vector<std::string>& Arguments::all(
    const std::string& option) const {
  static const std::vector<std::string> none;
  const auto found = values_.find(option);
  return found == values_.end() ? none : found->second;
}

std::string Arguments::text(const std::string& option,
                            const std::string& otherwise) const {
  const auto& values = all(option);
  if (values.size() > 1) {
    refuse("option " + option + " is given twice", "give it once");
  }
  return values.empty() ? otherwise : values.front();
}

std::int64_t Arguments::integer(const std::string& option,
                                std::int64_t otherwise,
                                std::int64_t minimum) const {
  if (!has(option)) {
    return otherwise;
  }
  const auto value = parsed<std::int64_t>(option, text(option));
  if (value < minimum) {
    refuse(option + ": must be at least " + std::to_string(minimum),
           "got " + text(option));
  }
  return value;
}

double Arguments::real(const std::string& option, double otherwise, double low,
                       double high) const {
  if (!has(option)) {
    return otherwise;
  }
  const auto value = parsed<double>(option, text(option));
  if (!std::isfinite(value) || value < low || value > high) {
    refuse(option + ": must be between " + to_text(FieldValue(low)) + " and " +
               to_text(FieldValue(high)),
           "got " + text(option));
  }
  return value;
}

const std::string& Arguments::only(const std::string& what,
                                   const std::string& usage) const {
  if (positionals_.size() != 1) {
    refuse(positionals_.empty() ? what + " is missing"
                                : "unexpected '" + positionals_[1] + "'",
           "usage: " + usage);
  }
  return positionals_.front();
}

}  // namespace shalab
