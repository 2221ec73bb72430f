#include "config/config_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "example.h"

namespace shalab {
namespace config_file_test {

namespace fs = std::filesystem;

std::string scan_error(const std::string& text) {
  return usage_error([&] { scan_config(text, "exp.ini"); });
}

TEST(ConfigFile, KeepsSectionsKeysAndLines) {
  const auto scanned = scan_config(
      "# a question\n\n[train]\nepochs = 10\n[fitted_prior.small]\n"
      "  steps=5  \n",
      "exp.ini");
  ASSERT_EQ(scanned.layer.sections.size(), 2U);
  const ConfigSection& train = scanned.layer.sections[0];
  EXPECT_EQ(train.name, "train");
  EXPECT_EQ(train.origin.text(), "exp.ini:3");
  ASSERT_EQ(train.entries.size(), 1U);
  EXPECT_EQ(train.entries[0].key, "epochs");
  EXPECT_EQ(train.entries[0].text, "10");
  EXPECT_EQ(train.entries[0].origin.text(), "exp.ini:4");
  EXPECT_EQ(scanned.layer.sections[1].entries[0].text, "5");
}

TEST(ConfigFile, CountsAnEmptySection) {
  const auto scanned = scan_config("[metric.kid]", "exp.ini");
  ASSERT_EQ(scanned.layer.sections.size(), 1U);
  EXPECT_TRUE(scanned.layer.sections[0].entries.empty());
}

TEST(ConfigFile, TakesACommentOnlyAfterASpace) {
  const auto scanned = scan_config(
      "[run]  # the run\nname = a#b # c\nseed = # nothing\n", "exp.ini");
  const auto& entries = scanned.layer.sections[0].entries;
  EXPECT_EQ(entries[0].text, "a#b");
  EXPECT_EQ(entries[1].text, "");
}

TEST(ConfigFile, KeepsFurtherEqualsSignsInTheValue) {
  const auto scanned = scan_config("[run]\nname = a = b\n", "exp.ini");
  EXPECT_EQ(scanned.layer.sections[0].entries[0].text, "a = b");
}

TEST(ConfigFile, ToleratesWindowsLineEndsAndAByteOrderMark) {
  const auto scanned = scan_config(
      "\xEF\xBB\xBF"
      "base = b.ini\r\n[run]\r\nname = a\r\n",
      "exp.ini");
  EXPECT_EQ(scanned.base, "b.ini");
  EXPECT_EQ(scanned.layer.sections[0].entries[0].text, "a");
}

TEST(ConfigFile, ReadsRemovals) {
  const auto scanned = scan_config("~metric.kid\n[run]\n", "exp.ini");
  ASSERT_EQ(scanned.layer.removals.size(), 1U);
  EXPECT_EQ(scanned.layer.removals[0].section, "metric.kid");
}

TEST(ConfigFile, RefusesRepeatsNamingBothLines) {
  const std::string section = scan_error("[run]\n[train]\n[run]\n");
  EXPECT_TRUE(contains(section, "exp.ini:3: section [run] repeats line 1"));
  const std::string key = scan_error("[run]\nseed = 1\nseed = 2\n");
  EXPECT_TRUE(contains(key, "exp.ini:3: key 'seed' of [run] repeats line 2"));
  EXPECT_TRUE(contains(scan_error("~a\n~a\n"), "exp.ini:2: ~a repeats line 1"));
}

TEST(ConfigFile, RefusesMalformedLines) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"[run]\nseed 1\n", "exp.ini:2: 'seed 1' is no section"},
      {"[run]\n= 1\n", "exp.ini:2: the key before '=' is empty"},
      {"[run]\nse ed = 1\n", "exp.ini:2: 'se ed' is no key name"},
      {"[run]\na.b = 1\n", "exp.ini:2: 'a.b' is no key name"},
      {"[run\nseed = 1\n", "exp.ini:1: section header '[run' does not end"},
      {"[]\n", "exp.ini:1: '' is no section name"},
      {"[a..b]\n", "exp.ini:1: 'a..b' is no section name"},
      {"~\n", "exp.ini:1: '' is no section name"},
      {"seed = 1\n", "exp.ini:1: key 'seed' stands in no section"},
      {"[run]\n~train\nseed = 1\n", "exp.ini:3: key 'seed' stands in no"},
      {"[run]\nname = a\x01\n", "exp.ini:2: control character 0x01"},
      {"[run]\nname = \xFF\n", "exp.ini:2: text that is not UTF-8"},
      {"[run]\nname = \xED\xA0\x80\n", "exp.ini:2: text that is not UTF-8"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_TRUE(contains(scan_error(text), expected)) << scan_error(text);
  }
}

TEST(ConfigFile, RefusesASecondLateOrEmptyBase) {
  EXPECT_TRUE(contains(scan_error("base = a\nbase = b\n"),
                       "exp.ini:2: a second base; the first is on line 1"));
  EXPECT_TRUE(contains(scan_error("~train\nbase = b\n"),
                       "exp.ini:2: base must stand above all sections"));
  EXPECT_TRUE(
      contains(scan_error("base =\n"), "exp.ini:1: base names no file"));
}

class BaseFiles : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::create_directories(root_ / "deep");
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path write(const std::string& name, const std::string& text) {
    std::ofstream(root_ / name, std::ios::binary) << text;
    return root_ / name;
  }

  fs::path root_;
};

TEST_F(BaseFiles, ChainRelativeToTheFileThatNamesThem) {
  write("bottom.ini", "[run]\nseed = 1\n");
  write("deep/middle.ini", "base = ../bottom.ini\n[run]\nseed = 2\n");
  const auto top = write("top.ini", "base = deep/middle.ini\n[run]\n");
  const auto layers = read_config_file(top);
  ASSERT_EQ(layers.size(), 3U);
  EXPECT_EQ(layers[0].sections[0].entries[0].origin.text(),
            (root_ / "bottom.ini").string() + ":2");
  EXPECT_EQ(layers[0].sections[0].origin.kind, Origin::Kind::base);
  EXPECT_EQ(layers[1].sections[0].entries[0].text, "2");
  EXPECT_EQ(layers[2].sections[0].origin.kind, Origin::Kind::file);
}

TEST_F(BaseFiles, RefuseACycleWithItsChain) {
  const auto a = write("a.ini", "base = b.ini\n");
  const auto b = write("b.ini", "base = a.ini\n");
  const std::string text = usage_error([&] { read_config_file(a); });
  EXPECT_TRUE(contains(text, b.string() +
                                 ":1: bases form a cycle: " + a.string() +
                                 " -> " + b.string() + " -> " + a.string()))
      << text;
  const auto self = write("self.ini", "base = ./self.ini\n");
  EXPECT_TRUE(contains(usage_error([&] { read_config_file(self); }), "cycle"));
}

TEST_F(BaseFiles, RefuseAMissingFileSayingWhoNamesIt) {
  const auto top = write("top.ini", "# q\nbase = gone.ini\n");
  const std::string text = usage_error([&] { read_config_file(top); });
  EXPECT_TRUE(contains(text, top.string() + ":2: cannot read config file"));
  EXPECT_TRUE(contains(usage_error([&] { read_config_file(root_ / "no.ini"); }),
                       "cannot read config file"));
  EXPECT_TRUE(contains(usage_error([&] { read_config_file(root_ / "deep"); }),
                       "cannot read config file"));
}

}  // namespace config_file_test
}  // namespace shalab
