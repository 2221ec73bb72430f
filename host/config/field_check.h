#pragma once
// Text of one value -> typed value.

#include <optional>
#include <string>

#include "shalab/fields.h"

namespace shalab {

// Either `value`, or `complaint`: "must be an integer, got '3.5'".
struct ParsedValue {
  std::optional<FieldValue> value;
  std::string complaint;
};

// The whole text must be the value, by Boost.Program_options: no rest, no
// overflow, reals finite. A list splits on commas and has no empty item; an
// empty text is the empty list. Elsewhere an empty text is refused, except
// where the field's default is the empty text. Then bounds and choices.
ParsedValue parse_value(const Field& field, const std::string& text);

// "integer, at least 1, steps; default 10: how often ...": closes an error
// message and opens a reference entry.
std::string describe(const Field& field);

}  // namespace shalab
