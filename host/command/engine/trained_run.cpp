#include "command/engine/trained_run.h"

#include "config/cross_check.h"
#include "run/tune.h"
#include "shalab/error.h"

namespace shalab {

namespace {

// Nothing to record: for commands that only look.
class NoSink : public Sink {
 public:
  void curves(const std::vector<TermPoint>&) override {}
  void measurements(const std::vector<Measurement>&) override {}
  void artifact(const std::string&, const std::filesystem::path&) override {}
  void flush() override {}
};

NoSink no_sink;

}  // namespace

TrainedRun::TrainedRun(Session& session, const std::string& run,
                       const std::vector<std::string>& overrides)
    : id_(session.run_id(run)) {
  auto config = session.config_of(id_, overrides);
  check_after_training(session.config_of(id_), config);
  context_ = session.context_for(config);
  context_.folder = session.folder_of(id_);
  context_.sink = &no_sink;
  experiment_ = std::make_unique<Experiment>(std::move(config),
                                             session.registry(), context_);
  Pipeline pipeline(*experiment_, context_);
  if (!pipeline.restore({true, true}) || pipeline.stages_done() == 0) {
    throw Error(ErrorKind::resume,
                "run " + id_ + " has no trained first stage in " +
                    context_.folder.string(),
                "finish it first: shalab resume " + id_);
  }
  stages_done_ = pipeline.stages_done();
  experiment_->first_stage().eval();
  for (auto& fitted : experiment_->fitted()) {
    fitted.prior->eval();
  }
  judges_ = judges_of(*experiment_, context_);
}

bool TrainedRun::is_trained(const std::string& source) const {
  const auto& fitted = experiment_->fitted();
  for (std::size_t i = 0; i < fitted.size(); ++i) {
    if (fitted[i].name == source) {
      return stages_done_ > i + 1;
    }
  }
  return true;
}

LatentSource TrainedRun::source(const std::string& name) {
  const auto chosen = name.empty() ? experiment_->source_names().back() : name;
  if (is_tuned(*experiment_, chosen)) {
    return tune(*experiment_, view(), chosen).source;
  }
  return experiment_->latent_source(chosen);
}

}  // namespace shalab
