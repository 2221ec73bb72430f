#include <iostream>

#include "command/engine/arguments.h"
#include "command/engine/commands.h"
#include "command/engine/trained_run.h"
#include "shalab/error.h"
#include "shalab/io/tensors.h"

namespace shalab {

int command_encode(const Invocation& invocation) {
  const Arguments arguments(invocation.arguments,
                            {{"--split", "SPLIT"}, {"-o", "FILE.npz"}});
  const auto usage =
      "shalab encode RUN [--split train|validation|test] "
      "-o FILE.npz";
  const auto& name = arguments.only("RUN", usage);
  const auto file = arguments.text("-o");
  if (file.empty()) {
    throw Error(ErrorKind::usage, "-o FILE.npz is missing", usage);
  }
  const auto split = split_from(arguments.text("--split", "test"));
  Session session(invocation.options);
  TrainedRun run(session, name, arguments.overrides());
  const auto encoded =
      encode_split(run.experiment().model(), run.experiment().dataset(), split,
                   run.context());
  io::NamedArrays arrays;
  arrays["mean"] = io::to_array(encoded.mean);
  if (encoded.log_var.defined()) {
    arrays["log_var"] = io::to_array(encoded.log_var);
  }
  if (encoded.labels.defined()) {
    arrays["labels"] = io::to_array(encoded.labels);
  }
  const auto& modalities = run.experiment().dataset().modalities();
  for (std::size_t m = 0; m < modalities.size(); ++m) {
    arrays["features." + modalities[m].name] =
        io::to_array(encoded.latents.features[m]);
  }
  for (std::size_t m = 0; m < encoded.private_means.size(); ++m) {
    arrays["private." + modalities[m].name] =
        io::to_array(encoded.private_means[m]);
  }
  if (encoded.latents.presence.defined()) {
    arrays["presence"] = io::to_array(encoded.latents.presence);
  }
  io::write_npz(file, arrays);
  std::cout << file << '\n';
  return 0;
}

}  // namespace shalab
