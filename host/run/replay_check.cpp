#include "run/replay_check.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <sstream>

namespace shalab {

namespace {

constexpr double kRounding = 1e-6;  // of a tensor's norm

std::vector<at::Tensor> clones(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> result;
  for (const at::Tensor& tensor : tensors) {
    result.push_back(tensor.detach().clone(at::MemoryFormat::Preserve));
  }
  return result;
}

at::Tensor length_of(const at::Tensor& x) {
  return x.to(at::kDouble).square().sum().sqrt();
}

// [2]: how far the replay is off, how far it may be.
at::Tensor measured(const at::Tensor& before, const at::Tensor& computed,
                    const at::Tensor& replayed) {
  const at::Tensor change = length_of(computed.to(at::kDouble) - before);
  const at::Tensor off = length_of(replayed.to(at::kDouble) - computed);
  return at::stack(
      {off, kReplayTolerance * change + kRounding * length_of(computed)});
}

std::string first_difference(const std::vector<at::Tensor>& before,
                             const std::vector<at::Tensor>& computed,
                             const std::vector<at::Tensor>& replayed) {
  if (before.empty()) return "";
  std::vector<at::Tensor> all;
  for (std::size_t i = 0; i < before.size(); ++i) {
    all.push_back(measured(before[i], computed[i], replayed[i]));
  }
  const at::Tensor table = at::stack(all).cpu();
  const auto rows = table.accessor<double, 2>();
  for (std::int64_t i = 0; i < table.size(0); ++i) {
    if (rows[i][0] <= rows[i][1]) continue;
    std::ostringstream text;
    text << "its replay leaves a tensor of shape "
         << before[static_cast<std::size_t>(i)].sizes() << " off by "
         << rows[i][0] << " (norm), where " << rows[i][1] << " is allowed";
    return text.str();
  }
  return "";
}

}  // namespace

std::string replay_difference(const WorkState& state,
                              const std::function<void()>& work,
                              const std::function<void()>& replay) {
  const auto before = clones(state.tensors);
  auto generator = state.generator;
  const at::Tensor draws = generator.get_state();
  const auto take_back = [&] {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < before.size(); ++i) {
      at::Tensor(state.tensors[i]).copy_(before[i]);
    }
    generator.set_state(draws);
  };
  work();
  const auto computed = clones(state.tensors);
  take_back();
  replay();
  const at::NoGradGuard no_grad;
  const auto difference = first_difference(before, computed, state.tensors);
  if (!difference.empty()) take_back();
  return difference;
}

}  // namespace shalab
