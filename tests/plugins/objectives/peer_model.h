#pragma once
// The small systems of tests/fixtures/peers, which MultiVae has too: built from
// plugins, with the weights and the batch that both were given.

#include <ATen/ATen.h>

#include <cmath>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "../load.h"
#include "mean_draws.h"
#include "model/multimodal_model.h"
#include "shalab/io/safetensors.h"
#include "shalab/objective.h"
#include "shalab/random.h"

namespace shalab::peers {

using nlohmann::json;
using Tensors = std::map<std::string, at::Tensor>;
using NamedNumbers = std::vector<std::pair<std::string, double>>;

inline const std::string kFolder = SHALAB_SOURCE_DIR "/tests/fixtures/peers/";

inline json read_json(const std::string& file) {
  std::ifstream stream(file);
  SHALAB_CHECK(stream.good(), "cannot open " + file);
  return json::parse(stream);
}

// systems.json: modalities, sizes, and each system's plugins and keys.
inline json description() { return read_json(kFolder + "systems.json"); }

inline FieldValue value_of(const json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number()) return value.get<double>();
  return value.get<std::string>();
}

inline ChangedKeys keys_of(const json& section) {
  ChangedKeys keys;
  for (const auto& [key, value] : section.items()) {
    if (key != "plugin") keys.emplace_back(key, value_of(value));
  }
  return keys;
}

inline ModalitySpec modality_of(const json& entry) {
  ModalitySpec spec;
  spec.name = entry.at("name");
  const std::string kind = entry.at("kind");
  spec.kind = kind == "image"    ? ModalityKind::image
              : kind == "tokens" ? ModalityKind::tokens
                                 : ModalityKind::vector;
  spec.shape = entry.at("shape").get<std::vector<std::int64_t>>();
  for (int v = 0; v < entry.value("symbols", 0); ++v) {
    spec.vocabulary.push_back(std::to_string(v));
  }
  spec.default_likelihood = entry.at("likelihood");
  return spec;
}

// One system with the weights of its initialisation.
class System {
 public:
  System(const json& all, const std::string& name)
      : all_(all), own_(all.at("systems").at(name)) {
    std::vector<std::string> weights;
    for (const json& entry : all_.at("modalities")) {
      modalities_.push_back(modality_of(entry));
      weights.push_back(modalities_.back().name + ":" +
                        to_text(entry.at("weight").get<double>()));
    }
    make_model();
    ChangedKeys keys = keys_of(own_.at("objective"));
    keys.emplace_back("likelihood_weights", weights);
    objective_ = make_plugin<Factory_objective>(
        "objective", own_.at("objective").at("plugin"),
        ObjectiveContext{modalities_, features_, latent_, private_}, keys);
  }

  // Every parameter and buffer by name, those of the objective after
  // "objective.".
  Tensors state() const {
    Tensors state;
    const auto add = [&](const auto& items, const std::string& prefix) {
      for (const auto& item : items) state[prefix + item.key()] = item.value();
    };
    add(model_->named_parameters(), "");
    add(model_->named_buffers(), "");
    add(objective_->named_parameters(), "objective.");
    return state;
  }

  void load(const Tensors& weights) {
    const at::NoGradGuard no_grad;
    Tensors own = state();
    SHALAB_CHECK(own.size() == weights.size(), "weights of another model");
    for (auto& [name, tensor] : own) tensor.copy_(weights.at(name));
  }

  // The loss and the named terms of one step with mean draws; then the norms of
  // the loss's gradient over encoders with their heads, decoders, and priors
  // (the objective's own included), where they are not zero.
  NamedNumbers terms(const Batch& batch) {
    const MeanDraws mean_draws;
    auto generator = make_generator(1, "objective");
    const StepInfo info{0, 1, own_.value("epoch", 0.0), generator};
    const Terms terms = objective_->terms(*model_, batch, info);
    NamedNumbers numbers = {{"loss", terms.loss.item<double>()}};
    for (const auto& [name, value] : terms.named) {
      numbers.emplace_back(name, value.item<double>());
    }
    terms.loss.backward();
    for (const auto& [part, square] : squared_gradients()) {
      if (square > 0) {
        numbers.emplace_back("gradient." + part, std::sqrt(square));
      }
    }
    return numbers;
  }

