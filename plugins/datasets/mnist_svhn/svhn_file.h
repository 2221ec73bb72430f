#pragma once
// The Street View House Numbers (Netzer et al., 2011), cropped digits.

#include <filesystem>

#include "labelled_images.h"

namespace shalab::mnist_svhn {

// train_32x32.mat or test_32x32.mat as its authors give it: a MATLAB file with
// X, uint8 [32, 32, 3, N] (row, column, channel, picture), and y, N labels 1 to
// 10 (uint8, or double as MATLAB writes them back), where 10 is digit 0. Result
// uint8 [N, 3, 32, 32]. Error(data) that names the file: no MATLAB file, an
// array missing, of another class or shape, another label, truncated, damaged.
LabelledImages read_svhn_file(const std::filesystem::path& file);

}  // namespace shalab::mnist_svhn
