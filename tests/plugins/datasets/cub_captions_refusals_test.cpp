#include "cub_captions_files.h"

namespace shalab {
namespace cub_captions_refusals_test {

using namespace cub_files;

class CubCaptionsRefuses : public BirdsTest {
 protected:
  // Replaces the first `from` in a file of the folder.
  void edit(const std::string& name, const std::string& from,
            const std::string& to) const {
    std::ifstream stream(birds() / name, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(stream), {}};
    const auto place = text.find(from);
    ASSERT_NE(place, std::string::npos) << from;
    write_text(birds() / name, text.replace(place, from.size(), to));
  }

  void write_table_of_birds() const {
    write_table(birds(), {{"001.Ani", 2}, {"002.Auk", 3}});
  }
};

TEST_F(CubCaptionsRefuses, NoFolder) {
  expect_refusal("cub10");
  std::filesystem::create_directories(birds());
  expect_refusal("captions.tsv");
}

TEST_F(CubCaptionsRefuses, APartThatIsMissing) {
  write_birds();
  std::filesystem::remove(birds() / "text_testclasses.txt");
  expect_refusal("text_testclasses.txt");
  write_birds();
  std::filesystem::remove_all(birds() / "train");
  expect_refusal("train");
  std::filesystem::create_directories(birds() / "train/001.Ani");
  expect_refusal("holds no SPECIES/*.jpg");
}

TEST_F(CubCaptionsRefuses, CaptionsThatAreNotTenAPicture) {
  write_birds();
  edit("text_testclasses.txt", caption_of(25, 3) + "\n", "");
  expect_refusal("text_testclasses.txt has 59 lines, expected 60");
  write_birds();
  edit("text_trainvalclasses.txt", caption_of(1, 1), "");
  expect_refusal("text_trainvalclasses.txt:12 is empty");
}

TEST_F(CubCaptionsRefuses, ASpeciesInTrainAndTest) {
  write_birds();
  write_text(birds() / "text_testclasses.txt", lines_of(24, 31));
  write_picture(birds() / "test/001.Ani/more.png", 30);
  expect_refusal("001.Ani is in train/ and in test/");
}

TEST_F(CubCaptionsRefuses, PicturesThatCannotBeDecoded) {
  write_birds();
  const auto file = birds() / "test/003.Jay" / file_name(24);
  std::filesystem::resize_file(file, 60);
  expect_refusal(file_name(24));
  write_text(file, "no picture");
  expect_refusal(file_name(24));
}

TEST_F(CubCaptionsRefuses, RowsThatDoNotMatchThePictures) {
  write_table_of_birds();
  edit("captions.tsv", "001.Ani/" + file_name(0), "001.Ani/absent.png");
  expect_refusal("'001.Ani/absent.png', which is not in images/");
  write_table_of_birds();
  edit("captions.tsv", "\t7\t", "\t8\t");
  expect_refusal("repeats caption 8");
  write_table_of_birds();
  write_picture(birds() / "images/002.Auk/more.png", 9);
  expect_refusal("lacks caption 0 of 002.Auk/more.png");
}

TEST_F(CubCaptionsRefuses, RowsThatAreNoCaptions) {
  write_table_of_birds();
  edit("captions.tsv", "\t9\t", "\t10\t");
  expect_refusal("captions.tsv:2 is not caption 0 to 9");
  write_table_of_birds();
  edit("captions.tsv", "\t" + caption_of(4, 9), "");
  expect_refusal("captions.tsv:2 has 2 columns, expected 3");
  write_table_of_birds();
  edit("captions.tsv", "caption\n", "sentence\n");
  expect_refusal("no column 'caption'");
  write_text(birds() / "captions.tsv", "");
  expect_refusal("captions.tsv is empty");
}

TEST_F(CubCaptionsRefuses, AnUnreadableSplit) {
  write_table_of_birds();
  write_text(birds() / "meta.tsv",
             "image\tcub_train\n001.Ani/" + file_name(0) + "\tyes\n");
  expect_refusal("meta.tsv:2 has cub_train = 'yes'");
}

TEST_F(CubCaptionsRefuses, SplitsWithoutPictures) {
  write_table_of_birds();
  for (const auto& tested : {std::vector<std::string>{"009"},
                             std::vector<std::string>{"001", "002"}}) {
    const auto [kind, text] = refused({{"test_classes", tested}});
    EXPECT_EQ(kind, static_cast<int>(ErrorKind::usage)) << text;
    EXPECT_NE(text.find("test_classes"), std::string::npos) << text;
  }
}

TEST_F(CubCaptionsRefuses, KeysItDoesNotKnow) {
  write_birds();
  const int usage = static_cast<int>(ErrorKind::usage);
  EXPECT_EQ(refused({{"split", std::string("pair")}}).first, usage);
  EXPECT_EQ(refused({{"min_count", std::int64_t{0}}}).first, usage);
}

}  // namespace cub_captions_refusals_test
}  // namespace shalab
