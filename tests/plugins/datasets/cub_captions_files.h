#pragma once
// Made-up birds for the tests of cub_captions, in both of its layouts.
//
// Picture i, counted over all species in order, is of one colour whose red is
// i; its caption c reads "p<i> c<c>.", unless a test writes others.

#include <ATen/ATen.h>

#include <string>
#include <utility>
#include <vector>

#include "dataset_files.h"
#include "shalab/io/images.h"

namespace shalab::cub_files {

using Species = std::vector<std::pair<std::string, int>>;  // name, pictures

inline std::string caption_of(int picture, int c) {
  std::string text("p");
  text.append(std::to_string(picture)).append(" c");
  return text.append(std::to_string(c)).append(".");
}

inline void write_picture(const std::filesystem::path& file, int red) {
  io::Image image{8, 6, 3, {}};
  for (int i = 0; i < 48; ++i) {
    image.pixels.insert(image.pixels.end(),
                        {static_cast<std::uint8_t>(red), 2, 3});
  }
  std::filesystem::create_directories(file.parent_path());
  io::write_png(file, image);
}

inline void write_text(const std::filesystem::path& file,
                       const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

inline std::string file_name(int picture) {
  return "bird_" + std::to_string(100 + picture) + ".png";
}

// Pictures of `species` from number `first` on; the next number.
inline int write_pictures(const std::filesystem::path& folder,
                          const Species& species, int first) {
  for (const auto& [name, count] : species) {
    for (int i = 0; i < count; ++i, ++first) {
      write_picture(folder / name / file_name(first), first);
    }
  }
  return first;
}

inline std::string lines_of(int first, int last) {
  std::string text;
  for (int i = first; i < last; ++i) {
    for (int c = 0; c < 10; ++c) text += caption_of(i, c) + "\n";
  }
  return text;
}

// The species of `test` come after those of `train`.
inline void write_mmvae(const std::filesystem::path& folder,
                        const Species& train, const Species& test) {
  const int middle = write_pictures(folder / "train", train, 0);
  const int last = write_pictures(folder / "test", test, middle);
  write_text(folder / "text_trainvalclasses.txt", lines_of(0, middle));
  write_text(folder / "text_testclasses.txt", lines_of(middle, last));
}

// Rows of captions.tsv, backwards: their order must not matter.
inline std::string rows_of(const Species& species) {
  std::string rows;
  int picture = 0;
  for (const auto& [name, count] : species) {
    for (int i = 0; i < count; ++i, ++picture) {
      for (int c = 0; c < 10; ++c) {
        rows.insert(0, name + "/" + file_name(picture) + "\t" +
                           std::to_string(c) + "\t" + caption_of(picture, c) +
                           "\n");
      }
    }
  }
  return "image\tk\tcaption\n" + rows;
}

inline void write_table(const std::filesystem::path& folder,
                        const Species& species) {
  write_pictures(folder / "images", species, 0);
  write_text(folder / "captions.tsv", rows_of(species));
}

inline Batch whole(const Dataset& dataset, Split split) {
  return dataset.gather(split, at::arange(dataset.size(split)));
}

inline std::vector<int> pictures_of(const Batch& batch) {
  std::vector<int> pictures;
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    pictures.push_back(static_cast<int>(
        batch.data[0][i][0][31][31].mul(255).round().item<float>()));
  }
  return pictures;
}

// Words before <eos>, joined by blanks.
inline std::vector<std::string> texts_of(const Dataset& dataset,
                                         const Batch& batch) {
  std::vector<std::string> texts;
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    std::string text;
    for (std::int64_t t = 0; t < batch.data[1].size(1); ++t) {
      const auto id = batch.data[1][i][t].item<std::int64_t>();
      if (id == 2) break;
      text += (t > 0 ? " " : "") +
              dataset.modalities()[1].vocabulary[static_cast<std::size_t>(id)];
    }
    texts.push_back(text);
  }
  return texts;
}

// The folder cub/ of a data folder of its own, and what reads it.
class BirdsTest : public ::testing::Test {
 protected:
  Services services() const {
    Services services = services_at(folder_.path());
    services.cache_folder = folder_.path() / "cache";
    return services;
  }

  // All words of the made-up captions get a token.
  std::unique_ptr<Dataset> make(ChangedKeys keys = {}) const {
    keys.insert(keys.begin(), {"min_count", std::int64_t{1}});
    return make_dataset("cub_captions", services(), keys);
  }

  std::pair<int, std::string> refused(const ChangedKeys& keys = {}) const {
    return refusal("cub_captions", services(), keys);
  }

  // The refusal is Error(data) and names `word`.
  void expect_refusal(const std::string& word,
                      const ChangedKeys& keys = {}) const {
    const auto [kind, text] = refused(keys);
    EXPECT_EQ(kind, static_cast<int>(ErrorKind::data)) << text;
    EXPECT_NE(text.find(word), std::string::npos) << text;
  }

  // 24 pictures for training and validation, 6 for tests.
  void write_birds() const {
    write_mmvae(birds(), {{"001.Ani", 12}, {"002.Auk", 12}}, {{"003.Jay", 6}});
  }

  std::filesystem::path birds() const { return folder_.path() / "cub"; }

  TemporaryFolder folder_;
};

}  // namespace shalab::cub_files
