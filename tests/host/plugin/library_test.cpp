#include "plugin/gates.h"
#include "plugin/library.h"

#include <fstream>
#include <thread>
#include <vector>

#include "shalab/plugin.h"
#include "zoo_test.h"

namespace shalab {
namespace library_test {

namespace fs = std::filesystem;

void expect_refusal(const fs::path& file, const std::string& why,
                    const std::string& hint) {
  const Error error = error_of([&] { load_plugin(file); });
  EXPECT_EQ(error.kind(), ErrorKind::plugin);
  EXPECT_TRUE(contains(error.message(), why));
  EXPECT_TRUE(contains(error.message(), file.filename().string()));
  EXPECT_TRUE(contains(error.hint(), hint));
}

// A copy of a sound plugin in a folder of its own.
class Copied : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::path(testing::TempDir()) / ("zoo_" + std::to_string(getpid()));
    fs::create_directories(folder_);
    fs::permissions(folder_, fs::perms::owner_all);
    fs::copy_file(zoo("sound"), file(), fs::copy_options::overwrite_existing);
    fs::permissions(file(), fs::perms::owner_all);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path file() const { return folder_ / "copy.so"; }

  fs::path folder_;
};

TEST(Library, GivesTheDescriptorOfASoundPlugin) {
  const PluginDescriptor& descriptor = load_plugin(zoo("sound"));
  EXPECT_STREQ(descriptor.kind, "metric");
  EXPECT_STREQ(descriptor.name, "sound");
  EXPECT_EQ(descriptor.revision, 7);
}

TEST(Library, GivesTheSameDescriptorTwiceAndThroughALink) {
  const PluginDescriptor* first = &load_plugin(zoo("sound"));
  const fs::path link = fs::path(testing::TempDir()) / "linked_sound.so";
  fs::remove(link);
  fs::create_symlink(zoo("sound"), link);
  EXPECT_EQ(&load_plugin(zoo("sound")), first);
  EXPECT_EQ(&load_plugin(link), first);
  fs::remove(link);
}

TEST(Library, LoadsOnceFromManyThreads) {
  std::vector<const PluginDescriptor*> found(8, nullptr);
  std::vector<std::thread> threads;
  for (auto& slot : found) {
    threads.emplace_back([&slot] { slot = &load_plugin(zoo("sound")); });
  }
  for (auto& thread : threads) thread.join();
  for (const auto* descriptor : found) EXPECT_EQ(descriptor, found[0]);
}

TEST(Library, RefusesAFileThatIsNotThere) {
  expect_refusal(zoo("absent"), "no such file", "plugins list");
}

TEST(Library, RefusesATextFileInTheLoadersWords) {
  const fs::path file = fs::path(testing::TempDir()) / "words.so";
  std::ofstream(file) << std::string(200, 'x');
  fs::permissions(file, fs::perms::owner_all);
  expect_refusal(file, "invalid ELF header", "not a shared library");
  fs::remove(file);
}

TEST(Library, RefusesAnUndefinedSymbolAtLoadAndNamesIt) {
  expect_refusal(zoo("undefined_symbol"), "defined_nowhere",
                 "shalab_add_plugin");
}

TEST(Library, RefusesALibraryWithoutThePluginSymbol) {
  expect_refusal(zoo("no_symbol"), "exports no symbol 'shalab_plugin'",
                 "SHALAB_PLUGIN");
}

TEST(Library, RefusesALibraryThatGivesNoDescriptor) {
  expect_refusal(zoo("no_descriptor"), "no descriptor", "SHALAB_PLUGIN");
}

TEST(Library, RefusesAnotherMagicAndShowsBoth) {
  expect_refusal(zoo("wrong_magic"),
                 "not a shalab plugin (magic 0x1234, expected "
                 "0x10042414c414853)",
                 "SHALAB_PLUGIN");
}

TEST(Library, RefusesADescriptorOfAnotherSize) {
  expect_refusal(zoo("wrong_size"), "descriptor has 8 bytes", "rebuild");
}

TEST(Library, RefusesOtherSdkHeadersAndShowsBothHashes) {
  expect_refusal(zoo("wrong_sdk"), "other SDK headers\n  plugin: 0123abc\n",
                 "SDK of this program");
  expect_refusal(zoo("wrong_sdk"), host_sdk_hash(), "rebuild");
}

TEST(Library, RefusesAnotherAbiAndShowsBothStamps) {
  expect_refusal(zoo("wrong_abi"), "another ABI\n  plugin: gcc4 c++98\n",
                 "compiler");
  expect_refusal(zoo("wrong_abi"), kAbiStamp, "LibTorch");
}

TEST(Library, RefusesAPluginWithoutAName) {
  expect_refusal(zoo("nameless"), "has no name", "shalab_add_plugin");
}

TEST(Library, RefusesASecondPluginOfTheSameNameAndShowsBothFiles) {
  load_plugin(zoo("a/twin"));
  expect_refusal(zoo("b/twin"), "two plugins are called metric/twin", "rename");
  expect_refusal(zoo("b/twin"), zoo("a/twin").string(), "--plugins");
}

TEST(Library, StillLoadsASoundPluginAfterRefusals) {
  error_of([] { load_plugin(zoo("wrong_magic")); });
  error_of([] { load_plugin(zoo("undefined_symbol")); });
  EXPECT_STREQ(load_plugin(zoo("sound")).name, "sound");
}

TEST_F(Copied, IsRefusedWhenEveryoneMayWriteIt) {
  fs::permissions(file(), fs::perms::all);
  expect_refusal(file(), "everyone may write this file", "chmod o-w");
}

TEST_F(Copied, IsRefusedWhenEveryoneMayWriteItsFolder) {
  fs::permissions(folder_, fs::perms::all);
  expect_refusal(file(), "everyone may write its folder", folder_.string());
}

TEST_F(Copied, IsNotRefusedForAStickyFolder) {
  fs::permissions(folder_, fs::perms::all | fs::perms::sticky_bit);
  load_plugin(zoo("sound"));
  expect_refusal(file(), "two plugins are called metric/sound", "rename");
}

}  // namespace library_test
}  // namespace shalab
