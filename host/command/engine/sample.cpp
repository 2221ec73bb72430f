#include "run/sample.h"

#include <iostream>

#include "command/engine/arguments.h"
#include "command/engine/commands.h"
#include "command/engine/trained_run.h"
#include "shalab/error.h"

namespace shalab {

namespace {

constexpr const char* kSampleUsage =
    "shalab sample RUN [--kind joint,conditional,interpolate,style,views] "
    "[--given m1+m2] [--input m1=FILE] [--source NAME] [--count N] "
    "[--noise-level X] -o DIR";

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t first = 0;
  while (first <= text.size()) {
    const auto comma = std::min(text.find(',', first), text.size());
    parts.push_back(text.substr(first, comma - first));
    first = comma + 1;
  }
  return parts;
}

std::map<std::size_t, at::Tensor> inputs_of(
    const Arguments& arguments, const std::vector<ModalitySpec>& modalities) {
  std::map<std::size_t, at::Tensor> inputs;
  for (const auto& input : arguments.all("--input")) {
    const auto equals = input.find('=');
    if (equals == std::string::npos) {
      throw Error(ErrorKind::usage, "--input '" + input + "' has no '='",
                  "write --input MODALITY=FILE, or =TEXT for tokens");
    }
    const auto m =
        modality_index(modalities, input.substr(0, equals), "--input");
    inputs[m] = read_input(input.substr(equals + 1), modalities[m]);
  }
  return inputs;
}

std::string default_kind(const Arguments& arguments) {
  return arguments.has("--given") || arguments.has("--input") ? "conditional"
                                                              : "joint";
}

}  // namespace

int command_sample(const Invocation& invocation) {
  const Arguments arguments(invocation.arguments, {{"--kind", "LIST"},
                                                   {"--given", "SUBSET"},
                                                   {"--input", "MODALITY=FILE"},
                                                   {"--source", "NAME"},
                                                   {"--count", "N"},
                                                   {"--noise-level", "X"},
                                                   {"-o", "DIR"}});
  const auto& name = arguments.only("RUN", kSampleUsage);
  if (!arguments.has("-o")) {
    throw Error(ErrorKind::usage, "-o DIR is missing", kSampleUsage);
  }
  Session session(invocation.options);
  TrainedRun run(session, name, arguments.overrides());
  const auto& modalities = run.experiment().dataset().modalities();
  SampleRequest request;
  request.count = arguments.integer("--count", 16, 1);
  request.noise_level = arguments.real("--noise-level", 0.5, 0.001, 1.0);
  request.inputs = inputs_of(arguments, modalities);
  request.given = ModalitySubset::parse(arguments.text("--given"), modalities);
  for (const auto& [m, value] : request.inputs) {
    request.given = request.given.with(m);
  }
  const auto source = run.source(arguments.text("--source"));
  const auto given = request.given;
  for (const auto& kind :
       split_list(arguments.text("--kind", default_kind(arguments)))) {
    request.kind = kind;
    request.given = kind == "joint" ? ModalitySubset::none() : given;
    for (const auto& file :
         write_samples(make_samples(run.view(), source, request), modalities,
                       arguments.text("-o"))) {
      std::cout << file.string() << '\n';
    }
  }
  return 0;
}

}  // namespace shalab
