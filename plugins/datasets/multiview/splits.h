#pragma once
// Which objects belong to which split: whole bodies, never some variants.

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string>

#include "folders.h"

namespace shalab {

struct SplitKeys {
  std::string body_separator;  // empty = every object is a body of its own
  double test_share = 0.2;     // of the bodies, where there is no test.txt
  std::uint64_t seed = 1;
};

// What stands before the first separator: "fox.007" is of the body "fox".
std::string body_of(const std::string& object, const std::string& separator);

// Indices of objects by Split, int64, shuffled by the seed. ROOT/train.txt,
// validation.txt and test.txt name objects or bodies, one a line (blank lines
// and those that start with # count for nothing); of a body with a listed
// object the unlisted ones are left out. A list that is not there is
// drawn by the seed from the bodies that no list names: test_share of them to
// test, a tenth of the others to validation, at least one each, the rest to
// train. Error(data): an unknown name, an object or a body in two splits, an
// empty split.
std::array<at::Tensor, 3> split_objects(const ViewFolders& folders,
                                        const SplitKeys& keys);

}  // namespace shalab
