// Both sides of the comparison with MultiVae (docs/peers.md):
//   peer_terms export FOLDER   new weights and a batch, as safetensors
//   peer_terms table           the terms of the fixtures, ours beside
//   MultiVae's

#include <cstdio>
#include <filesystem>

#include "../../tests/plugins/objectives/peer_model.h"

namespace shalab::peers {
namespace {

constexpr double kTolerance = 1e-4;
constexpr double kPerturbation = 0.2;

// Random data of every modality; truth values where the likelihood is
// bernoulli.
Tensors random_batch(const json& all) {
  auto generator = make_generator(1, "batch");
  const std::int64_t size = all.at("batch");
  Tensors batch;
  for (const json& entry : all.at("modalities")) {
    const ModalitySpec modality = modality_of(entry);
    std::vector<std::int64_t> shape = modality.shape;
    shape.insert(shape.begin(), size);
    at::Tensor& x = batch[modality.name];
    if (modality.kind == ModalityKind::tokens) {
      x = at::randint(modality.vocabulary_size(), shape, generator,
                      at::TensorOptions().dtype(at::kLong));
    } else if (modality.default_likelihood == "bernoulli") {
      x = at::rand(shape, generator).round();
    } else {
      x = at::rand(shape, generator);
    }
  }
  return batch;
}

// Initial weights moved at random, so that none sits at a special value.
Tensors random_weights(const json& all, const std::string& name) {
  at::manual_seed(1);
  const System system(all, name);
  auto generator = make_generator(1, "weights");
  Tensors weights;
  for (const auto& [key, tensor] : system.state()) {
    const at::Tensor own = tensor.detach().clone();
    weights[key] = own.is_floating_point()
                       ? own + kPerturbation * at::randn(own.sizes(), generator)
                       : own;
  }
  return weights;
}

int write_weights(const std::filesystem::path& folder) {
  const json all = description();
  std::filesystem::create_directories(folder);
  io::write_safetensors(folder / "batch.safetensors", random_batch(all));
  for (const auto& [name, system] : all.at("systems").items()) {
    io::write_safetensors(folder / (name + ".safetensors"),
                          random_weights(all, name));
  }
  return 0;
}

int print_table(const std::string& file) {
  const json all = description();
  const json golden = read_json(file);
  double largest = 0;
  std::printf("%-11s %-26s %14s %14s %10s\n", "system", "term", "shalab",
              "MultiVae", "difference");
  for (const auto& [name, system] : all.at("systems").items()) {
    for (const auto& [term, value] : fixture_terms(all, name)) {
      const double reference = golden.at("systems").at(name).at(term);
      const double difference = relative_difference(value, reference);
      largest = std::max(largest, difference);
      std::printf("%-11s %-26s %14.6f %14.6f %10.1e\n", name.c_str(),
                  term.c_str(), value, reference, difference);
    }
  }
  std::printf("largest relative difference %.1e, allowed %.0e; MultiVae %s\n",
              largest, kTolerance,
              golden.at("versions").at("multivae").get<std::string>().c_str());
  return largest < kTolerance ? 0 : 8;
}

int run(int count, char** arguments) {
  const std::string command = count > 1 ? arguments[1] : "";
  if (command == "export" && count == 3) return write_weights(arguments[2]);
  if (command == "table" && count <= 3) {
    return print_table(count > 2 ? arguments[2] : kFolder + "multivae.json");
  }
  std::fputs("usage: peer_terms export FOLDER | table [FILE]\n", stderr);
  return 2;
}

}  // namespace
}  // namespace shalab::peers

int main(int count, char** arguments) {
  try {
    return shalab::peers::run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "peer_terms: %s\n", error.what());
    return 1;
  }
}
