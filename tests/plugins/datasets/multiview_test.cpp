#include <ATen/ATen.h>

#include <chrono>
#include <set>

#include "dataset_files.h"
#include "shalab/io/images.h"

namespace shalab {
namespace multiview_test {

namespace fs = std::filesystem;
using Int = std::int64_t;
using Names = std::vector<std::string>;

class CountingLogger : public Logger {
 public:
  void debug(const std::string&) override {}
  void info(const std::string&) override {}
  void warn(const std::string&) override { ++warnings; }
  int warnings = 0;
};

io::Image plain(Int width, Int height, std::uint8_t red, std::uint8_t green) {
  io::Image image{width, height, 3, {}};
  for (Int i = 0; i < width * height; ++i) {
    image.pixels.insert(image.pixels.end(), {red, green, 7});
  }
  return image;
}

// Ten bodies "a" .. "j" of three objects, of three views: the pictures' red is
// the object's number and their green the view's.
class Multiview : public ::testing::Test {
 protected:
  Multiview() {
    for (int body = 9; body >= 0; --body) {
      for (int variant = 2; variant >= 0; --variant) {
        write_object(root(), body, variant);
      }
    }
  }

  fs::path root() const { return folder_.path() / "cars_views"; }

  static std::string name_of(int body, int variant) {
    return std::string(1, static_cast<char>('a' + body)) + "." +
           std::to_string(variant);
  }

  static void write_object(const fs::path& root, int body, int variant) {
    const fs::path folder = root / name_of(body, variant);
    fs::create_directories(folder);
    for (int view = 2; view >= 0; --view) {
      io::write_png(folder / ("00" + std::to_string(view) + ".png"),
                    plain(6, 4, static_cast<std::uint8_t>(body * 3 + variant),
                          static_cast<std::uint8_t>(view)));
    }
  }

  void write_text(const std::string& name, const std::string& text) const {
    std::ofstream(root() / name) << text;
  }

  Services services() const {
    Services services = services_at(folder_.path());
    services.cache_folder = folder_.path() / "cache";
    services.logger = &logger_;
    return services;
  }

  std::unique_ptr<Dataset> make(const ChangedKeys& keys = {}) const {
    return make_dataset("multiview", services(), keys);
  }

  // The refusal's kind is `kind` and its text holds `word`.
  bool refuses(ErrorKind kind, const std::string& word,
               const ChangedKeys& keys = {}) const {
    const auto [found, text] = refusal("multiview", services(), keys);
    return found == static_cast<int>(kind) &&
           text.find(word) != std::string::npos;
  }

