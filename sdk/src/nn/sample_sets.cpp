#include "sample_sets.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/randperm.h>

#include "shalab/error.h"

namespace shalab {
namespace {

void require_two(const at::Tensor& x, const std::string& side,
                 const std::string& number) {
  if (x.size(0) >= 2) return;
  throw Error(ErrorKind::run,
              number + " of " + std::to_string(x.size(0)) + " " + side +
                  " samples: it needs 2",
              "raise evaluate.max_samples");
}

}  // namespace

void require_sample_sets(const at::Tensor& real, const at::Tensor& generated,
                         const std::string& number) {
  SHALAB_CHECK(real.dim() == 2 && generated.dim() == 2 &&
                   real.size(1) == generated.size(1),
               "expected two sets [N, F] of one F");
  require_two(real, "real", number);
  require_two(generated, "generated", number);
}

at::Tensor random_rows(const at::Tensor& x, std::int64_t size,
                       at::Generator& generator) {
  if (size == x.size(0)) return x;
  const at::Tensor order =
      at::randperm(x.size(0), generator, at::TensorOptions(at::kLong));
  return x.index_select(0, order.slice(0, 0, size).to(x.device()));
}

}  // namespace shalab
