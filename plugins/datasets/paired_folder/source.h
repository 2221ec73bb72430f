#pragma once
// A user's own tuples as the files hold them.
//
// A folder                       or an archive NAME.npz
//   photo/  a.png  b.jpg            photo      uint8 [N, H, W, 3]
//   pose/   a.npy                   pose       float [N, D]
//   words/  a.txt  b.txt            labels     int [N], optional
//   labels.csv   stem,label         splits     int [N], optional
//   splits.csv   stem,split         presence   bool [N, M], optional
//
// Tuple "a" is what the files with stem a hold, tuple "b" lacks its pose.
// labels.csv and splits.csv are optional.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "shalab/fields.h"
#include "shalab/services.h"

namespace shalab::paired_folder {

// One modality of all N tuples; its kind is read off later (kinds.h).
struct Column {
  std::string name;
  std::string origin;              // for messages: folder, or file and member
  at::Tensor presence;             // bool [N]
  at::Tensor values;               // [N, ...], zeros where absent; or
  std::vector<std::string> texts;  // N, "" where absent
};

// Tuples in the order of their sorted stems, or of the archive.
struct Source {
  std::vector<Column> columns;
  at::Tensor labels;  // int64 [N] from 0, undefined without labels
  at::Tensor splits;  // int64 [N] of Split, undefined where none is given

  std::int64_t size() const { return columns.front().presence.size(0); }
};

// At least one modality and three tuples, each with at least one modality;
// names of letters, digits, '_' and '-'. `modalities` of the settings says
// which folders or members are modalities, in their order; empty means all,
// sorted. Hidden files and folders are left alone, and so are files beside the
// folders, other tables (.csv) excepted. A file of another kind, size or type
// than its neighbours, or one that is truncated or stands where none belongs,
// is Error(data) naming it.
Source read_folder(const std::filesystem::path& root, const Settings& settings,
                   const Services& services);
Source read_archive(const std::filesystem::path& file,
                    const Settings& settings);

// What both readers end with: Error(data) unless the above holds.
void check_source(const Source& source, const std::string& origin);

}  // namespace shalab::paired_folder
