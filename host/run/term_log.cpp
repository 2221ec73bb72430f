#include "run/term_log.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <cstdio>

#include "shalab/error.h"

namespace shalab {

void TermLog::add(const Terms& terms) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> values{terms.loss.detach().to(at::kFloat)};
  for (const auto& [name, value] : terms.named) {
    values.push_back(value.detach().to(at::kFloat));
  }
  if (names_.empty()) {
    names_.emplace_back("loss");
    for (const auto& [name, value] : terms.named) {
      names_.push_back(name);
    }
  }
  const auto stacked = at::stack(values);
  sums_ = count_ == 0 ? stacked : sums_.add_(stacked);
  ++count_;
}

std::vector<TermPoint> TermLog::take(std::int64_t step) {
  std::vector<TermPoint> points;
  if (count_ == 0) {
    return points;
  }
  const auto means = (sums_ / static_cast<double>(count_)).cpu();
  const auto first = step - count_;
  count_ = 0;
  const auto* values = means.const_data_ptr<float>();
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const double value = values[i];
    if (!std::isfinite(value)) {
      throw Error(ErrorKind::run,
                  stage_ + ": term '" + names_[i] + "' is not finite (" +
                      std::to_string(value) + ") between steps " +
                      std::to_string(first) + " and " + std::to_string(step),
                  "lower the learning rate, set clip_norm, or check the data; "
                  "the last checkpoint is kept");
    }
    points.push_back({stage_, step, names_[i], value});
  }
  char text[48];
  std::snprintf(text, sizeof text, "loss %.5g", points.front().value);
  summary_ = text;
  return points;
}

}  // namespace shalab
