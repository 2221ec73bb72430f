#pragma once
// A trained run, loaded to be measured or sampled.

#include <memory>
#include <string>
#include <vector>

#include "command/engine/session.h"
#include "run/measure.h"
#include "run/pipeline.h"

namespace shalab {

// Throws Error(resume) when the run has no finished first stage, Error(usage)
// when an override changes what was trained.
class TrainedRun {
 public:
  TrainedRun(Session& session, const std::string& run,
             const std::vector<std::string>& overrides);

  const std::string& id() const { return id_; }
  Experiment& experiment() { return *experiment_; }
  RunContext& context() { return context_; }
  const JudgeBank& judges() const { return judges_; }
  GenerationView view() {
    return generation_view(*experiment_, context_, judges_);
  }
  // Can the source's prior be drawn from?
  bool is_trained(const std::string& source) const;
  // The source called `name`, tuned if it asks for it; "" = the last one of
  // the config's list.
  LatentSource source(const std::string& name);

 private:
  std::string id_;
  RunContext context_;
  std::unique_ptr<Experiment> experiment_;
  std::size_t stages_done_ = 0;
  JudgeBank judges_;
};

}  // namespace shalab
