#include "run/prior_draws.h"

#include <ATen/ops/empty_like.h>

#include <utility>

#include "run/replay_check.h"

namespace shalab {

PriorDraws::PriorDraws(Prior& prior, const RunContext& context,
                       at::Generator& generator)
    : prior_(prior), generator_(generator) {
  if (!context.make_graph) return;
  auto graph = context.make_graph(generator);
  if (graph == nullptr) return;
  recorded_.emplace(std::move(graph), "a draw of the prior",
                    *context.services.logger);
}

Draw PriorDraws::next(std::int64_t n) {
  if (!recorded_) return prior_.sample(n, generator_);
  recorded_->run(
      n,
      [&] {
        draw(n);
        return true;
      },
      [&](const auto& replay) {
        const WorkState state{{draw_.z}, generator_};
        return replay_difference(
            state, [&] { draw(n); }, replay);
      });
  return {draw_.z.clone(), draw_.nfe};
}

void PriorDraws::draw(std::int64_t n) {
  auto drawn = prior_.sample(n, generator_);
  if (!draw_.z.defined() || draw_.z.sizes() != drawn.z.sizes()) {
    draw_.z = at::empty_like(drawn.z);
  }
  draw_.z.copy_(drawn.z);
  draw_.nfe = drawn.nfe;
}

}  // namespace shalab
