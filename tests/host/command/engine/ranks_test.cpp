#include "command/engine/ranks.h"

#include <gtest/gtest.h>

#include "plugin/plugin_list.h"
#include "shalab/error.h"

namespace shalab {
namespace devices_test {

using Names = std::vector<std::string>;

Names asked(const std::string& list, const std::string& device = "") {
  GlobalOptions options;
  options.device = device;
  return devices_asked(
      Arguments({"config.ini", "--devices", list}, {{"--devices", "LIST"}}),
      options);
}

Names of_run(const Names& asked, const Names& overrides,
             const std::string& device = "") {
  const auto config =
      resolve_file(SHALAB_SOURCE_DIR "/experiments/smoke/linear_gaussian.ini",
                   overrides, load_plugin_list({SHALAB_BUILD_DIR "/plugins"}));
  return devices_of(config, asked, device, *quiet_services().logger);
}

ErrorKind refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "not refused";
  return ErrorKind::run;
}

TEST(Devices, AreNamedByTheOption) {
  EXPECT_EQ(asked("cpu,cpu,cpu"), Names({"cpu", "cpu", "cpu"}));
  EXPECT_EQ(asked("cuda:1,cuda:0"), Names({"cuda:1", "cuda:0"}));
  EXPECT_EQ(devices_asked(Arguments({"config.ini"}, {}), {}), Names());
}

TEST(Devices, AreRefusedWhereTheyCannotTrainTogether) {
  for (const char* list :
       {"", "cpu,gpu", "cpu,,cpu", "cuda:0,cpu", "cuda:0,cuda:0"}) {
    EXPECT_EQ(refusal([&] { asked(list); }), ErrorKind::usage) << list;
  }
  EXPECT_EQ(refusal([] { asked("cpu,cpu", "cpu"); }), ErrorKind::usage);
}

TEST(Devices, FollowTheRecordedNumber) {
  EXPECT_EQ(of_run({}, {}), Names({"cpu"}));
  EXPECT_EQ(of_run({}, {"run.devices=3"}), Names({"cpu", "cpu", "cpu"}));
  EXPECT_EQ(of_run({}, {"run.device=auto", "run.devices=2"}, "cpu"),
            Names({"cpu", "cpu"}));
  EXPECT_EQ(of_run({"cuda:2", "cuda:3"}, {"run.devices=2"}),
            Names({"cuda:2", "cuda:3"}));
  EXPECT_EQ(refusal([] { of_run({"cpu", "cpu"}, {}); }), ErrorKind::resume);
}

}  // namespace devices_test
}  // namespace shalab
