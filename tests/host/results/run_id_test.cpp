#include "results/run_id.h"

#include <set>

#include "fixture.h"

namespace shalab {
namespace run_id_test {

TEST(RunId, IsThirtyTwoHexDigitsThatIncrease) {
  std::string last;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = make_run_id();
    EXPECT_EQ(id.size(), 32u);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_GT(id, last);
    last = id;
  }
}

TEST(RunId, BeginsWithTheMillisecondsSince1970) {
  const auto before = std::chrono::system_clock::now();
  const std::uint64_t ms =
      std::stoull(make_run_id().substr(0, 12), nullptr, 16);
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       before.time_since_epoch())
                       .count();
  EXPECT_NEAR(static_cast<double>(ms), static_cast<double>(now), 60000.0);
}

class ResolveRun : public ::testing::Test {
 protected:
  ResolveRun() : store_(ResultsDb::open(folder_ / "a.db")) {
    for (const auto& [id, name] : {std::pair{"aaaa0", "shala"},
                                   {"aaab0", "mopoe"},
                                   {"bbbb0", "mopoe"}}) {
      RunRecord run = a_run(name);
      run.id = std::string(id) + std::string(27, '0');
      store_.create_run(run);
    }
  }
  std::string id_of(const std::string& text) {
    return resolve_run(store_.db(), text).substr(0, 5);
  }
  std::string refusal(const std::string& text) {
    return error_of([&] { resolve_run(store_.db(), text); }, ErrorKind::usage);
  }
  Folder folder_;
  RunStore store_;
};

TEST_F(ResolveRun, TakesPrefixNameTagAndLast) {
  store_.set_tag("aaab0" + std::string(27, '0'), "best", true);
  EXPECT_EQ(id_of("aaaa"), "aaaa0");
  EXPECT_EQ(id_of("shala"), "aaaa0");
  EXPECT_EQ(id_of("best"), "aaab0");
  EXPECT_EQ(id_of("last"), "bbbb0");
}

TEST_F(ResolveRun, ListsTheCandidatesOfAnAmbiguousName) {
  const std::string message = refusal("mopoe");
  EXPECT_NE(message.find("fits 2 runs"), std::string::npos) << message;
  EXPECT_NE(message.find("aaab0"), std::string::npos);
  EXPECT_NE(message.find("bbbb0"), std::string::npos);
}

TEST_F(ResolveRun, NamesTheNearestOfAnUnknownName) {
  EXPECT_NE(refusal("shalla").find("did you mean 'shala'"), std::string::npos);
  EXPECT_NE(refusal("cccc").find("lists 3 runs"), std::string::npos);
  EXPECT_NE(refusal("%").find("no run"), std::string::npos);
}

TEST_F(ResolveRun, DoesNotSeeDeletedRuns) {
  store_.set_deleted("bbbb0" + std::string(27, '0'), true);
  EXPECT_EQ(id_of("mopoe"), "aaab0");
  EXPECT_EQ(id_of("last"), "aaab0");
}

}  // namespace run_id_test
}  // namespace shalab
