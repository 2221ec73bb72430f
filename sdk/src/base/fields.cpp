#include "shalab/fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "shalab/error.h"
#include "trimmed.h"

namespace shalab {

namespace {

std::string number_text(double value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, end.ptr);
}

std::string joined(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) {
    text += (text.empty() ? "" : ", ") + item;
  }
  return text;
}

bool has_type(const FieldValue& value, FieldType type) {
  switch (type) {
    case FieldType::flag:
      return std::holds_alternative<bool>(value);
    case FieldType::integer:
      return std::holds_alternative<std::int64_t>(value);
    case FieldType::real:
      return std::holds_alternative<double>(value);
    case FieldType::text:
    case FieldType::choice:
      return std::holds_alternative<std::string>(value);
    case FieldType::list:
      return std::holds_alternative<std::vector<std::string>>(value);
  }
  return false;
}

std::optional<std::string> bounds_complaint(const Field& field, double value,
                                            const std::string& got) {
  if (!std::isfinite(value)) return "must be a finite number" + got;
  if (field.minimum && field.minimum_excluded && value <= *field.minimum) {
    return "must be more than " + number_text(*field.minimum) + got;
  }
  if (field.minimum && value < *field.minimum) {
    return "must be at least " + number_text(*field.minimum) + got;
  }
  if (field.maximum && value > *field.maximum) {
    return "must be at most " + number_text(*field.maximum) + got;
  }
  return std::nullopt;
}

std::optional<std::string> choice_complaint(const Field& field,
                                            const std::string& word) {
  if (field.choices.empty() || std::ranges::count(field.choices, word) > 0) {
    return std::nullopt;
  }
  std::string text =
      "must be one of " + joined(field.choices) + ", got '" + word + "'";
  if (const auto near = nearest(word, field.choices)) {
    text += " (did you mean '" + *near + "'?)";
  }
  return text;
}

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

Field& check_numeric(Field& field) {
  SHALAB_CHECK(
      field.type == FieldType::integer || field.type == FieldType::real,
      "bounds on the " + to_string(field.type) + " field " + field.name);
  return field;
}

Field made(std::string name, FieldType type, FieldValue value,
           std::string meaning) {
  Field field;
  field.name = std::move(name);
  field.type = type;
  field.default_value = std::move(value);
  field.meaning = std::move(meaning);
  return field;
}

}  // namespace

std::string to_string(FieldType type) {
  switch (type) {
    case FieldType::flag:
      return "flag";
    case FieldType::integer:
      return "integer";
    case FieldType::real:
      return "real";
    case FieldType::text:
      return "text";
    case FieldType::choice:
      return "choice";
    case FieldType::list:
      return "list";
  }
  return "unknown";
}

std::string to_text(const FieldValue& value) {
  struct Writer {
    std::string operator()(bool x) const { return x ? "true" : "false"; }
    std::string operator()(std::int64_t x) const { return std::to_string(x); }
    std::string operator()(double x) const { return number_text(x); }
    std::string operator()(const std::string& x) const { return x; }
    std::string operator()(const std::vector<std::string>& x) const {
      return joined(x);
    }
  };
  return std::visit(Writer{}, value);
}

Field& Field::at_least(double value) {
  minimum = value;
  minimum_excluded = false;
  return check_numeric(*this);
}

Field& Field::more_than(double value) {
  minimum = value;
  minimum_excluded = true;
  return check_numeric(*this);
}

Field& Field::at_most(double value) {
  maximum = value;
  return check_numeric(*this);
}

Field& Field::range(double low, double high) {
  return at_least(low).at_most(high);
}

Field& Field::in(std::string unit_name) {
  unit = std::move(unit_name);
  return *this;
}

Field& Field::one_of(std::vector<std::string> items) {
  choices = std::move(items);
  return *this;
}

Field& Field::after_training() {
  changes_after_training = true;
  return *this;
}

Field& FieldList::flag(std::string name, bool value, std::string meaning) {
  return add(made(std::move(name), FieldType::flag, value, std::move(meaning)));
}

Field& FieldList::integer(std::string name, std::int64_t value,
                          std::string meaning) {
  return add(
      made(std::move(name), FieldType::integer, value, std::move(meaning)));
}

Field& FieldList::real(std::string name, double value, std::string meaning) {
  return add(made(std::move(name), FieldType::real, value, std::move(meaning)));
}

Field& FieldList::text(std::string name, std::string value,
                       std::string meaning) {
  return add(made(std::move(name), FieldType::text, std::move(value),
                  std::move(meaning)));
}

Field& FieldList::choice(std::string name, std::string value,
                         std::vector<std::string> choices,
                         std::string meaning) {
  return add(made(std::move(name), FieldType::choice, std::move(value),
                  std::move(meaning)))
      .one_of(std::move(choices));
}