 private:
  void make_model() {
    const std::int64_t features = all_.at("features");
    latent_ = all_.at("latent");
    std::shared_ptr<PrivateLatents> privates;
    std::vector<std::string> names;
    for (const ModalitySpec& modality : modalities_) {
      names.push_back(modality.name);
    }
    features_.assign(modalities_.size(), features);
    if (own_.contains("private")) {
      const json& section = own_.at("private");
      private_ = section.at("size");
      privates = std::make_shared<PrivateLatents>(
          PrivateOptions{private_, {section.at("family"), section.at("scale")}},
          names, features_);
    }
    const json& fusion = own_.at("fusion");
    const json& prior = own_.at("prior");
    model_ = std::make_shared<MultimodalModel>(
        modalities_, LatentSizes{latent_, private_}, make_encoders(),
        make_plugin<Factory_fusion>(
            "fusion", fusion.at("plugin"),
            FusionContext{modalities_, features_, latent_,
                          std::vector<std::int64_t>(modalities_.size(), 0)},
            keys_of(fusion)),
        make_plugin<Factory_prior>(
            "prior", prior.at("plugin"),
            PriorContext{latent_, modalities_, features_}, keys_of(prior)),
        privates);
  }

  std::vector<std::shared_ptr<Encoder>> make_encoders() const {
    std::vector<std::shared_ptr<Encoder>> encoders;
    for (std::size_t m = 0; m < modalities_.size(); ++m) {
      ChangedKeys keys = keys_of(all_.at("encoder"));
      keys.emplace_back("likelihood_scale",
                        all_.at("modalities")[m].at("scale").get<double>());
      encoders.push_back(make_plugin<Factory_encoder>(
          "encoder", "mlp",
          EncoderContext{modalities_[m], features_[m],
                         private_ > 0 ? features_[m] : 0, latent_ + private_},
          keys));
    }
    return encoders;
  }

  std::map<std::string, double> squared_gradients() const {
    std::map<std::string, double> squares;
    for (const auto& [name, tensor] : state()) {
      if (!tensor.grad().defined()) continue;
      const bool is_prior =
          name.starts_with("prior.") || name.starts_with("objective.");
      const bool is_decoder = name.find(".decoder.") != std::string::npos;
      squares[is_prior     ? "priors"
              : is_decoder ? "decoders"
                           : "encoders"] +=
          tensor.grad().square().sum().item<double>();
    }
    return squares;
  }

  json all_;
  json own_;
  std::vector<ModalitySpec> modalities_;
  std::vector<std::int64_t> features_;
  std::int64_t latent_ = 0;
  std::int64_t private_ = 0;
  std::shared_ptr<MultimodalModel> model_;
  std::shared_ptr<Objective> objective_;
};

// Complete tuples from tensors by modality name.
inline Batch batch_of(const json& all, const Tensors& tensors) {
  Batch batch;
  for (const json& entry : all.at("modalities")) {
    batch.data.push_back(tensors.at(entry.at("name")));
  }
  batch.presence =
      at::ones({batch.data.front().size(0), std::ssize(batch.data)}, at::kBool);
  return batch;
}

// The terms of a system with the weights and the batch of the fixtures.
inline NamedNumbers fixture_terms(const json& all, const std::string& name) {
  System system(all, name);
  system.load(io::read_safetensors(kFolder + name + ".safetensors").tensors);
  return system.terms(batch_of(
      all, io::read_safetensors(kFolder + "batch.safetensors").tensors));
}

inline double relative_difference(double value, double reference) {
  return std::abs(value - reference) / std::max(std::abs(reference), 1e-12);
}

}  // namespace shalab::peers
