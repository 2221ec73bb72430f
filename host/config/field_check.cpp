#include "config/field_check.h"

#include <algorithm>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>

#include "config/config_file.h"

namespace shalab {

namespace {

namespace po = boost::program_options;

template <typename T>
std::optional<T> converted(const std::vector<std::string>& words) {
  po::options_description description;
  description.add_options()("value", po::value<T>());
  po::parsed_options parsed(&description, 0);
  po::option option("value", words);
  parsed.options.push_back(option);
  po::variables_map values;
  try {
    po::store(parsed, values);
  } catch (const po::error&) {
    return std::nullopt;
  }
  return values["value"].as<T>();
}

template <typename T>
ParsedValue typed(const std::string& text, const std::string& what) {
  const std::optional<T> value = converted<T>({text});
  if (value) return {FieldValue(*value), ""};
  return {std::nullopt, "must be " + what + ", got '" + text + "'"};
}

ParsedValue list_of(const std::string& text) {
  if (text.empty()) return {FieldValue(std::vector<std::string>{}), ""};
  std::vector<std::string> items;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    items.push_back(trimmed(text.substr(start, comma - start)));
    start = comma + 1;
  }
  if (std::ranges::count(items, std::string()) > 0) {
    return {std::nullopt, "has an empty item in '" + text + "'"};
  }
  return {FieldValue(*converted<std::vector<std::string>>(items)), ""};
}

ParsedValue by_type(const Field& field, const std::string& text) {
  switch (field.type) {
    case FieldType::flag:
      return typed<bool>(text, "true or false");
    case FieldType::integer:
      return typed<std::int64_t>(text, "an integer");
    case FieldType::real:
      return typed<double>(text, "a number");
    case FieldType::list:
      return list_of(text);
    case FieldType::text:
    case FieldType::choice:
      break;
  }
  return {FieldValue(text), ""};
}

bool may_be_empty(const Field& field) {
  if (field.type == FieldType::list) return true;
  const auto* text = std::get_if<std::string>(&field.default_value);
  return text != nullptr && text->empty();
}

std::string bounds_text(const Field& field) {
  std::string text;
  if (field.minimum) {
    text += field.minimum_excluded ? ", more than " : ", at least ";
    text += to_text(*field.minimum);
  }
  if (field.maximum) text += ", at most " + to_text(*field.maximum);
  if (!field.choices.empty()) text += " of " + to_text(field.choices);
  return text;
}

}  // namespace

ParsedValue parse_value(const Field& field, const std::string& text) {
  if (text.empty() && !may_be_empty(field)) {
    return {std::nullopt, "must not be empty"};
  }
  ParsedValue parsed = by_type(field, text);
  if (!parsed.value) return parsed;
  if (const auto why = complaint(field, *parsed.value)) {
    return {std::nullopt, *why};
  }
  return parsed;
}

std::string describe(const Field& field) {
  std::string text = to_string(field.type) + bounds_text(field);
  if (!field.unit.empty()) text += ", in " + field.unit;
  const std::string value = to_text(field.default_value);
  text += "; default " + (value.empty() ? "empty" : value);
  return text + ": " + field.meaning;
}

}  // namespace shalab
