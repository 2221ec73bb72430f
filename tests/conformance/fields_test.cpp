// Every plugin of every kind: its descriptor and its keys.

#include "plugins.h"

namespace shalab {
namespace fields_test {

const char* const kKinds[] = {"encoder", "fusion",  "objective", "prior",
                              "dataset", "refiner", "metric"};

std::vector<std::string> all_plugins() {
  std::vector<std::string> all;
  for (const std::string kind : kKinds) {
    for (const std::string& name : plugins_of(kind)) {
      all.push_back(kind + "/" + name);
    }
  }
  return all;
}

class AnyPlugin : public testing::TestWithParam<std::string> {
 protected:
  const PluginDescriptor& descriptor() const {
    const auto slash = GetParam().find('/');
    return load_descriptor(GetParam().substr(0, slash),
                           GetParam().substr(slash + 1));
  }
};

TEST_P(AnyPlugin, DescribesItself) {
  EXPECT_EQ(descriptor().magic, kPluginMagic);
  EXPECT_EQ(descriptor().kind + std::string("/") + descriptor().name,
            GetParam());
  EXPECT_GE(descriptor().revision, 1);
  EXPECT_STRNE(descriptor().summary, "");
}

TEST_P(AnyPlugin, FieldsHaveMeaningsAndAllowedDefaults) {
  FieldList fields;
  descriptor().declare_fields(fields);
  for (const Field& field : fields.all()) {
    EXPECT_FALSE(field.meaning.empty()) << field.name;
    const auto why_not = complaint(field, field.default_value);
    EXPECT_FALSE(why_not) << field.name << " " << why_not.value_or("");
  }
}

TEST_P(AnyPlugin, RefusesAnUndeclaredKey) {
  Settings settings = settings_of(descriptor());
  EXPECT_TRUE(is_usage_error([&] { settings.set("no_such_key", 1.0); }));
}

INSTANTIATE_TEST_SUITE_P(Conformance, AnyPlugin,
                         testing::ValuesIn(all_plugins()),
                         [](const testing::TestParamInfo<std::string>& plugin) {
                           std::string name = plugin.param;
                           name.replace(name.find('/'), 1, "_");
                           return name;
                         });

}  // namespace fields_test
}  // namespace shalab
