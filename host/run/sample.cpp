#include "run/sample.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linspace.h>

#include <algorithm>

#include "run/view_grid.h"
#include "shalab/error.h"
#include "shalab/io/tensors.h"
#include "shalab/random.h"

namespace shalab {

namespace {

// The first tuples of the test split that have the modalities given.
Batch first_tuples(const GenerationView& view, ModalitySubset given,
                   std::int64_t count) {
  const auto size = view.dataset.size(Split::test);
  std::vector<at::Tensor> ids;
  std::int64_t found = 0;
  for (std::int64_t first = 0; first < size && found < count; first += count) {
    const auto block = std::min(count, size - first);
    ids.push_back(
        tuples_with(
            view.dataset.gather(Split::test,
                                index_range(first, block, view.context.device)),
            given)
            .ids);
    found += ids.back().size(0);
  }
  if (found < count) {
    throw Error(ErrorKind::usage,
                "only " + std::to_string(found) + " test tuples have " +
                    given.text(view.model.modalities()) + ", " +
                    std::to_string(count) + " are asked for",
                "lower --count");
  }
  return view.dataset.gather(Split::test, at::cat(ids).narrow(0, 0, count));
}

Batch inputs_of(const GenerationView& view, const SampleRequest& request) {
  auto given = request.given;
  for (const auto& [m, value] : request.inputs) {
    given = given.without(m);
  }
  auto batch = first_tuples(view, given, request.count);
  for (const auto& [m, value] : request.inputs) {
    auto shape = value.sizes().vec();
    shape[0] = request.count;
    batch.data[m] = value.to(view.context.device).expand(shape);
  }
  return batch;
}

void require_source(const GenerationView& view, const LatentSource& source,
                    const SampleRequest& request) {
  const GenerationTask task{request.kind == "joint"
                                ? GenerationTask::Route::joint
                                : GenerationTask::Route::conditional,
                            request.given, request.count, 0};
  if (request.kind == "interpolate" || serves_task(view.model, source, task)) {
    return;
  }
  throw Error(
      ErrorKind::usage,
      "latent source '" + source.name + "' cannot make '" + request.kind +
          "' samples" +
          (request.given.empty()
               ? std::string()
               : " given " + request.given.text(view.model.modalities())),
      "joint needs a prior; conditional, style and views need a conditional "
      "prior, or the posterior of a subset that the fusion serves (" +
          view.model.fusion().serves_what() + ")");
}

void require_views_of_tuples(const GenerationView& view,
                             const SampleRequest& request) {
  require_views(view.model.modalities(), request.given);
  if (request.inputs.empty()) return;
  throw Error(ErrorKind::usage,
              "samples of kind 'views' show test objects beside the truth",
              "leave --input out, or use --kind conditional");
}

at::Generator generator_of(const GenerationView& view,
                           const LatentSource& source,
                           const SampleRequest& request) {
  return make_generator(view.context.seed,
                        "sample/" + request.kind + "/" + source.name,
                        view.context.device);
}

SampleSet named(const std::string& name) { return {name, {}, {}, {}, {}}; }

void add_input(SampleSet& set, const ModalitySpec& modality,
               const at::Tensor& samples) {
  set.rows.push_back({&modality, samples, true, {}});
  set.originals["given." + modality.name] = samples;
}

SampleSet finished(const GenerationView& view, SampleSet set,
                   const at::Tensor& latents,
                   const std::vector<at::Tensor>& codes) {
  set.latents = latents;
  set.samples = decode_samples(view, codes);
  const auto& modalities = view.model.modalities();
  for (std::size_t m = 0; m < modalities.size(); ++m) {
    set.rows.push_back({&modalities[m], set.samples[m], false, {}});
  }
  return set;
}

struct Drawn {
  at::Tensor z;
  std::vector<at::Tensor> codes;  // by modality
};

// z given what `request` lets the source see of the tuples.
Drawn drawn_given(const GenerationView& view, const LatentSource& source,
                  const SampleRequest& request, const Batch& batch) {
  auto generator = generator_of(view, source, request);
  const auto features = view.model.encode(batch);
  auto condition = make_condition(view, batch, features, request.given);
  const auto z = source.is_posterior()
                     ? condition.posterior->rsample(1, generator)[0]
                     : source.prior->sample_given(condition, generator).z;
  const Seen seen{features, presence_of(view, request.given, request.count)};
  return {z, codes_of(view.model, z, seen, generator)};
}

SampleSet joint(const GenerationView& view, const LatentSource& source,
                const SampleRequest& request) {
  auto generator = generator_of(view, source, request);
  const auto z = source.prior->sample(request.count, generator).z;
  return finished(view, named("joint_" + source.name), z,
                  codes_of(view.model, z, {}, generator));
}

SampleSet conditional(const GenerationView& view, const LatentSource& source,
                      const SampleRequest& request) {
  const auto& modalities = view.model.modalities();
  const auto batch = inputs_of(view, request);
  const auto drawn = drawn_given(view, source, request, batch);
  auto set = named(request.given.text(modalities) + "_to_all_" + source.name);
  for (const auto m : request.given.indices()) {
    add_input(set, modalities[m], batch.data[m]);
  }
  return finished(view, std::move(set), drawn.z, drawn.codes);
}

SampleSet views(const GenerationView& view, const LatentSource& source,
                const SampleRequest& request) {
  const auto& modalities = view.model.modalities();
  const auto batch = first_tuples(view, request.given, request.count);
  const auto drawn = drawn_given(view, source, request, batch);
  auto set =
      named("views_" + request.given.text(modalities) + "_" + source.name);
  set.latents = drawn.z;
  set.samples = decode_samples(view, drawn.codes);
  set.rows = view_rows(modalities, request.given, batch, set.samples);
  for (std::size_t m = 0; m < modalities.size(); ++m) {
    const auto* role = request.given.contains(m) ? "given." : "truth.";
    set.originals[role + modalities[m].name] = batch.data[m];
  }
  return set;
}

SampleSet style(const GenerationView& view, const LatentSource& source,
                const SampleRequest& request) {
  auto generator = generator_of(view, source, request);
  const auto& modalities = view.model.modalities();
  const auto batch = inputs_of(view, request);
  const auto content = view.dataset.gather(
      Split::test,
      index_range(request.count, request.count, view.context.device));
  const auto features = view.model.encode(batch);
  auto condition = make_condition(view, batch, features, request.given);
  condition.start =
      view.model.fuse(view.model.encode(content), content.presence).mean();
  condition.noise_level = request.noise_level;
  auto set =
      named("style_" + request.given.text(modalities) + "_" + source.name);
  for (std::size_t m = 0; m < modalities.size(); ++m) {
    add_input(set, modalities[m], content.data[m]);
  }
  for (const auto m : request.given.indices()) {
    add_input(set, modalities[m], batch.data[m]);
  }
  const auto z = source.prior->sample_given(condition, generator).z;
  const Seen seen{features, presence_of(view, request.given, request.count)};
  return finished(view, std::move(set), z,
                  codes_of(view.model, z, seen, generator));
}

SampleSet interpolate(const GenerationView& view, const LatentSource& source,
                      const SampleRequest& request) {
  auto generator = generator_of(view, source, request);
  const auto batch =
      view.dataset.gather(Split::test, index_range(0, 2, view.context.device));
  const auto features = view.model.encode(batch);
  const auto share =
      at::linspace(0, 1, request.count, at::TensorOptions(view.context.device))
          .unsqueeze(1);
  const auto between = [&share](const at::Tensor& ends) {
    return ends[0] * (1 - share) + ends[1] * share;
  };
  const auto ends = view.model.fuse(features, batch.presence).mean();
  auto codes =
      codes_of(view.model, ends, {features, batch.presence, true}, generator);
  for (auto& code : codes) {
    code = between(code);
  }
  return finished(view, named("interpolate"), between(ends), codes);
}

}  // namespace

SampleSet make_samples(const GenerationView& view, const LatentSource& source,
                       const SampleRequest& request) {
  if (request.kind == "views") require_views_of_tuples(view, request);
  require_source(view, source, request);
  const at::AutoGradMode grad_mode(source.prior &&
                                   source.prior->traits().needs_gradients);
  const AutocastScope autocast(view.context.precision, view.context.device);
  if (request.kind == "joint") return joint(view, source, request);
  if (request.kind == "conditional") return conditional(view, source, request);
  if (request.kind == "style") return style(view, source, request);
  if (request.kind == "views") return views(view, source, request);
  if (request.kind == "interpolate") {
    return interpolate(view, source, request);
  }
  throw Error(ErrorKind::usage,
              "unknown kind of samples '" + request.kind + "'",
              "use joint, conditional, interpolate, style or views");
}

std::vector<std::filesystem::path> write_samples(
    const SampleSet& set, const std::vector<ModalitySpec>& modalities,
    const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  std::vector<std::filesystem::path> files;
  if (const auto grid = draw_grid(set.rows)) {
    files.push_back(folder / (set.name + ".png"));
    io::write_png(files.back(), *grid);
  }
  io::NamedArrays arrays;
  arrays["latents"] = io::to_array(set.latents);
  for (std::size_t m = 0; m < modalities.size(); ++m) {
    arrays[modalities[m].name] = io::to_array(set.samples[m]);
  }
  for (const auto& [name, original] : set.originals) {
    arrays[name] = io::to_array(original);
  }
  files.push_back(folder / (set.name + ".npz"));
  io::write_npz(files.back(), arrays);
  return files;
}

}  // namespace shalab
