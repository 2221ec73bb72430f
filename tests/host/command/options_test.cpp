#include "command/options.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "command/commands.h"
#include "shalab/error.h"

namespace shalab {
namespace options_test {

Invocation parsed(std::vector<const char*> words) {
  words.insert(words.begin(), "shalab");
  return parse_invocation(static_cast<int>(words.size()), words.data(),
                          command_specs());
}

void expect_refusal(const std::vector<const char*>& words,
                    const std::string& message, const std::string& hint) {
  try {
    parsed(words);
    ADD_FAILURE() << "not refused: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(error.message(), message);
    EXPECT_NE(error.hint().find(hint), std::string::npos) << error.hint();
  }
}

TEST(Options, AreTakenBeforeAndAfterTheCommand) {
  const Invocation a = parsed({"--db", "x.db", "runs", "list", "--json"});
  EXPECT_EQ(a.options.db, "x.db");
  EXPECT_TRUE(a.options.json);
  EXPECT_EQ(a.command, "runs list");
  const Invocation b = parsed({"runs", "--db=y.db", "-q"});
  EXPECT_EQ(b.options.db, "y.db");
  EXPECT_EQ(b.options.verbosity, Verbosity::quiet);
  EXPECT_EQ(b.command, "runs list");
}

TEST(Options, WinOverTheEnvironmentWhichWinsOverDefaults) {
  EXPECT_EQ(parsed({"runs"}).options.db, "shalab.db");
  setenv("SHALAB_DB", "from_environment.db", 1);
  EXPECT_EQ(parsed({"runs"}).options.db, "from_environment.db");
  EXPECT_EQ(parsed({"runs", "--db", "z.db"}).options.db, "z.db");
  unsetenv("SHALAB_DB");
}

TEST(Options, OfACommandStandWithItsArguments) {
  const Invocation made =
      parsed({"check", "a.ini", "x.y=1", "+metric.kid", "~metric.psnr"});
  const std::vector<std::string> words = {"a.ini", "x.y=1", "+metric.kid",
                                          "~metric.psnr"};
  EXPECT_EQ(made.arguments, words);
  EXPECT_EQ(parsed({"table", "--split", "all"}).value("--split"), "all");
  EXPECT_TRUE(parsed({"doctor", "--fix"}).has("--fix"));
}

TEST(Options, EndAtTwoDashes) {
  EXPECT_EQ(parsed({"sql", "--", "--json"}).arguments.front(), "--json");
}

TEST(Options, OfAnEngineCommandStayAsTyped) {
  const Invocation made = parsed(
      {"sample", "last", "--count", "4", "--json", "-o", "out", "--cuont"});
  const std::vector<std::string> words = {"last", "--count", "4",
                                          "-o",   "out",     "--cuont"};
  EXPECT_EQ(made.arguments, words);
  EXPECT_TRUE(made.options.json);
}

TEST(Options, KeepTheSecondWordOfAnEngineCommand) {
  const Invocation made = parsed({"data", "prepare", "poly_mnist"});
  EXPECT_EQ(made.command, "data prepare");
  EXPECT_EQ(made.arguments,
            (std::vector<std::string>{"prepare", "poly_mnist"}));
}

TEST(Options, RefuseAnUnknownCommandWithTheNearest) {
  expect_refusal({"rum"}, "unknown command 'rum'", "did you mean 'run'?");
  expect_refusal({"plugins", "shwo"}, "unknown command 'plugins shwo'",
                 "did you mean 'show'?");
  expect_refusal({"judge"}, "'judge' needs a command", "train");
}

TEST(Options, RefuseAnUnknownOptionWithTheNearest) {
  expect_refusal({"--jsno", "runs"}, "unknown option '--jsno'",
                 "did you mean '--json'?");
  expect_refusal({"runs", "--stat", "x"},
                 "unknown option '--stat' of command 'runs list'",
                 "did you mean '--state'?");
}

TEST(Options, RefuseAbbreviations) {
  expect_refusal({"runs", "--js"},
                 "unknown option '--js' of command 'runs list'", "--json");
}

TEST(Options, RefuseMissingSuperfluousAndRepeatedValues) {
  expect_refusal({"runs", "--db"}, "option --db needs a value", "--db FILE");
  expect_refusal({"runs", "--db", "--json"}, "option --db needs a value", "");
  expect_refusal({"runs", "--json=yes"}, "option --json takes no value", "");
  expect_refusal({"table", "--split", "a", "--split", "b"},
                 "option --split is given twice", "");
}

TEST(Options, RefuseTooFewAndTooManyArguments) {
  expect_refusal({"check"}, "command 'check' needs more arguments",
                 "usage: shalab check CONFIG");
  expect_refusal({"version", "now"}, "unexpected argument 'now'", "usage");
}

TEST(Options, GiveHelpEvenWhereArgumentsAreMissing) {
  EXPECT_TRUE(parsed({"check", "--help"}).wants_help);
  EXPECT_EQ(parsed({"judge", "-h"}).command, "judge");
}

TEST(WholeNumber, IsStrict) {
  EXPECT_EQ(whole_number("--rows", "12", 1), 12);
  for (const char* text :
       {"", "0", "-3", "1x", "1.5", "99999999999999999999"}) {
    EXPECT_THROW(whole_number("--rows", text, 1), Error) << text;
  }
}

}  // namespace options_test
}  // namespace shalab
