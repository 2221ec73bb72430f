#include "gather_rows.h"

#include <ATen/ops/index_select.h>
#include <torch/library.h>

#include "operators.h"

namespace shalab {

at::Tensor gather_rows(const at::Tensor& rows, const at::Tensor& indices) {
  static const auto gather =
      find_operator<decltype(formula::gather_rows)>("shalab::gather_rows");
  return call_below_autograd(gather, rows, indices);
}

namespace formula {

at::Tensor gather_rows(const at::Tensor& rows, const at::Tensor& indices) {
  return rows.index_select(0, indices).to(at::kFloat).div_(255.0);
}

}  // namespace formula

TORCH_LIBRARY_FRAGMENT(shalab, library) {
  library.def("gather_rows(Tensor rows, Tensor indices) -> Tensor",
              torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd,
                              TORCH_FN(formula::gather_rows)));
}

}  // namespace shalab
