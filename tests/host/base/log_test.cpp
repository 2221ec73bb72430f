#include "base/log.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "shalab/error.h"

namespace shalab {
namespace log_test {

std::string stderr_of(Verbosity verbosity) {
  testing::internal::CaptureStderr();
  {
    Log log(verbosity);
    log.debug("one");
    log.info("two {}");
    log.warn("three");
  }
  return testing::internal::GetCapturedStderr();
}

TEST(Log, WritesByVerbosity) {
  EXPECT_EQ(stderr_of(Verbosity::quiet), "shalab: warning: three\n");
  EXPECT_EQ(stderr_of(Verbosity::normal),
            "shalab: two {}\nshalab: warning: three\n");
  EXPECT_EQ(stderr_of(Verbosity::verbose),
            "shalab: debug: one\nshalab: two {}\nshalab: warning: three\n");
}

TEST(Log, KeepsEverythingInItsFileWithTime) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "log.txt";
  testing::internal::CaptureStderr();
  {
    Log log(Verbosity::quiet);
    log.info("before");
    log.open_file(file);
    log.debug("detail");
    log.warn("danger");
  }
  testing::internal::GetCapturedStderr();
  const std::string text = read_file(file);
  EXPECT_EQ(text.find("before"), std::string::npos);
  EXPECT_NE(text.find("Z debug detail\n"), std::string::npos);
  EXPECT_NE(text.find("Z warning danger\n"), std::string::npos);
  EXPECT_EQ(text.find('T'), 10u);  // 2026-01-31T...
}

TEST(Log, CallsTheHookBeforeEachLineOnStderr) {
  testing::internal::CaptureStderr();
  int calls = 0;
  {
    Log log(Verbosity::normal);
    log.before_line([&calls] { ++calls; });
    log.info("a");
    log.debug("not shown");
    log.warn("b");
  }
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(calls, 2);
}

TEST(Log, RefusesAFileThatCannotBeOpened) {
  const TemporaryFolder folder;
  write_file_atomically(folder.path() / "file", "");
  Log log(Verbosity::quiet);
  EXPECT_THROW(log.open_file(folder.path() / "file" / "log.txt"), Error);
}

}  // namespace log_test
}  // namespace shalab
