#pragma once
// A config key declared once.
//
// A plugin (or the host, for its own sections) lists its keys in a FieldList.
// From that list come parsing, checking, `plugins show`, the reference page
// and the canonical text that is hashed. No other place knows a key's default.
//
//   FieldList fields;
//   fields.integer("components", 40, "number of mixture components")
//       .at_least(1);
//   fields.choice("covariance", "full", {"full", "diagonal"}, "shape of ...");
//   fields.real("guidance", 1.0, "0 = unconditional, 1 = conditional")
//       .at_least(0).after_training();

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace shalab {

enum class FieldType { flag, integer, real, text, choice, list };

// "flag", "integer", ...: as printed by `plugins show` and stored in JSON.
std::string to_string(FieldType type);

// A list is written `a, b, c`; an empty text is the empty list.
using FieldValue = std::variant<bool, std::int64_t, double, std::string,
                                std::vector<std::string>>;

// The canonical text of a value: what `parse` would read back to the same
// value (booleans true/false, shortest round-trip reals, lists "a, b").
std::string to_text(const FieldValue& value);

struct Field {
  std::string name;
  FieldType type = FieldType::text;
  FieldValue default_value;
  std::string meaning;               // one sentence, no full stop needed
  std::string unit;                  // "nats", "steps", "seconds"; may be empty
  std::optional<double> minimum;     // inclusive, for integer and real
  std::optional<double> maximum;     // inclusive
  bool minimum_excluded = false;     // value must be > minimum
  std::vector<std::string> choices;  // for choice, and for items of a list
  // May be changed on a trained model (`evaluate RUN key=value`, or in a
  // [latent_source.NAME] section): sampler, steps, guidance.
  bool changes_after_training = false;

  Field& at_least(double value);
  Field& more_than(double value);
  Field& at_most(double value);
  Field& range(double low, double high);
  Field& in(std::string unit_name);
  Field& one_of(std::vector<std::string> items);
  Field& after_training();
};

// Keys in declared order, unique by name (a repeat is a failed check).
// References stay valid while the list lives.
class FieldList {
 public:
  Field& flag(std::string name, bool value, std::string meaning);
  Field& integer(std::string name, std::int64_t value, std::string meaning);
  Field& real(std::string name, double value, std::string meaning);
  Field& text(std::string name, std::string value, std::string meaning);
  Field& choice(std::string name, std::string value,
                std::vector<std::string> choices, std::string meaning);
  Field& list(std::string name, std::vector<std::string> value,
              std::string meaning);
  Field& add(Field field);

  const Field* find(const std::string& name) const;  // null when absent
  const std::deque<Field>& all() const { return fields_; }
  std::vector<std::string> names() const;

 private:
  std::deque<Field> fields_;
};

// Why `value` may not stand in `field` ("must be at least 1, got 0"), or
// nothing. Checks type, bounds, choices and that reals are finite.
std::optional<std::string> complaint(const Field& field,
                                     const FieldValue& value);

// The typed values of one section: every declared field has one. Getters
// throw a failed check on an undeclared name or another type: a plugin's bug.
class Settings {
 public:
  Settings() = default;
  // All defaults of `fields`.
  explicit Settings(const FieldList& fields);

  // Sets one declared field; throws Error(usage) with `complaint`.
  void set(const std::string& name, FieldValue value);
  bool has(const std::string& name) const;

  bool flag(const std::string& name) const;
  std::int64_t integer(const std::string& name) const;
  double real(const std::string& name) const;
  const std::string& text(const std::string& name) const;  // text or choice
  const std::vector<std::string>& list(const std::string& name) const;

  const FieldValue& value(const std::string& name) const;
  const FieldList& fields() const { return fields_; }

 private:
  FieldList fields_;
  std::map<std::string, FieldValue> values_;
};

// "name:number" items ("photo:3, word:10") as a map; throws Error(usage) that
// names `key` for a malformed item, a repeat or a non-finite number.
std::map<std::string, double> named_numbers(
    const std::vector<std::string>& items, const std::string& key);

// The candidate nearest to `word` by edit distance, if it is near enough to
// be a slip (distance at most 1 + length/4).
std::optional<std::string> nearest(const std::string& word,
                                   const std::vector<std::string>& candidates);

}  // namespace shalab
