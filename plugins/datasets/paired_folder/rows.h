#pragma once
// The files of one modality, stacked.

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

namespace shalab::paired_folder {

// N files by tuple; an empty path is an absent one, whose row stays zero. At
// least one is present. All throw Error(data) that names the file which cannot
// be read, or the first that differs from the first one read.
using Files = std::vector<std::filesystem::path>;

// uint8 [N, C, H, W]: C = 3 where any picture has colour, else 1; alpha over
// white. side > 0: all are resized to side x side (bilinear, antialiased, the
// aspect not kept); side = 0: all must be of one size.
at::Tensor read_pictures(const Files& files, std::int64_t side);

// [N, ...] of the type and shape that all arrays have.
at::Tensor read_arrays(const Files& files);

// Whole files, without the white space at their ends; line breaks and tabs
// become blanks.
std::vector<std::string> read_texts(const Files& files);

}  // namespace shalab::paired_folder
