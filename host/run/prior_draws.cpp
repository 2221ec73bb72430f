#include "run/prior_draws.h"

#include <utility>

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
  recorded_->run(n, [&] {
    draw_ = prior_.sample(n, generator_);
    return true;
  });
  return {draw_.z.clone(), draw_.nfe};
}

}  // namespace shalab
