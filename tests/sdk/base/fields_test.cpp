#include "shalab/fields.h"

#include <gtest/gtest.h>

#include <limits>

#include "shalab/error.h"

namespace shalab {
namespace fields_test {

FieldList example() {
  FieldList fields;
  fields.flag("loud", false, "whether it speaks");
  fields.integer("components", 40, "number of components").at_least(1);
  fields.real("rate", 0.5, "learning rate").more_than(0).at_most(1);
  fields.text("title", "none", "what it is called");
  fields.choice("shape", "full", {"full", "diagonal"}, "covariance");
  fields.list("sources", {"photo"}, "subsets").one_of({"photo", "word"});
  return fields;
}

template <typename F>
Error error_of(F&& run) {
  try {
    run();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorKind::no, "nothing was thrown");
}

TEST(Settings, StartAtTheDefaults) {
  const Settings settings(example());
  EXPECT_FALSE(settings.flag("loud"));
  EXPECT_EQ(settings.integer("components"), 40);
  EXPECT_EQ(settings.real("rate"), 0.5);
  EXPECT_EQ(settings.text("shape"), "full");
  EXPECT_EQ(settings.list("sources"), std::vector<std::string>{"photo"});
}

TEST(Settings, KeepWhatIsSet) {
  Settings settings(example());
  settings.set("components", std::int64_t{3});
  settings.set("loud", true);
  settings.set("title", std::string("a"));
  EXPECT_EQ(settings.integer("components"), 3);
  EXPECT_TRUE(settings.flag("loud"));
  EXPECT_EQ(settings.text("title"), "a");
}

TEST(Settings, TakeAWholeNumberForAReal) {
  Settings settings(example());
  settings.set("rate", std::int64_t{1});
  EXPECT_EQ(settings.real("rate"), 1.0);
}

TEST(Settings, RefuseBadValuesWithTheReason) {
  Settings settings(example());
  const auto message = [&](const std::string& name, const FieldValue& value) {
    const Error error = error_of([&] { settings.set(name, value); });
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.message();
  };
  EXPECT_EQ(message("components", std::int64_t{0}),
            "components: must be at least 1, got 0");
  EXPECT_EQ(message("rate", 0.0), "rate: must be more than 0, got 0");
  EXPECT_EQ(message("rate", 1.5), "rate: must be at most 1, got 1.5");
  EXPECT_EQ(message("rate", std::numeric_limits<double>::quiet_NaN()),
            "rate: must be a finite number, got nan");
  EXPECT_EQ(message("rate", std::numeric_limits<double>::infinity()),
            "rate: must be a finite number, got inf");
  EXPECT_EQ(message("components", std::string("x")),
            "components: must be of type integer, got x");
  EXPECT_EQ(message("shape", std::string("ful")),
            "shape: must be one of full, diagonal, got 'ful' "
            "(did you mean 'full'?)");
  EXPECT_EQ(message("sources", std::vector<std::string>{"word", "sound"}),
            "sources: must be one of photo, word, got 'sound'");
}

TEST(Settings, NameTheNearestKnownKey) {
  Settings settings(example());
  const Error error =
      error_of([&] { settings.set("component", std::int64_t{1}); });
  EXPECT_NE(error.hint().find("did you mean 'components'"), std::string::npos);
}

TEST(Settings, TreatAWrongGetterAsADefect) {
  const Settings settings(example());
  EXPECT_EQ(error_of([&] { settings.real("components"); }).kind(),
            ErrorKind::run);
  EXPECT_EQ(error_of([&] { settings.flag("absent"); }).kind(), ErrorKind::run);
}

TEST(Settings, RefuseADefaultOutsideItsBounds) {
  FieldList fields;
  fields.integer("components", 0, "count").at_least(1);
  EXPECT_EQ(error_of([&] { Settings settings(fields); }).kind(),
            ErrorKind::run);
}

TEST(FieldList, RefusesARepeatedName) {
  FieldList fields = example();
  EXPECT_EQ(error_of([&] { fields.flag("rate", true, "again"); }).kind(),
            ErrorKind::run);
}

TEST(FieldList, RefusesBoundsOnText) {
  FieldList fields;
  Field& title = fields.text("title", "", "title");
  EXPECT_EQ(error_of([&] { title.at_least(1); }).kind(), ErrorKind::run);
}

TEST(FieldList, KeepsReferencesWhileItGrows) {
  FieldList fields;
  Field& first = fields.integer("first", 1, "first");
  for (int i = 0; i < 100; ++i) {
    fields.flag(std::to_string(i), false, "filler");
  }
  first.in("steps").after_training();
  EXPECT_EQ(fields.find("first")->unit, "steps");
  EXPECT_TRUE(fields.find("first")->changes_after_training);
  EXPECT_EQ(fields.find("absent"), nullptr);
}

TEST(ToText, IsShortAndReadsBack) {
  EXPECT_EQ(to_text(true), "true");
  EXPECT_EQ(to_text(std::int64_t{-7}), "-7");
  EXPECT_EQ(to_text(0.1), "0.1");
  EXPECT_EQ(to_text(1e-10), "1e-10");
  EXPECT_EQ(to_text(std::vector<std::string>{"a", "b"}), "a, b");
  EXPECT_EQ(to_text(std::vector<std::string>{}), "");
  EXPECT_EQ(std::stod(to_text(1.0 / 3.0)), 1.0 / 3.0);
}

TEST(NamedNumbers, ReadNamesAndNumbers) {
  const auto numbers = named_numbers({"photo:3", "word : 0.5"}, "weights");
  EXPECT_EQ(numbers,
            (std::map<std::string, double>{{"photo", 3.0}, {"word", 0.5}}));
}

TEST(NamedNumbers, RefuseMalformedItemsByKey) {
  for (const char* item : {"photo", "photo:", ":3", "photo:3x", "photo:nan"}) {
    const Error error = error_of([&] { named_numbers({item}, "weights"); });
    EXPECT_EQ(error.kind(), ErrorKind::usage) << item;
    EXPECT_EQ(error.message().rfind("weights: '", 0), 0U) << error.message();
  }
  EXPECT_EQ(error_of([] {
              named_numbers({"a:1", "a:2"}, "w");
            }).message(),
            "w: 'a:2' repeats a name");
}

TEST(Nearest, FindsASlipAndNoMore) {
  const std::vector<std::string> names = {"epochs", "batch_size", "seed"};
  EXPECT_EQ(nearest("epoch", names), "epochs");
  EXPECT_EQ(nearest("batchsize", names), "batch_size");
  EXPECT_EQ(nearest("sede", names), "seed");  // 2 <= 1 + 4/4
  EXPECT_EQ(nearest("momentum", names), std::nullopt);
  EXPECT_EQ(nearest("epoch", {}), std::nullopt);
}

TEST(Nearest, PrefersTheCloserOfTwo) {
  EXPECT_EQ(nearest("mopo", {"moe", "mopoe"}), "mopoe");
}

}  // namespace fields_test
}  // namespace shalab
