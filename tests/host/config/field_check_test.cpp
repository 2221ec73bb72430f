#include "config/field_check.h"

#include <gtest/gtest.h>

namespace shalab {
namespace field_check_test {

FieldList example() {
  FieldList fields;
  fields.flag("flag", false, "a flag");
  fields.integer("integer", 1, "an integer").range(0, 100).in("steps");
  fields.real("real", 1.0, "a real").more_than(0);
  fields.text("title", "none", "a text");
  fields.text("note", "", "a text that may be empty");
  fields.choice("choice", "a", {"a", "b"}, "a choice");
  fields.list("list", {"x"}, "a list");
  return fields;
}

FieldValue value_of(const std::string& name, const std::string& text) {
  const FieldList fields = example();
  const ParsedValue parsed = parse_value(*fields.find(name), text);
  EXPECT_EQ(parsed.complaint, "");
  return parsed.value.value_or(FieldValue(std::string("complaint")));
}

std::string complaint_of(const std::string& name, const std::string& text) {
  const FieldList fields = example();
  const ParsedValue parsed = parse_value(*fields.find(name), text);
  EXPECT_FALSE(parsed.value.has_value()) << name << " = " << text;
  return parsed.complaint;
}

TEST(ParseValue, ReadsEveryType) {
  EXPECT_EQ(value_of("flag", "true"), FieldValue(true));
  EXPECT_EQ(value_of("flag", "off"), FieldValue(false));
  EXPECT_EQ(value_of("integer", "42"), FieldValue(std::int64_t{42}));
  EXPECT_EQ(value_of("real", "1e-3"), FieldValue(1e-3));
  EXPECT_EQ(value_of("real", "5"), FieldValue(5.0));
  EXPECT_EQ(value_of("title", "two words"),
            FieldValue(std::string("two words")));
  EXPECT_EQ(value_of("note", ""), FieldValue(std::string()));
  EXPECT_EQ(value_of("choice", "b"), FieldValue(std::string("b")));
  EXPECT_EQ(value_of("list", "a, b c ,d"),
            FieldValue(std::vector<std::string>{"a", "b c", "d"}));
  EXPECT_EQ(value_of("list", ""), FieldValue(std::vector<std::string>{}));
}

TEST(ParseValue, TakesTheWholeTextOrNothing) {
  for (const char* text : {"3.5", "3x", "0x10", "1e2", "three", "1_000",
                           "99999999999999999999", "1 2"}) {
    EXPECT_EQ(complaint_of("integer", text),
              "must be an integer, got '" + std::string(text) + "'");
  }
  for (const char* text : {"1.5x", "1,5", "one", "1e", "--1"}) {
    EXPECT_EQ(complaint_of("real", text),
              "must be a number, got '" + std::string(text) + "'");
  }
  EXPECT_EQ(complaint_of("flag", "maybe"),
            "must be true or false, got 'maybe'");
}

TEST(ParseValue, RefusesWhatIsNotFinite) {
  for (const char* text : {"nan", "-nan", "inf", "-inf", "1e999"}) {
    EXPECT_FALSE(complaint_of("real", text).empty()) << text;
  }
  EXPECT_EQ(complaint_of("real", "nan"), "must be a finite number, got nan");
}

TEST(ParseValue, RefusesEmptyTextExceptWhereItIsTheDefault) {
  for (const char* name : {"flag", "integer", "real", "title", "choice"}) {
    EXPECT_EQ(complaint_of(name, ""), "must not be empty") << name;
  }
}

TEST(ParseValue, ChecksBoundsAndChoices) {
  EXPECT_EQ(complaint_of("integer", "-1"), "must be at least 0, got -1");
  EXPECT_EQ(complaint_of("integer", "101"), "must be at most 100, got 101");
  EXPECT_EQ(complaint_of("real", "0"), "must be more than 0, got 0");
  EXPECT_EQ(complaint_of("choice", "A"),
            "must be one of a, b, got 'A' (did you mean 'a'?)");
  EXPECT_EQ(complaint_of("list", "a,,b"), "has an empty item in 'a,,b'");
  EXPECT_EQ(complaint_of("list", ","), "has an empty item in ','");
}

TEST(Describe, SaysTypeBoundsUnitDefaultAndMeaning) {
  const FieldList fields = example();
  EXPECT_EQ(describe(*fields.find("integer")),
            "integer, at least 0, at most 100, in steps; default 1: an "
            "integer");
  EXPECT_EQ(describe(*fields.find("real")),
            "real, more than 0; default 1: a real");
  EXPECT_EQ(describe(*fields.find("choice")),
            "choice of a, b; default a: a choice");
  EXPECT_EQ(describe(*fields.find("note")),
            "text; default empty: a text that may be empty");
}

}  // namespace field_check_test
}  // namespace shalab
