#include "run/view_grid.h"

#include <ATen/ops/stack.h>

#include "shalab/error.h"

namespace shalab {

namespace {

constexpr const char* kHint =
    "--kind conditional draws a row per modality, whatever it is";

std::string shape_text(const ModalitySpec& modality) {
  std::string text = modality.name + " is";
  if (modality.kind != ModalityKind::image) return text + " no picture";
  for (std::size_t i = 0; i < modality.shape.size(); ++i) {
    text += (i == 0 ? " " : " x ") + std::to_string(modality.shape[i]);
  }
  return text;
}

std::vector<std::size_t> given_first(std::size_t num_views,
                                     ModalitySubset given) {
  std::vector<std::size_t> order = given.indices();
  for (std::size_t m = 0; m < num_views; ++m) {
    if (!given.contains(m)) order.push_back(m);
  }
  return order;
}

}  // namespace

void require_views(const std::vector<ModalitySpec>& modalities,
                   ModalitySubset given) {
  const ModalitySpec& first = modalities.front();
  for (const ModalitySpec& modality : modalities) {
    if (modality.kind == ModalityKind::image && modality.shape == first.shape) {
      continue;
    }
    throw Error(
        ErrorKind::usage,
        "samples of kind 'views' need modalities that are pictures of "
        "one size: " +
            shape_text(modality) +
            (modality.kind == ModalityKind::image ? ", " + shape_text(first)
                                                  : std::string()),
        kHint);
  }
  if (!given.empty() && given.size() < modalities.size()) return;
  throw Error(ErrorKind::usage,
              "samples of kind 'views' need some views to start from and "
              "others to generate",
              "add --given " + first.name);
}

std::vector<GridRow> view_rows(const std::vector<ModalitySpec>& modalities,
                               ModalitySubset given, const Batch& truth,
                               const std::vector<at::Tensor>& samples) {
  const at::Tensor presence = truth.presence.cpu();
  std::vector<GridRow> rows;
  for (std::int64_t n = 0; n < truth.size(); ++n) {
    GridRow real{&modalities.front(), {}, false, {}};
    GridRow made = real;
    std::vector<at::Tensor> seen, generated;
    for (const std::size_t m : given_first(modalities.size(), given)) {
      const auto column = static_cast<std::int64_t>(m);
      const bool is_given = given.contains(m);
      const bool is_present = presence[n][column].item<bool>();
      seen.push_back(truth.data[m][n]);
      real.marks.push_back(is_given     ? CellMark::framed
                           : is_present ? CellMark::plain
                                        : CellMark::blank);
      generated.push_back(samples[m][n]);
      made.marks.push_back(is_given ? CellMark::blank : CellMark::plain);
    }
    real.samples = at::stack(seen);
    made.samples = at::stack(generated);
    rows.push_back(real);
    rows.push_back(made);
  }
  return rows;
}

}  // namespace shalab
