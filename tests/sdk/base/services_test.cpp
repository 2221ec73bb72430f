#include "shalab/services.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "shalab/error.h"

namespace shalab {
namespace services_test {

namespace fs = std::filesystem;

class FindData : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::create_directories(root_ / "one");
    fs::create_directories(root_ / "two");
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path root_;
};

TEST_F(FindData, TakesTheFirstFolderThatHasIt) {
  std::ofstream(root_ / "two" / "digits.bin") << "x";
  Services services = quiet_services();
  services.data_folders = {root_ / "one", root_ / "two"};
  EXPECT_EQ(services.find_data("digits.bin", "digits"),
            root_ / "two" / "digits.bin");
  std::ofstream(root_ / "one" / "digits.bin") << "y";
  EXPECT_EQ(services.find_data("digits.bin", "digits"),
            root_ / "one" / "digits.bin");
}

TEST_F(FindData, ListsEveryPlaceLookedAt) {
  Services services = quiet_services();
  services.data_folders = {root_ / "one", root_ / "two"};
  try {
    services.find_data("absent.bin", "the training digits");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    for (const char* part : {"one/absent.bin", "two/absent.bin",
                             "the training digits", "SHALAB_DATA"}) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos);
    }
  }
}

TEST_F(FindData, SaysWhenNoFolderIsSet) {
  Services services;
  try {
    services.find_data("absent.bin", "digits");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("no data folder is set"), std::string::npos);
  }
}

TEST(QuietServices, ReadTheirFoldersFromTheEnvironment) {
  const char* before = std::getenv("SHALAB_DATA");
  const std::string kept = before == nullptr ? "" : before;
  setenv("SHALAB_DATA", "/a::/b", 1);
  const Services services = quiet_services();
  setenv("SHALAB_DATA", kept.c_str(), 1);
  EXPECT_EQ(services.data_folders, (std::vector<fs::path>{"/a", "/b"}));
  ASSERT_NE(services.logger, nullptr);
  ASSERT_NE(services.progress, nullptr);
  services.logger->warn("unheard");
  services.progress->report("epochs", 1, 2);
  EXPECT_FALSE(services.cancel->cancelled());
}

}  // namespace services_test
}  // namespace shalab
