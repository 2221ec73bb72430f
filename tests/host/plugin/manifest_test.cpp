#include "plugin/manifest.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "plugin/plugin_list.h"
#include "shalab/error.h"

namespace shalab {
namespace manifest_test {

namespace fs = std::filesystem;
using nlohmann::json;

PluginInfo example(const std::string& kind, const std::string& name) {
  PluginInfo info;
  info.kind = kind;
  info.name = name;
  info.revision = 3;
  info.summary = "an example";
  info.sdk_hash = "aa";
  info.abi_stamp = "gcc12 c++202002";
  info.sha256 = "bb";
  info.library = name + ".so";
  info.fields.integer("components", 40, "count").at_least(1).in("parts");
  info.fields.real("rate", 1.0, "rate").more_than(0).at_most(2);
  info.fields.flag("full", true, "full covariance").after_training();
  info.fields.choice("shape", "a", {"a", "b"}, "shape");
  info.fields.text("judge", "", "judge");
  info.fields.list("sources", {"x", "y"}, "sources");
  return info;
}

std::string plugin_error(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.kind() == ErrorKind::plugin ? error.message()
                                             : "another kind of error";
  }
  return "nothing was thrown";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Manifest, JsonAndInfoAreInverse) {
  const json written = to_json(example("prior", "mix"));
  const PluginInfo info =
      plugin_info_from_json(json::parse(written.dump()), "/p/prior");
  EXPECT_EQ(info.kind, "prior");
  EXPECT_EQ(info.revision, 3);
  EXPECT_EQ(info.library, "/p/prior/mix.so");
  EXPECT_EQ(to_json(info), written);
  const Field& rate = *info.fields.find("rate");
  EXPECT_EQ(rate.type, FieldType::real);
  EXPECT_EQ(rate.default_value, FieldValue(1.0));
  EXPECT_TRUE(rate.minimum_excluded);
  EXPECT_EQ(rate.maximum, 2.0);
  EXPECT_EQ(info.fields.find("components")->unit, "parts");
  EXPECT_TRUE(info.fields.find("full")->changes_after_training);
  EXPECT_EQ(info.fields.find("judge")->minimum, std::nullopt);
}

TEST(Manifest, IsReadStrictly) {
  const json good = to_json(example("prior", "mix"));
  const auto error_of = [&](const std::string& patch) {
    const json bad = good.patch(json::parse(patch));
    return plugin_error([&] { plugin_info_from_json(bad, "/p"); });
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"([{"op":"remove","path":"/kind"}])", "has no key 'kind'"},
      {R"([{"op":"add","path":"/extra","value":1}])", "unknown 'extra'"},
      {R"([{"op":"replace","path":"/revision","value":"3"}])", "'revision'"},
      {R"([{"op":"replace","path":"/revision","value":3000000000}])",
       "'revision'"},
      {R"([{"op":"replace","path":"/file","value":"../x.so"}])", "'file'"},
      {R"([{"op":"replace","path":"/fields","value":{}}])", "'fields'"},
      {R"([{"op":"replace","path":"/fields/0/type","value":"int"}])",
       "a field type, got 'int'"},
      {R"([{"op":"replace","path":"/fields/0/default","value":1.5}])",
       "'default' must be an integer"},
      {R"([{"op":"replace","path":"/fields/0/default","value":0}])",
       "the default must be at least 1, got 0"},
      {R"([{"op":"replace","path":"/fields/0/minimum","value":"1"}])",
       "'minimum' must be a number or null"},
      {R"([{"op":"remove","path":"/fields/0/unit"}])", "has no key 'unit'"},
      {R"([{"op":"replace","path":"/fields/5/default","value":[1]}])",
       "a list of texts"},
      {R"([{"op":"replace","path":"/fields/1/name","value":"components"}])",
       "repeats the name 'components'"},
      {R"([{"op":"replace","path":"","value":[]}])", "is no object"},
  };
  for (const auto& [patch, expected] : cases) {
    EXPECT_TRUE(contains(error_of(patch), expected)) << error_of(patch);
  }
}

class PluginFolders : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  // Metadata and library of a plugin at `where` (without extension).
  void put(const std::string& where, const std::string& kind) {
    const fs::path path = root_ / where;
    fs::create_directories(path.parent_path());
    std::ofstream(path.string() + ".json")
        << to_json(example(kind, path.filename().string()));
    std::ofstream(path.string() + ".so") << "library";
  }

  void list(const std::string& folder, const std::vector<std::string>& items) {
    std::ofstream(root_ / folder / "manifest.json") << json{{"plugins", items}};
  }

  fs::path root_;
};

