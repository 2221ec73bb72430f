#pragma once
// Which pictures a folder of views holds.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace shalab {

struct ViewFolders {
  std::filesystem::path root;                // holds train.txt, test.txt, ...
  std::vector<std::string> objects;          // N names, sorted
  std::vector<std::int64_t> views;           // M numbers, ascending
  std::vector<std::filesystem::path> files;  // [object * M + view]
};

// The layout of SyncDreamer (Liu et al. 2023): ROOT/OBJECT/000.png, 001.png,
// ..., or ROOT/target/OBJECT/... where ROOT/target is there. With `subfolder`
// the pictures lie in OBJECT/SUBFOLDER. A file is picture k of its object when
// it is a PNG or JPEG by name and its stem ends in the number k
// ("000", "r_12"); others ("000-depth", "meta.pkl") are passed over.
// `wanted` names the views to read; empty = those of the first object, and
// then all objects must have the same. The order of a directory listing never
// matters. Error(data): no such folder, no objects, an object without a
// picture, two pictures of one view, a view that is missing or too many;
// Error(usage): a wanted view that is no number or named twice, above 64 views.
ViewFolders find_views(const std::filesystem::path& root,
                       const std::string& subfolder,
                       const std::vector<std::string>& wanted);

}  // namespace shalab
