#include <limits>

#include "paired_folder_files.h"

namespace shalab {
namespace paired_folder_refusals_test {

namespace fs = std::filesystem;
using namespace paired;

class PairedFolderRefuses : public PairedFolderTest {};

TEST_F(PairedFolderRefuses, PathsThatHoldNothing) {
  const Services services = services_at(folder_.path());
  EXPECT_EQ(refusal("paired_folder", services).first,
            static_cast<int>(ErrorKind::usage));
  const auto [kind, message] =
      refusal("paired_folder", services, {{"path", std::string("absent")}});
  EXPECT_EQ(kind, static_cast<int>(ErrorKind::data));
  EXPECT_NE(message.find((folder_.path() / "absent").string()),
            std::string::npos);
  expect_refused({"no folder", "sound"},
                 {{"modalities", std::vector<std::string>{"sound"}}});
  fs::create_directories(file("empty"));
  expect_refused({"empty holds no file"}, {});
}

TEST_F(PairedFolderRefuses, FilesThatDoNotBelong) {
  text("photo/notes.doc", "");
  expect_refused({"photo/notes.doc", "png, jpg, jpeg, npy or txt"});
  remove("photo/notes.doc");
  text("photo/a.txt", "");
  expect_refused({"photo holds", "a.txt", "t00.png", "one kind"});
  remove("photo/a.txt");
  picture("photo/t04.jpg", 6, 4, 1, 0);
  expect_refused({"t04.jpg", "t04.png", "each stem"});
  remove("photo/t04.jpg");
  text("label.csv", "t00,1\n");
  expect_refused({"label.csv", "labels.csv and splits.csv"});
  remove("label.csv");
  text("all/t00.txt", "");
  expect_refused({"'all' cannot name a modality"});
}

TEST_F(PairedFolderRefuses, DamagedFiles) {
  fs::resize_file(file("photo/t04.png"), 40);
  expect_refused({"photo/t04.png"});
  picture("photo/t04.png", 6, 4, 1, 0);
  fs::resize_file(file("pose/t05.npy"), 100);
  expect_refused({"pose/t05.npy"});
}

TEST_F(PairedFolderRefuses, ArraysThatDisagree) {
  array("pose/t05.npy", at::zeros({4}));
  expect_refused({"pose/t05.npy is Float [4]", "pose/t00.npy is Float [3]"});
  array("pose/t05.npy", at::zeros({3}, at::kLong));
  expect_refused({"pose/t05.npy is Long [3]"});
  array("pose/t05.npy", at::full({3}, std::numeric_limits<float>::infinity()));
  expect_refused({"pose", "not finite"});
}

TEST_F(PairedFolderRefuses, TablesThatDoNotFit) {
  text("labels.csv", "t00,1\nt99,1\n");
  expect_refused({"labels.csv:2", "'t99'"});
  text("labels.csv", "stem,label\nt00,1\n\nt00,1\n");
  expect_refused({"labels.csv:4", "'t00' again"});
  text("labels.csv", "t00 1\n");
  expect_refused({"labels.csv:1", "no comma"});
  text("labels.csv", "t00,1\n");
  expect_refused({"labels.csv", "no line for 't01'"});
  remove("labels.csv");
  table("splits.csv", [](int i) { return i == 2 ? "tests" : "train"; });
  expect_refused({"splits.csv:4", "no split 'tests'"});
  table("splits.csv", [](int i) { return i == 2 ? "test" : "train"; });
  expect_refused({"none of the 20 tuples for validation"});
}

TEST_F(PairedFolderRefuses, WhatCannotBeTrained) {
  table("splits.csv", [](int i) {
    return std::string(i < 18 ? "train" : i == 18 ? "validation" : "test");
  });
  for (int i = 0; i < 18; ++i) remove("pose/" + stem(i) + ".npy");
  expect_refused({"no training tuple has modality 'pose'"});
  const auto [kind, message] =
      refusal("paired_folder", services_at(folder_.path()),
              {{"path", std::string("mine")},
               {"modalities", std::vector<std::string>{"pose"}}});
  EXPECT_EQ(kind, static_cast<int>(ErrorKind::data));
  EXPECT_NE(message.find("2 tuples"), std::string::npos) << message;
}

TEST_F(PairedFolderRefuses, SharesThatLeaveNothing) {
  const auto [kind, message] =
      refusal("paired_folder", services_at(folder_.path()),
              {{"path", std::string("mine")},
               {"validation_share", 0.5},
               {"test_share", 0.5}});
  EXPECT_EQ(kind, static_cast<int>(ErrorKind::usage));
  EXPECT_NE(message.find("smaller shares"), std::string::npos);
}

}  // namespace paired_folder_refusals_test
}  // namespace shalab