  TemporaryFolder folder_;
  mutable CountingLogger logger_;
};

Batch whole(const Dataset& dataset, Split split) {
  return dataset.gather(split, at::arange(dataset.size(split)));
}

// The colour channel of each picture's corner, as a number.
std::vector<Int> corners(const at::Tensor& pictures, Int channel) {
  const at::Tensor values =
      pictures.select(1, channel).select(1, 0).select(1, 0).mul(255).round();
  const at::Tensor numbers = values.to(at::kLong).contiguous();
  return {numbers.data_ptr<Int>(), numbers.data_ptr<Int>() + numbers.numel()};
}

std::vector<Int> objects_in(const Dataset& dataset, Split split) {
  return corners(whole(dataset, split).data[0], 0);
}

std::set<Int> bodies_in(const Dataset& dataset, Split split) {
  std::set<Int> bodies;
  for (const Int object : objects_in(dataset, split)) bodies.insert(object / 3);
  return bodies;
}

std::multiset<Int> sorted(const std::vector<Int>& values) {
  return {values.begin(), values.end()};
}

TEST_F(Multiview, HasOneModalityForEachView) {
  const auto dataset = make();
  ASSERT_EQ(dataset->modalities().size(), 3U);
  EXPECT_EQ(dataset->modalities()[2].name, "view2");
  EXPECT_EQ(dataset->modalities()[2].shape, (std::vector<Int>{3, 4, 6}));
  const Batch batch = dataset->gather(Split::train, at::arange(2));
  EXPECT_EQ(batch.data[1].sizes(), at::IntArrayRef({2, 3, 4, 6}));
  EXPECT_FALSE(batch.labels.defined());
  EXPECT_EQ(dataset->num_classes(), 0);
}

TEST_F(Multiview, JoinsTheViewsOfOneObject) {
  const auto dataset = make();
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const Batch batch = whole(*dataset, split);
    for (std::size_t m = 0; m < 3; ++m) {
      EXPECT_EQ(corners(batch.data[m], 0), corners(batch.data[0], 0));
      for (const Int view : corners(batch.data[m], 1)) {
        EXPECT_EQ(view, static_cast<Int>(m));
      }
    }
  }
}

TEST_F(Multiview, HoldsOutWholeBodies) {
  const auto dataset = make();
  EXPECT_EQ(dataset->size(Split::test), 6);        // a fifth of 10 bodies
  EXPECT_EQ(dataset->size(Split::validation), 3);  // a tenth of 8
  EXPECT_EQ(dataset->size(Split::train), 21);
  std::set<Int> bodies;
  std::size_t sum = 0;
  for (const Split split : {Split::train, Split::validation, Split::test}) {
    const std::set<Int> part = bodies_in(*dataset, split);
    bodies.insert(part.begin(), part.end());
    sum += part.size();
  }
  EXPECT_EQ(sum, 10U);
  EXPECT_EQ(bodies.size(), 10U);
}

TEST_F(Multiview, TheSeedDrawsAndShufflesTheSplits) {
  const auto one = make(), again = make(), other = make({{"seed", Int{2}}});
  EXPECT_EQ(objects_in(*one, Split::train), objects_in(*again, Split::train));
  EXPECT_NE(objects_in(*one, Split::train), objects_in(*other, Split::train));
  EXPECT_NE(bodies_in(*one, Split::test), bodies_in(*other, Split::test));
  EXPECT_EQ(one->fingerprint(), again->fingerprint());
  EXPECT_NE(one->fingerprint(), other->fingerprint());
  const auto order = objects_in(*one, Split::train);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(Multiview, WithoutASeparatorEveryObjectIsABody) {
  const auto dataset = make({{"body_separator", std::string()}});
  EXPECT_EQ(dataset->size(Split::test), 6);
  EXPECT_EQ(dataset->size(Split::validation), 2);  // a tenth of 24
  EXPECT_GT(bodies_in(*dataset, Split::test).size(), 2U);
}

// Of body c only c.1 is listed, so c.0 and c.2 are left out.
TEST_F(Multiview, ListsNameBodiesOrObjects) {
  write_text("test.txt", "# held out\r\nb\r\n\r\n d \n");
  write_text("validation.txt", "c.1");
  const auto dataset = make();
  EXPECT_EQ(sorted(objects_in(*dataset, Split::test)),
            (std::multiset<Int>{3, 4, 5, 9, 10, 11}));
  EXPECT_EQ(objects_in(*dataset, Split::validation), std::vector<Int>{7});
  EXPECT_EQ(bodies_in(*dataset, Split::train),
            (std::set<Int>{0, 4, 5, 6, 7, 8, 9}));
}

TEST_F(Multiview, AListOfTrainingBodiesLeavesOutTheRest) {
  write_text("train.txt", "a\nb\n");
  const auto dataset = make();
  EXPECT_EQ(bodies_in(*dataset, Split::train), (std::set<Int>{0, 1}));
  EXPECT_EQ(bodies_in(*dataset, Split::test).size(), 2U);  // a fifth of 8
  EXPECT_EQ(bodies_in(*dataset, Split::validation).size(), 1U);
}

TEST_F(Multiview, RefusesABodyInTwoSplits) {
  write_text("train.txt", "c.0\n");
  write_text("test.txt", "c.1\n");
  EXPECT_TRUE(refuses(ErrorKind::data, "'c.1', of which train.txt"));
  EXPECT_EQ(make({{"body_separator", std::string()}})->size(Split::test), 1);
}

TEST_F(Multiview, RefusesUnknownNamesAndEmptySplits) {
  write_text("test.txt", "z\n");
  EXPECT_TRUE(refuses(ErrorKind::data, "test.txt names 'z'"));
  write_text("test.txt", "\n");
  EXPECT_TRUE(refuses(ErrorKind::data, "the test split"));
  write_text("test.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
  EXPECT_TRUE(refuses(ErrorKind::data, "which has 10 bodies"));
}

TEST_F(Multiview, ChoosesViewsByNumber) {
  const auto dataset = make({{"views", Names{"2", "0"}}});
  ASSERT_EQ(dataset->modalities().size(), 2U);
  EXPECT_EQ(dataset->modalities()[0].name, "view0");
  EXPECT_EQ(dataset->modalities()[1].name, "view2");
  const Batch batch = dataset->gather(Split::test, at::arange(1));
  EXPECT_EQ(corners(batch.data[1], 1), std::vector<Int>{2});
  EXPECT_TRUE(refuses(ErrorKind::data, "no picture of view 3",
                      {{"views", Names{"0", "3"}}}));
  EXPECT_TRUE(refuses(ErrorKind::usage, "'front' is not the number",
                      {{"views", Names{"front"}}}));
  EXPECT_TRUE(
      refuses(ErrorKind::usage, "named twice", {{"views", Names{"1", "01"}}}));
}

TEST_F(Multiview, RefusesObjectsOfOtherViews) {
  io::write_png(root() / "b.1/003.png", plain(6, 4, 0, 0));
  EXPECT_TRUE(refuses(ErrorKind::data, "has 4 views"));
  EXPECT_NO_THROW(make({{"views", Names{"0", "1", "2"}}}));
  fs::remove(root() / "b.1/003.png");
  fs::remove(root() / "b.1/001.png");
  EXPECT_TRUE(refuses(ErrorKind::data, "no picture of view 1"));
  EXPECT_TRUE(refuses(ErrorKind::data, "b.1"));
}

TEST_F(Multiview, PassesOverFilesThatAreNoViews) {
  for (const char* name : {"meta.pkl", "000-depth.png", "notes1.txt"}) {
    std::ofstream(root() / "a.0" / name) << "x";
  }
  fs::create_directories(root() / "a.0/003.png");
  fs::create_directories(root() / ".hidden");
  EXPECT_EQ(make()->modalities().size(), 3U);
}

TEST_F(Multiview, RefusesTwoPicturesOfOneView) {
  io::write_png(root() / "a.0/mask_1.png", plain(6, 4, 0, 0));
  EXPECT_TRUE(refuses(ErrorKind::data, "two pictures of view 1"));
}

TEST_F(Multiview, ReadsATargetFolderAndSubfolders) {
  const auto expected = objects_in(*make(), Split::test);
  const fs::path moved = folder_.path() / "moved/target";
  for (const auto& object : fs::directory_iterator(root())) {
    const fs::path folder = moved / object.path().filename() / "rgb";
    fs::create_directories(folder.parent_path());
    fs::copy(object.path(), folder, fs::copy_options::recursive);
  }
  fs::create_directories(folder_.path() / "moved/input/a.0");
  const auto dataset = make(
      {{"folder", std::string("moved")}, {"subfolder", std::string("rgb")}});
  EXPECT_EQ(objects_in(*dataset, Split::test), expected);
  const auto absolute =
      make({{"folder", moved.string()}, {"subfolder", std::string("rgb")}});
  EXPECT_EQ(absolute->fingerprint(), make()->fingerprint());
  EXPECT_TRUE(refuses(ErrorKind::data, "holds no views",
                      {{"folder", std::string("moved")}}));
}

TEST_F(Multiview, SaysWhereItLookedForAFolder) {
  EXPECT_TRUE(
      refuses(ErrorKind::data, "absent", {{"folder", std::string("absent")}}));
  EXPECT_TRUE(refuses(ErrorKind::data, "/absent/views",
                      {{"folder", std::string("/absent/views")}}));
  EXPECT_TRUE(
      refuses(ErrorKind::usage, "dataset.folder", {{"folder", std::string()}}));
  EXPECT_TRUE(refuses(ErrorKind::data, "holds no objects",
                      {{"folder", std::string("cars_views/a.0")}}));
}

TEST_F(Multiview, RefusesUnsoundPicturesByName) {
  const fs::path file = root() / "e.2/001.png";
  fs::resize_file(file, fs::file_size(file) / 2);
  EXPECT_TRUE(refuses(ErrorKind::data, "e.2/001.png"));
  io::write_png(file, plain(6, 5, 0, 0));
  EXPECT_TRUE(refuses(ErrorKind::data, "e.2/001.png is 6 x 5"));
}

TEST_F(Multiview, ResizesSquarePicturesOnly) {
  EXPECT_TRUE(refuses(ErrorKind::data, "6 x 4", {{"size", Int{8}}}));
  EXPECT_FALSE(fs::exists(folder_.path() / "cache/multiview"));
}

TEST_F(Multiview, RefusesMoreViewsThanASubsetHolds) {
  for (int view = 3; view < 65; ++view) {
    io::write_png(root() / "a.0" / (std::to_string(view) + ".png"),
                  plain(6, 4, 0, 0));
  }
  EXPECT_TRUE(refuses(ErrorKind::usage, "65 views"));
}

TEST_F(Multiview, LimitsKeepTheFirstObjects) {
  const auto all = make();
  const auto few = make({{"train_limit", Int{4}}, {"test_limit", Int{2}}});
  EXPECT_EQ(few->size(Split::train), 4);
  EXPECT_EQ(few->size(Split::validation), all->size(Split::validation));
  EXPECT_EQ(few->size(Split::test), 2);
  for (const Split split : {Split::train, Split::test}) {
    auto expected = objects_in(*all, split);
    expected.resize(static_cast<std::size_t>(few->size(split)));
    EXPECT_EQ(objects_in(*few, split), expected);
  }
  EXPECT_EQ(few->judge_key(), all->judge_key());
  EXPECT_EQ(few->fingerprint(), all->fingerprint() + " test_limit=2");
}

TEST_F(Multiview, TheNoteIsTheFolders) {
  EXPECT_EQ(make()->note(), "");
  write_text("note.txt", "not ShapeNet\nmore\n");
  EXPECT_EQ(make()->note(), "not ShapeNet");
}

TEST_F(Multiview, TheFingerprintFollowsThePixels) {
  const auto before = make()->fingerprint();
  io::write_png(root() / "a.0/001.png", plain(6, 4, 0, 9));
  EXPECT_NE(make()->fingerprint(), before);
}

// A file that is damaged behind the cache's back is not read again before its
// time changes.
TEST_F(Multiview, PacksOnce) {
  const auto expected = objects_in(*make(), Split::train);
  const fs::path file = root() / "a.0/001.png";
  const auto time = fs::last_write_time(file);
  const auto size = fs::file_size(file);
  std::ofstream(file, std::ios::binary) << std::string(size, 'x');
  fs::last_write_time(file, time);
  EXPECT_EQ(objects_in(*make(), Split::train), expected);
  fs::last_write_time(file, time + std::chrono::seconds(1));
  EXPECT_TRUE(refuses(ErrorKind::data, "a.0/001.png"));
}

TEST_F(Multiview, PacksAgainWhatIsDamaged) {
  const auto expected = objects_in(*make(), Split::train);
  ASSERT_EQ(logger_.warnings, 0);
  const fs::path cache = folder_.path() / "cache/multiview";
  const fs::path packed = fs::directory_iterator(cache)->path() / "view1.npy";
  const auto sound_size = fs::file_size(packed);
  {
    std::fstream stream(packed, std::ios::in | std::ios::out);
    stream.seekp(static_cast<std::streamoff>(sound_size) - 1);
    stream << 'x';
  }
  EXPECT_EQ(objects_in(*make(), Split::train), expected);
  EXPECT_EQ(logger_.warnings, 1);
  fs::resize_file(packed, sound_size / 2);
  EXPECT_EQ(objects_in(*make(), Split::train), expected);
  EXPECT_EQ(logger_.warnings, 2);
  EXPECT_EQ(objects_in(*make(), Split::train), expected);
  EXPECT_EQ(logger_.warnings, 2);
  EXPECT_EQ(std::distance(fs::directory_iterator(cache), {}), 1);
}

TEST_F(Multiview, WorksWhereNothingCanBePacked) {
  std::ofstream(folder_.path() / "cache") << "a file, no folder";
  EXPECT_EQ(make()->size(Split::train), 21);
  EXPECT_EQ(logger_.warnings, 1);
}

}  // namespace multiview_test
}  // namespace shalab
