#include "run/identity.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "shalab/error.h"

namespace shalab {
namespace identity_test {

nlohmann::json identity() {
  return {{"dataset", "d1"},
          {"plugins", {{"fusion/concat", "p1"}, {"metric/coherence", "p2"}}},
          {"config",
           {{"encoder", "c1"}, {"encoder.word", "c2"}, {"evaluate", "c3"}}}};
}

std::string refusal(const std::function<void()>& check) {
  try {
    check();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resume);
    return error.what();
  }
  return "";
}

TEST(Identity, EqualOnesPass) {
  EXPECT_EQ(refusal([] { check_identity(identity(), identity(), {}); }), "");
}

TEST(Identity, OtherDataAreAlwaysRefused) {
  auto own = identity();
  own["dataset"] = "d2";
  const auto text = refusal([&] {
    check_identity(identity(), own, {true, true});
  });
  EXPECT_NE(text.find("d1 then, d2 now"), std::string::npos) << text;
}

TEST(Identity, RebuiltPluginsAreRefusedUnlessForced) {
  auto own = identity();
  own["plugins"]["fusion/concat"] = "p9";
  const auto text = refusal([&] { check_identity(identity(), own, {}); });
  EXPECT_NE(text.find("fusion/concat"), std::string::npos) << text;
  EXPECT_EQ(text.find("metric/coherence"), std::string::npos) << text;
  EXPECT_EQ(refusal([&] {
              check_identity(identity(), own, {true, false});
            }),
            "");
}

TEST(Identity, ResumeRefusesAnEditedConfigNamingTheSections) {
  auto own = identity();
  own["config"]["evaluate"] = "c9";
  own["config"].erase("encoder.word");
  const auto text = refusal([&] { check_identity(identity(), own, {}); });
  EXPECT_NE(text.find("evaluate"), std::string::npos) << text;
  EXPECT_NE(text.find("encoder.word"), std::string::npos) << text;
  EXPECT_EQ(refusal([&] {
              check_identity(identity(), own, {false, true});
            }),
            "");
}

TEST(Identity, AFirstStageIsTakenOverOnlyWithItsOwnSettings) {
  auto own = identity();
  own["config"]["evaluate"] = "c9";
  EXPECT_EQ(refusal([&] { check_same_first_stage(identity(), own); }), "");
  own["config"]["encoder.word"] = "c9";
  const auto text = refusal([&] { check_same_first_stage(identity(), own); });
  EXPECT_NE(text.find("encoder.word"), std::string::npos) << text;
}

}  // namespace identity_test
}  // namespace shalab
