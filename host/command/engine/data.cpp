#include <algorithm>
#include <iostream>

#include "command/engine/arguments.h"
#include "command/engine/commands.h"
#include "command/engine/plugin_settings.h"
#include "command/engine/session.h"
#include "run/latents.h"
#include "shalab/error.h"
#include "shalab/io/tensors.h"

namespace shalab {

namespace {

constexpr std::int64_t kExportBatch = 1000;

// "prepare NAME": NAME.
const std::string& dataset_name(const Arguments& arguments,
                                const std::string& command,
                                const std::string& usage) {
  const auto& words = arguments.positionals();
  if (words.size() != 2 || words[0] != command) {
    throw Error(ErrorKind::usage,
                "data " + command + " needs the name of a dataset",
                "usage: " + usage);
  }
  return words[1];
}

std::unique_ptr<Dataset> open_dataset(const Session& session,
                                      const std::string& name,
                                      const Arguments& arguments) {
  const auto settings = plugin_settings(session.registry(), "dataset", name,
                                        arguments.overrides());
  return session.registry().make_dataset(name, settings, {session.services()});
}

// Pictures as bytes, the rest as the dataset gives it.
at::Tensor exported(const at::Tensor& x, ModalityKind kind) {
  return kind == ModalityKind::image ? x.mul(255).round().to(at::kByte) : x;
}

using Parts = std::vector<at::Tensor>;

io::NamedArrays arrays_of(const Dataset& dataset, Split split) {
  const auto& modalities = dataset.modalities();
  std::map<std::string, Parts> parts;
  for (std::int64_t first = 0; first < dataset.size(split);
       first += kExportBatch) {
    const auto count = std::min(kExportBatch, dataset.size(split) - first);
    const Batch batch =
        dataset.gather(split, index_range(first, count, at::kCPU));
    for (std::size_t m = 0; m < modalities.size(); ++m) {
      parts[modalities[m].name].push_back(
          exported(batch.data[m], modalities[m].kind));
    }
    parts["presence"].push_back(batch.presence);
    if (batch.labels.defined()) parts["labels"].push_back(batch.labels);
  }
  io::NamedArrays arrays;
  for (const auto& [name, list] : parts) {
    arrays[name] = io::to_array(at::cat(list));
  }
  return arrays;
}

}  // namespace

int command_data_prepare(const Invocation& invocation) {
  const Arguments arguments(invocation.arguments, {});
  const auto& name = dataset_name(
      arguments, "prepare", "shalab data prepare NAME [dataset.key=value ...]");
  Session session(invocation.options);
  const auto dataset = open_dataset(session, name, arguments);
  std::cout << name << ": " << dataset->size(Split::train) << " train, "
            << dataset->size(Split::validation) << " validation, "
            << dataset->size(Split::test) << " test tuples of "
            << dataset->modalities().size() << " modalities ("
            << dataset->fingerprint() << ")\n";
  if (!dataset->note().empty()) {
    std::cout << "note: " << dataset->note() << '\n';
  }
  return 0;
}

int command_data_export(const Invocation& invocation) {
  const Arguments arguments(invocation.arguments,
                            {{"--split", "SPLIT"}, {"-o", "FILE.npz"}});
  const std::string usage =
      "shalab data export NAME [dataset.key=value ...] "
      "[--split train|validation|test] -o FILE.npz";
  const auto& name = dataset_name(arguments, "export", usage);
  const auto file = arguments.text("-o");
  if (file.empty()) {
    throw Error(ErrorKind::usage, "-o FILE.npz is missing", usage);
  }
  const auto split = split_from(arguments.text("--split", "test"));
  Session session(invocation.options);
  const auto dataset = open_dataset(session, name, arguments);
  io::write_npz(file, arrays_of(*dataset, split));
  std::cout << file << '\n';
  return 0;
}

}  // namespace shalab