Field& FieldList::list(std::string name, std::vector<std::string> value,
                       std::string meaning) {
  return add(made(std::move(name), FieldType::list, std::move(value),
                  std::move(meaning)));
}

Field& FieldList::add(Field field) {
  SHALAB_CHECK(!field.name.empty(), "a field without a name");
  SHALAB_CHECK(find(field.name) == nullptr,
               "field '" + field.name + "' declared twice");
  fields_.push_back(std::move(field));
  return fields_.back();
}

const Field* FieldList::find(const std::string& name) const {
  const auto at = std::ranges::find(fields_, name, &Field::name);
  return at == fields_.end() ? nullptr : &*at;
}

std::vector<std::string> FieldList::names() const {
  std::vector<std::string> all_names;
  for (const Field& field : fields_) all_names.push_back(field.name);
  return all_names;
}

std::optional<std::string> complaint(const Field& field,
                                     const FieldValue& value) {
  const std::string got = ", got " + to_text(value);
  if (!has_type(value, field.type)) {
    return "must be of type " + to_string(field.type) + got;
  }
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return bounds_complaint(field, static_cast<double>(*number), got);
  }
  if (const auto* number = std::get_if<double>(&value)) {
    return bounds_complaint(field, *number, got);
  }
  if (const auto* word = std::get_if<std::string>(&value)) {
    return choice_complaint(field, *word);
  }
  if (const auto* words = std::get_if<std::vector<std::string>>(&value)) {
    for (const std::string& word : *words) {
      if (auto text = choice_complaint(field, word)) return text;
    }
  }
  return std::nullopt;
}

Settings::Settings(const FieldList& fields) : fields_(fields) {
  for (const Field& field : fields_.all()) {
    const auto text = complaint(field, field.default_value);
    SHALAB_CHECK(!text, "default of '" + field.name + "' " + *text);
    values_[field.name] = field.default_value;
  }
}

void Settings::set(const std::string& name, FieldValue value) {
  const Field* field = fields_.find(name);
  if (field == nullptr) {
    std::string hint = "known keys: " + joined(fields_.names());
    if (const auto near = nearest(name, fields_.names())) {
      hint = "did you mean '" + *near + "'? " + hint;
    }
    throw Error(ErrorKind::usage, "unknown key '" + name + "'", hint);
  }
  const auto* whole = std::get_if<std::int64_t>(&value);
  if (field->type == FieldType::real && whole != nullptr) {
    value = static_cast<double>(*whole);
  }
  if (const auto text = complaint(*field, value)) {
    throw Error(ErrorKind::usage, name + ": " + *text, field->meaning);
  }
  values_[name] = std::move(value);
}

bool Settings::has(const std::string& name) const {
  return values_.count(name) > 0;
}

const FieldValue& Settings::value(const std::string& name) const {
  const auto at = values_.find(name);
  SHALAB_CHECK(at != values_.end(), "field '" + name + "' is not declared");
  return at->second;
}

namespace {

template <typename T>
const T& typed(const Settings& settings, const std::string& name) {
  const T* found = std::get_if<T>(&settings.value(name));
  SHALAB_CHECK(found != nullptr,
               "field '" + name + "' has type " +
                   to_string(settings.fields().find(name)->type));
  return *found;
}

}  // namespace

bool Settings::flag(const std::string& name) const {
  return typed<bool>(*this, name);
}

std::int64_t Settings::integer(const std::string& name) const {
  return typed<std::int64_t>(*this, name);
}

double Settings::real(const std::string& name) const {
  return typed<double>(*this, name);
}

const std::string& Settings::text(const std::string& name) const {
  return typed<std::string>(*this, name);
}

const std::vector<std::string>& Settings::list(const std::string& name) const {
  return typed<std::vector<std::string>>(*this, name);
}

std::map<std::string, double> named_numbers(
    const std::vector<std::string>& items, const std::string& key) {
  std::map<std::string, double> numbers;
  for (const std::string& item : items) {
    const auto refuse = [&](const std::string& why) {
      throw Error(ErrorKind::usage, key + ": '" + item + "' " + why,
                  "write items as name:number, such as photo:3, word:10");
    };
    const auto colon = item.rfind(':');
    if (colon == std::string::npos) refuse("has no ':'");
    const std::string name = trimmed(item.substr(0, colon));
    const std::string text = trimmed(item.substr(colon + 1));
    if (name.empty()) refuse("has no name");
    double number = 0.0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      refuse("does not end in a number");
    }
    if (!std::isfinite(number)) refuse("is not finite");
    if (!numbers.emplace(name, number).second) refuse("repeats a name");
  }
  return numbers;
}

std::optional<std::string> nearest(const std::string& word,
                                   const std::vector<std::string>& candidates) {
  std::optional<std::string> best;
  std::size_t best_distance = 2 + word.size() / 4;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

}  // namespace shalab
