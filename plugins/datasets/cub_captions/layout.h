#pragma once
// The folders in which people keep CUB image-captions.
//
//   MMVAE (Shi et al. 2019)           a table
//     train/SPECIES/*.jpg               images/SPECIES/*.jpg
//     test/SPECIES/*.jpg                captions.tsv   image, k, caption
//     text_trainvalclasses.txt          meta.tsv       image, ..., cub_train
//     text_testclasses.txt                             (may be absent)
//
// A text file has one caption a line: line 10 i + c, from 0, is caption c of
// picture i of its folder in order of species and file name. A table has its
// columns by name, separated by tabs, in any order of rows; `image` is
// SPECIES/FILE and k is 0 .. 9.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace shalab::cub_captions {

inline constexpr std::int64_t kCaptions = 10;  // of each picture

struct Picture {
  std::filesystem::path file;
  std::string name;          // "001.Black_footed_Albatross/..._796111.jpg"
  std::int64_t species = 0;  // index into Layout::species
  bool is_test_species = false;
  std::optional<bool> is_cub_train;   // CUB's own split, where a table has it
  std::vector<std::string> captions;  // kCaptions, none empty
};

struct Layout {
  std::vector<std::string> species;  // folder names, sorted
  std::vector<Picture> pictures;     // by species, then by file name
};

// `test_species` says which species of a table are the test ones, by folder
// name or by what stands before its first full stop ("001"); MMVAE's folders
// say it themselves. Error(data) names the file and what was expected: a part
// missing, no pictures, a picture without its ten captions, a caption without
// picture, a species in train and test, an unreadable table.
Layout read_layout(const std::filesystem::path& folder,
                   const std::vector<std::string>& test_species);

}  // namespace shalab::cub_captions
