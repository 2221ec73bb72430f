#include "plugin/describe.h"

#include "base/digest.h"
#include "zoo_test.h"

namespace shalab {
namespace describe_test {

TEST(DescribePlugin, GivesWhatThePluginDeclares) {
  const PluginInfo info = describe_plugin(zoo("sound"));
  EXPECT_EQ(info.kind, "metric");
  EXPECT_EQ(info.name, "sound");
  EXPECT_EQ(info.revision, 7);
  EXPECT_EQ(info.summary, "an inhabitant of the zoo");
  EXPECT_EQ(info.sha256, sha256_file(zoo("sound")));
  ASSERT_NE(info.fields.find("count"), nullptr);
  EXPECT_EQ(info.fields.find("count")->minimum, 1.0);
  EXPECT_EQ(info.fields.find("count")->unit, "steps");
}

TEST(DescribePlugin, RefusesADefaultThatBreaksItsOwnBound) {
  const Error error = error_of([] { describe_plugin(zoo("bad_default")); });
  EXPECT_EQ(error.kind(), ErrorKind::plugin);
  EXPECT_TRUE(contains(error.message(), "field 'steps'"));
  EXPECT_TRUE(contains(error.message(), "must be at least 1, got 0"));
}

}  // namespace describe_test
}  // namespace shalab
