#include "run/term_log.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "shalab/error.h"

namespace shalab {

namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

}  // namespace

at::Tensor TermLog::stacked(const Terms& terms) {
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
  return at::stack(values);
}

void TermLog::add(const at::Tensor& stacked) {
  const at::NoGradGuard no_grad;
  if (count_ == 0) first_bad_ = at::full_like(stacked, kNever);
  const auto is_bad = at::isfinite(stacked).logical_not_();
  const auto here = at::where(is_bad, static_cast<double>(count_), kNever);
  first_bad_ = at::minimum(first_bad_, here);
  sums_ = count_ == 0 ? stacked.clone() : sums_.add_(stacked);
  ++count_;
}

std::vector<TermPoint> TermLog::take(std::int64_t step) {
  std::vector<TermPoint> points;
  if (count_ == 0) {
    return points;
  }
  const auto both = at::stack({sums_ / static_cast<double>(count_),
                               first_bad_.to(at::kFloat)})
                        .cpu();
  const auto first = step - count_;
  count_ = 0;
  if (at::isfinite(both[1]).any().item<bool>()) refuse(first, both[1]);
  const auto* values = both.const_data_ptr<float>();
  for (std::size_t i = 0; i < names_.size(); ++i) {
    points.push_back({stage_, step, names_[i], values[i]});
  }
  char text[48];
  std::snprintf(text, sizeof text, "loss %.5g", points.front().value);
  summary_ = text;
  return points;
}

void TermLog::refuse(std::int64_t step, const at::Tensor& first_bad) const {
  const auto* when = first_bad.const_data_ptr<float>();
  const float earliest = *std::min_element(when, when + names_.size());
  std::string found;
  for (std::size_t i = 1; i < names_.size(); ++i) {
    if (when[i] == earliest) found += (found.empty() ? "" : ", ") + names_[i];
  }
  if (found.empty()) found = names_.front();
  throw Error(
      ErrorKind::run,
      stage_ + ": not finite in step " +
          std::to_string(step + static_cast<std::int64_t>(earliest) + 1) +
          ": " + found,
      "lower the learning rate, set clip_norm, or check the data; the last "
      "checkpoint is kept");
}

}  // namespace shalab
