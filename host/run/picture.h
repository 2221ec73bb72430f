#pragma once
// Samples as pictures: grids of small images and words.

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <vector>

#include "shalab/io/images.h"
#include "shalab/modality.h"

namespace shalab {

enum class CellMark { plain, framed, blank };

// One row of a grid: N samples of one modality, as Batch::data holds them.
struct GridRow {
  const ModalitySpec* modality = nullptr;
  at::Tensor samples;
  bool is_input = false;        // framed: what generation was given
  std::vector<CellMark> marks;  // by sample; empty = all plain
};

// Rows below each other, the n-th samples in one column, pixels enlarged
// `scale` times. Tokens are drawn as text in capitals, words in
// lines. Vector modalities
// cannot be drawn and are left out; nothing when no row is left.
std::optional<io::Image> draw_grid(const std::vector<GridRow>& rows,
                                   std::int64_t scale = 2);

// Tokens int64 [T] as text up to <eos>, without <pad>, words with blanks
// between them, trailing spaces cut.
std::string token_text(const at::Tensor& tokens, const ModalitySpec& modality);

}  // namespace shalab
