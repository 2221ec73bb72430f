#include "base/files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "shalab/error.h"

namespace shalab {
namespace files_test {

namespace fs = std::filesystem;

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

void put(const fs::path& file, const std::string& text) {
  std::ofstream(file) << text;
}

template <typename Action>
void expect_data_error(const Action& action, const std::string& place,
                       const std::string& reason) {
  try {
    action();
    FAIL() << "no error; '" << reason << "' expected";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_NE(error.message().find(place), std::string::npos) << error.what();
    EXPECT_NE(error.message().find(reason), std::string::npos) << error.what();
  }
}

TEST(Files, KeepsEveryByte) {
  const TemporaryFolder folder;
  std::string bytes(200'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(i % 251);
  }
  write_file_atomically(folder.path() / "a", bytes);
  EXPECT_EQ(read_file(folder.path() / "a"), bytes);
  write_file_atomically(folder.path() / "a", "");
  EXPECT_EQ(read_file(folder.path() / "a"), "");
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"a"});
}

TEST(Files, SaysWhichPathAndWhy) {
  const TemporaryFolder folder;
  const fs::path none = folder.path() / "none";
  expect_data_error([&] { read_file(none); }, none.string(),
                    "No such file or directory");
  expect_data_error([&] { read_file(folder.path()); }, folder.path().string(),
                    "Is a directory");
  expect_data_error([&] { write_file_atomically(none / "a", "x"); },
                    (none / "a").string(), "No such file or directory");
}

TEST(Files, LeavesNothingWhereAFileCannotBePlaced) {
  const TemporaryFolder folder;
  fs::create_directory(folder.path() / "taken");
  put(folder.path() / "taken" / "x", "x");
  expect_data_error(
      [&] { write_file_atomically(folder.path() / "taken", "x"); }, "taken",
      "Is a directory");
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"taken"});
}

TEST(Files, ReportAFullDisk) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const TemporaryFolder folder;
  const fs::path target = folder.path() / "a";
  fs::path fresh = target;
  fresh += ".tmp-" + std::to_string(::getpid());
  fs::create_symlink("/dev/full", fresh);
  put(target, "old");
  expect_data_error([&] { write_file_atomically(target, "new"); },
                    target.string(), "No space left on device");
  EXPECT_EQ(read_file(target), "old");
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"a"});
}

TEST(Folders, AppearWholeAndReplaceOlderOnes) {
  const TemporaryFolder folder;
  const fs::path target = folder.path() / "checkpoint";
  write_folder_atomically(target, [&](const fs::path& fresh) {
    EXPECT_FALSE(fs::exists(target));
    EXPECT_EQ(fresh.parent_path(), folder.path());
    put(fresh / "first", "1");
  });
  EXPECT_EQ(names_in(target), std::set<std::string>{"first"});
  write_folder_atomically(target, [&](const fs::path& fresh) {
    EXPECT_TRUE(fs::exists(target / "first"));
    fs::create_directory(fresh / "inner");
    put(fresh / "inner" / "second", "2");
  });
  EXPECT_EQ(names_in(target), std::set<std::string>{"inner"});
  EXPECT_EQ(read_file(target / "inner" / "second"), "2");
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"checkpoint"});
}

TEST(Folders, StayAsTheyWereWhenFillingFails) {
  const TemporaryFolder folder;
  const fs::path target = folder.path() / "checkpoint";
  write_folder_atomically(
      target, [](const fs::path& fresh) { put(fresh / "old", "1"); });
  EXPECT_THROW(write_folder_atomically(target,
                                       [](const fs::path& fresh) {
                                         put(fresh / "new", "2");
                                         throw Error(ErrorKind::run, "no");
                                       }),
               Error);
  EXPECT_EQ(names_in(target), std::set<std::string>{"old"});
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{"checkpoint"});
}

TEST(Folders, CannotStandUnderAFile) {
  const TemporaryFolder folder;
  put(folder.path() / "file", "x");
  expect_data_error(
      [&] {
        write_folder_atomically(folder.path() / "file" / "x",
                                [](const fs::path&) {});
      },
      "file/x", "Not a directory");
}

TEST(Leftovers, AreRemovedAndNothingElse) {
  const TemporaryFolder folder;
  for (const char* name : {"a.tmp-12", "b.tmp-0.txt", "c.tmp-", "0000000100",
                           "tmp-5", "d.tmp-34"}) {
    fs::create_directory(folder.path() / name);
    put(folder.path() / name / "x", "x");
  }
  remove_leftovers(folder.path());
  EXPECT_EQ(
      names_in(folder.path()),
      (std::set<std::string>{"b.tmp-0.txt", "c.tmp-", "0000000100", "tmp-5"}));
  expect_data_error([&] { remove_leftovers(folder.path() / "none"); }, "none",
                    "No such file or directory");
}

TEST(FreeSpace, IsThatOfTheNearestFolder) {
  const TemporaryFolder folder;
  const std::uint64_t here = free_space(folder.path());
  const std::uint64_t below = free_space(folder.path() / "not" / "yet");
  EXPECT_GT(here, 0u);
  EXPECT_NEAR(static_cast<double>(here), static_cast<double>(below),
              0.05 * static_cast<double>(here));
}

TEST(TemporaryFolders, AreNewAndGoAway) {
  fs::path path;
  {
    const TemporaryFolder one("shalab-one");
    const TemporaryFolder two("shalab-one");
    EXPECT_NE(one.path(), two.path());
    EXPECT_TRUE(fs::is_empty(one.path()));
    path = one.path();
    put(path / "x", "x");
  }
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace files_test
}  // namespace shalab
