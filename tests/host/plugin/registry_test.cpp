#include "plugin/registry.h"

#include <new>

#include "plugin/describe.h"
#include "zoo_test.h"

namespace shalab {
namespace registry_test {

PluginList zoo_list() {
  PluginList list;
  list.plugins.push_back(describe_plugin(zoo("sound")));
  list.plugins.push_back(describe_plugin(zoo("throws")));
  return list;
}

Settings settings_for(const Registry& registry, const std::string& how) {
  Settings settings = registry.settings_of("dataset", "throws");
  settings.set("how", how);
  return settings;
}

Error error_when(const std::string& how) {
  const Registry registry(zoo_list());
  return error_of([&] {
    registry.make_dataset("throws", settings_for(registry, how),
                          DatasetContext{quiet_services()});
  });
}

TEST(Registry, GivesDefaultSettings) {
  const Registry registry(zoo_list());
  EXPECT_EQ(registry.settings_of("metric", "sound").integer("count"), 3);
}

TEST(Registry, NamesTheNearestPluginForATypo) {
  const Registry registry(zoo_list());
  const Error error =
      error_of([&] { registry.settings_of("dataset", "throw"); });
  EXPECT_EQ(error.kind(), ErrorKind::usage);
  EXPECT_TRUE(contains(error.hint(), "did you mean 'throws'?"));
}

TEST(Registry, TellsTheRealKindOfAPlugin) {
  const Registry registry(zoo_list());
  const Error error = error_of([&] { registry.info_of("dataset", "sound"); });
  EXPECT_TRUE(contains(error.message(), "is of kind metric"));
}

TEST(Registry, LetsAnErrorOfThePluginThrough) {
  const Error error = error_when("error");
  EXPECT_EQ(error.kind(), ErrorKind::data);
  EXPECT_EQ(error.message(), "no pictures");
  EXPECT_EQ(error.hint(), "buy some");
}

TEST(Registry, NamesThePluginThatThrewAnotherException) {
  const Error error = error_when("exception");
  EXPECT_EQ(error.kind(), ErrorKind::plugin);
  EXPECT_TRUE(contains(error.message(), "dataset plugin 'throws'"));
  EXPECT_TRUE(contains(error.message(), "throws.so"));
  EXPECT_TRUE(
      contains(error.message(), "threw while it was made: lens cap is on"));
}

TEST(Registry, CatchesWhatIsNoException) {
  EXPECT_TRUE(contains(error_when("number").message(), "no std::exception"));
}

TEST(Registry, RefusesAFactoryThatGivesNothing) {
  const Error error = error_when("nothing");
  EXPECT_EQ(error.kind(), ErrorKind::plugin);
  EXPECT_TRUE(contains(error.message(), "gave no object"));
}

TEST(Registry, LetsLackOfMemoryThrough) {
  const Registry registry(zoo_list());
  EXPECT_THROW(registry.make_dataset("throws", settings_for(registry, "memory"),
                                     DatasetContext{quiet_services()}),
               std::bad_alloc);
}

TEST(Registry, RefusesALibraryThatChangedSinceItWasListed) {
  PluginList list = zoo_list();
  list.plugins[1].sha256 = std::string(64, '0');
  const Registry registry(list);
  const Error error = error_of([&] {
    registry.make_dataset("throws", registry.settings_of("dataset", "throws"),
                          DatasetContext{quiet_services()});
  });
  EXPECT_EQ(error.kind(), ErrorKind::plugin);
  EXPECT_TRUE(contains(error.message(), "changed after it was described"));
}

TEST(Registry, RefusesALibraryOfAnotherNameThanListed) {
  PluginList list = zoo_list();
  list.plugins[1].name = "other";
  const Registry registry(list);
  const Error error = error_of([&] {
    registry.make_dataset("other", registry.settings_of("dataset", "other"),
                          DatasetContext{quiet_services()});
  });
  EXPECT_TRUE(contains(error.message(), "turns out to be dataset 'throws'"));
}

}  // namespace registry_test
}  // namespace shalab