TEST_F(PluginFolders, CountOnlyWhatTheManifestLists) {
  put("build/prior/mix", "prior");
  put("build/prior/stale", "prior");
  put("build/fusion/poe", "fusion");
  list("build", {"prior/mix", "fusion/poe"});
  const PluginList plugins = load_plugin_list({root_ / "build"});
  EXPECT_TRUE(plugins.problems.empty());
  ASSERT_EQ(plugins.plugins.size(), 2U);
  EXPECT_EQ(plugins.plugins[0].kind, "fusion");
  EXPECT_EQ(plugins.find("prior", "mix")->library,
            root_ / "build/prior/mix.so");
  EXPECT_EQ(plugins.find("prior", "stale"), nullptr);
  EXPECT_EQ(plugins.names("prior"), std::vector<std::string>{"mix"});
  EXPECT_EQ(plugins.kinds_of("poe"), std::vector<std::string>{"fusion"});
}

TEST_F(PluginFolders, ReportWhatIsListedButCannotBeUsed) {
  put("build/prior/mix", "prior");
  put("build/prior/bare", "prior");
  put("build/prior/broken", "prior");
  put("build/prior/other", "fusion");
  fs::remove(root_ / "build/prior/bare.so");
  std::ofstream(root_ / "build/prior/broken.json") << "{";
  list("build", {"prior/mix", "prior/bare", "prior/broken", "prior/gone",
                 "prior/other"});
  const PluginList plugins = load_plugin_list({root_ / "build"});
  EXPECT_EQ(plugins.plugins.size(), 1U);
  ASSERT_EQ(plugins.problems.size(), 4U);
  EXPECT_TRUE(contains(plugins.problems[0], "bare.so is missing"));
  EXPECT_TRUE(contains(plugins.problems[1], "broken.json is no JSON"));
  EXPECT_TRUE(contains(plugins.problems[2], "gone.json is missing"));
  EXPECT_TRUE(contains(plugins.problems[3], "describes fusion/other"));
}

TEST_F(PluginFolders, ReportAMalformedManifestAndAMissingFolder) {
  put("build/prior/mix", "prior");
  for (const char* text :
       {"{", "[]", R"({"plugins": [1]})", R"({"plugins": ["mix"]})",
        R"({"plugins": ["../x/mix"]})"}) {
    std::ofstream(root_ / "build/manifest.json") << text;
    const PluginList plugins = load_plugin_list({root_ / "build"});
    EXPECT_TRUE(plugins.plugins.empty()) << text;
    EXPECT_EQ(plugins.problems.size(), 1U) << text;
  }
  EXPECT_TRUE(contains(load_plugin_list({root_ / "none"}).problems.at(0),
                       "does not exist"));
}

TEST_F(PluginFolders, WithoutAManifestCountEverything) {
  put("own/mix", "prior");
  put("own/fusion/poe", "fusion");
  const PluginList plugins = load_plugin_list({root_ / "own"});
  EXPECT_EQ(plugins.plugins.size(), 2U);
  EXPECT_TRUE(plugins.problems.empty());
}

TEST_F(PluginFolders, RefuseOneNameTwiceNamingBothFiles) {
  put("a/mix", "prior");
  put("b/prior/mix", "prior");
  const std::string text = plugin_error([&] {
    load_plugin_list({root_ / "a", root_ / "b"});
  });
  EXPECT_TRUE(contains(text, "prior/mix"));
  EXPECT_TRUE(contains(text, (root_ / "a/mix.so").string()));
  EXPECT_TRUE(contains(text, (root_ / "b/prior/mix.so").string()));
  EXPECT_EQ(
      load_plugin_list({root_ / "a", root_ / "b" / ".." / "a"}).plugins.size(),
      1U);
}

TEST_F(PluginFolders, TakeEqualNamesOfTwoKinds) {
  put("a/prior/diffusion", "prior");
  put("a/refiner/diffusion", "refiner");
  EXPECT_EQ(load_plugin_list({root_ / "a"}).plugins.size(), 2U);
}

TEST_F(PluginFolders, AreListedInMilliseconds) {
  std::vector<std::string> items;
  for (int i = 0; i < 60; ++i) {
    items.push_back("prior/p" + std::to_string(i));
    put("build/" + items.back(), "prior");
  }
  list("build", items);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(load_plugin_list({root_ / "build"}).plugins.size(), 60U);
  const std::chrono::duration<double> passed =
      std::chrono::steady_clock::now() - start;
  EXPECT_LT(passed.count(), 0.5);
}

TEST(PluginFolder, OrderIsBuildThenEnvironmentThenOption) {
  const char* before = std::getenv("SHALAB_PLUGINS");
  const std::string kept = before == nullptr ? "" : before;
  setenv("SHALAB_PLUGINS", "/e1:/e2", 1);
  const auto folders = plugin_folders("/o");
  setenv("SHALAB_PLUGINS", kept.c_str(), 1);
  ASSERT_EQ(folders.size(), 4U);
  EXPECT_EQ(folders[0].filename(), "plugins");
  EXPECT_EQ(folders[1], "/e1");
  EXPECT_EQ(folders[3], "/o");
}

}  // namespace manifest_test
}  // namespace shalab
