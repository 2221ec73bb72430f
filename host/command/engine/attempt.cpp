#include "command/engine/attempt.h"

#include <algorithm>
#include <exception>

#include "base/signals.h"
#include "command/engine/ranks.h"
#include "command/engine/recorder.h"
#include "config/canonical.h"
#include "parallel/launch.h"
#include "run/measure.h"
#include "run/pipeline.h"
#include "run/sample.h"
#include "shalab/error.h"

namespace shalab {

namespace {

// Which sources can be drawn from after `stages_done` stages.
std::function<bool(const std::string&)> trained_sources(
    const Experiment& experiment, std::size_t stages_done) {
  return [&experiment, stages_done](const std::string& name) {
    const auto& fitted = experiment.fitted();
    for (std::size_t i = 0; i < fitted.size(); ++i) {
      if (fitted[i].name == name) {
        return stages_done > i + 1;
      }
    }
    return stages_done >= 1;
  };
}

bool serves_conditions(const MultimodalModel& model, const LatentSource& source,
                       ModalitySubset given) {
  return source.is_posterior() ? model.serves(given)
                               : source.prior->traits().is_conditional;
}

std::vector<SampleRequest> grid_requests(const MultimodalModel& model,
                                         const LatentSource& source,
                                         std::int64_t count) {
  SampleRequest request;
  request.count = count;
  std::vector<SampleRequest> requests;
  if (!source.is_posterior()) {
    requests.push_back(request);
  }
  request.kind = "conditional";
  for (std::size_t m = 0; m < model.modalities().size(); ++m) {
    request.given = ModalitySubset::only(m);
    if (serves_conditions(model, source, request.given)) {
      requests.push_back(request);
    }
  }
  return requests;
}

void write_grids(Experiment& experiment, const RunContext& context,
                 const JudgeBank& judges,
                 const std::vector<LatentSource>& sources) {
  const auto count =
      2 * experiment.config().settings("evaluate").integer("num_grid");
  const bool has_pictures =
      std::any_of(experiment.dataset().modalities().begin(),
                  experiment.dataset().modalities().end(),
                  [](const auto& m) { return m.kind == ModalityKind::image; });
  if (count == 0 || !has_pictures) {
    return;
  }
  const auto view = generation_view(experiment, context, judges);
  for (const auto& source : sources) {
    for (const auto& request : grid_requests(view.model, source, count)) {
      for (const auto& file : write_samples(make_samples(view, source, request),
                                            experiment.dataset().modalities(),
                                            context.folder / "samples")) {
        context.sink->artifact("samples", file);
      }
    }
  }
}

Order order_of(const AttemptRequest& request, const RunContext& context) {
  Order order;
  order.config = canonical_text(request.config);
  order.devices = request.devices;
  order.folder = context.folder;
  order.accept_other_plugins = request.accept_other_plugins;
  return order;
}

struct Finished {
  Outcome outcome = Outcome::finished;
  std::vector<Measurement> rows;
  std::string note;
};

Finished train_and_measure(Session& session, const AttemptRequest& request,
                           const RunContext& context) {
  Experiment experiment(request.config, session.registry(), context);
  session.store().set_note(request.run_id, experiment.dataset().note());
  const auto judges = judges_of(experiment, context);
  check_metrics(experiment, context, judges);
  if (context.collective != nullptr) {
    send_order(order_of(request, context), context);
  }
  Pipeline pipeline(experiment, context);
  begin(pipeline, request.config, context, request.accept_other_plugins);
  Finished finished;
  finished.note = experiment.dataset().note();
  finished.outcome = pipeline.train();
  if (context.collective != nullptr) context.collective->close();
  if (finished.outcome == Outcome::cancelled) {
    return finished;
  }
  Measured measured;
  try {
    measured = measure(experiment, context, judges,
                       trained_sources(experiment, pipeline.stages_done()));
  } catch (const Stopped&) {
    finished.outcome = Outcome::cancelled;
    return finished;
  }
  finished.rows = std::move(measured.rows);
  context.sink->measurements(finished.rows);
  write_grids(experiment, context, judges, measured.sources);
  context.sink->flush();
  return finished;
}

std::optional<ResumePoint> resume_point(const AttemptRequest& request,
                                        const std::filesystem::path& folder) {
  if (!request.is_resumed) {
    return std::nullopt;
  }
  const auto loaded = load_newest(folder / "checkpoints");
  if (!loaded) {
    return std::nullopt;
  }
  const auto stage = loaded->checkpoint.state.at("stage").get<std::size_t>();
  const auto fitted = request.config.of_kind("fitted_prior");
  ResumePoint point;
  point.step = loaded->checkpoint.state.at("step").get<std::int64_t>();
  point.stage = stage == 0               ? "first_stage"
                : stage <= fitted.size() ? fitted[stage - 1]->name
                                         : "evaluate";
  return point;
}

}  // namespace

int run_attempt(Session& session, AttemptRequest request) {
  auto& store = session.store();
  const auto folder = session.folder_of(request.run_id);
  std::filesystem::create_directories(folder);
  session.log().open_file(folder / "log.txt");
  auto context =
      session.context_for(request.config, request.devices.front(),
                          static_cast<std::int64_t>(request.devices.size()));
  context.collective = request.collective;
  context.folder = folder;
  const auto attempt =
      store.begin_attempt(request.run_id, resume_point(request, folder));
  report_run(request.run_id);
  Recorder recorder(store, request.run_id, attempt, folder, session.log());
  context.sink = &recorder;
  try {
    const auto finished = train_and_measure(session, request, context);
    if (finished.outcome == Outcome::cancelled) {
      const int code = Stopped().exit_code();
      recorder.flush();
      store.finish(request.run_id, attempt, RunState::killed, code,
                   "stopped by a signal after a checkpoint");
      session.log().warn(
          "stopped after a checkpoint; go on with: shalab "
          "resume " +
          request.run_id);
      return code;
    }
    store.finish(request.run_id, attempt, RunState::finished);
    print_measurements(finished.rows, session.options().json, finished.note);
    return 0;
  } catch (const Error& error) {
    store.finish(request.run_id, attempt, RunState::failed,
                 static_cast<int>(error.kind()), error.what());
    throw;
  } catch (const std::exception& error) {
    store.finish(request.run_id, attempt, RunState::failed, 1, error.what());
    throw;
  }
}

}  // namespace shalab
