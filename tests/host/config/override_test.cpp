#include "config/override.h"

#include <gtest/gtest.h>

#include "example.h"

namespace shalab {
namespace override_test {

std::string parse_error(const std::string& argument) {
  return usage_error([&] { parse_override(argument); });
}

TEST(Override, TakesTheKeyAfterTheLastDot) {
  const Override entry = parse_override("fitted_prior.diffusion.epochs=3");
  EXPECT_EQ(entry.action, Override::Action::set);
  EXPECT_EQ(entry.section, "fitted_prior.diffusion");
  EXPECT_EQ(entry.key, "epochs");
  EXPECT_EQ(entry.text, "3");
  EXPECT_EQ(entry.origin.text(), "command line");
  EXPECT_EQ(entry.origin.place(), "argument 'fitted_prior.diffusion.epochs=3'");
}

TEST(Override, SplitsAtTheFirstEqualsSignOnly) {
  const Override entry = parse_override("run.name=a.b=c");
  EXPECT_EQ(entry.section, "run");
  EXPECT_EQ(entry.key, "name");
  EXPECT_EQ(entry.text, "a.b=c");
}

TEST(Override, AddsAndRemovesSections) {
  const Override plain = parse_override("+metric.kid");
  EXPECT_EQ(plain.action, Override::Action::add);
  EXPECT_EQ(plain.section, "metric.kid");
  EXPECT_EQ(plain.key, "");
  const Override keyed = parse_override("+metric.kid.subsets=10");
  EXPECT_EQ(keyed.section, "metric.kid");
  EXPECT_EQ(keyed.key, "subsets");
  EXPECT_EQ(parse_override("~train").action, Override::Action::remove);
}

TEST(Override, RepeatsWhatWasTypedWhenItRefuses) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"train.epochs", "has no '='"},
      {"", "is empty"},
      {"epochs=3", "'epochs' names no section"},
      {"train.=3", "the key before '=' is empty"},
      {".epochs=3", "'' is no section name"},
      {"train.ep ochs=3", "'ep ochs' is no key name"},
      {"~train.epochs=3", "only a whole section can be removed"},
      {"+", "'' is no section name"},
      {"+a b", "'a b' is no section name"},
      {"run.name=a\nb", "control character 0x0A"},
      {"run.name=a # b", "would start a comment"},
      {"run.name=#b", "would start a comment"},
      {"run.name=\xC0\x80", "not UTF-8"},
  };
  for (const auto& [argument, expected] : cases) {
    const std::string text = parse_error(argument);
    EXPECT_TRUE(contains(text, "argument '" + argument + "': ")) << text;
    EXPECT_TRUE(contains(text, expected)) << text;
  }
}

TEST(Override, RefusesOneKeyTwiceNamingBoth) {
  const std::string text = usage_error([] {
    parse_overrides({"run.seed=1", "+run.seed=2"});
  });
  EXPECT_TRUE(contains(
      text, "argument '+run.seed=2': sets what argument 'run.seed=1' sets"));
  EXPECT_EQ(parse_overrides({"run.seed=1", "train.seed=1", "+a", "+a"}).size(),
            4U);
}

TEST(Override, IsToldFromOtherArguments) {
  for (const char* yes : {"train.epochs=3", "+metric.kid", "~train"}) {
    EXPECT_TRUE(looks_like_override(yes)) << yes;
  }
  for (const char* no : {"exp.ini", "--seed=3", "runs/a.b=c", "x=3", ""}) {
    EXPECT_FALSE(looks_like_override(no)) << no;
  }
}

}  // namespace override_test
}  // namespace shalab
