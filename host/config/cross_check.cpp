#include "config/cross_check.h"

#include <algorithm>
#include <set>

#include "shalab/error.h"

namespace shalab {

namespace {

bool is_device(const std::string& text) {
  if (text == "auto" || text == "cpu" || text == "cuda") return true;
  if (!text.starts_with("cuda:")) return false;
  const std::string number = text.substr(5);
  return !number.empty() && number.size() <= 3 &&
         std::ranges::all_of(number,
                             [](char c) { return c >= '0' && c <= '9'; });
}

void check_device(const ResolvedConfig& config) {
  const ResolvedSection& run = config.at("run");
  const std::string& device = run.settings.text("device");
  if (is_device(device)) return;
  refuse(run.origins.at("device"),
         "run.device must be auto, cpu, cuda or cuda:n, got '" + device + "'",
         "");
}

void check_source_names(const ResolvedConfig& config) {
  std::set<std::string> taken = {"training_prior", "posterior"};
  for (const char* kind : {"fitted_prior", "latent_source"}) {
    for (const ResolvedSection* section : config.of_kind(kind)) {
      if (taken.insert(section->instance).second) continue;
      refuse(section->origin,
             "[" + section->name + "]: another source of latents is called '" +
                 section->instance + "'",
             "choose another name; a fitted prior names its plugin by the key "
             "plugin then");
    }
  }
}

void check_latent_sources(const ResolvedConfig& config) {
  const ResolvedSection& evaluate = config.at("evaluate");
  const std::vector<std::string> known = latent_source_names(config);
  const Origin& origin = evaluate.origins.at("latent_sources");
  std::set<std::string> seen;
  for (const auto& name : evaluate.settings.list("latent_sources")) {
    if (std::ranges::count(known, name) == 0) {
      refuse(
          origin,
          "evaluate.latent_sources: no latent source is called '" + name + "'",
          known_names_hint(name, known, "latent sources"));
    }
    if (!seen.insert(name).second) {
      refuse(origin, "evaluate.latent_sources names '" + name + "' twice", "");
    }
  }
}

bool may_change(const ResolvedSection& section) {
  return section.kind == "evaluate" || section.kind == "metric" ||
         section.kind == "latent_source";
}

void compare_keys(const ResolvedSection& trained, const ResolvedSection& wanted,
                  std::vector<std::string>& changed) {
  if (trained.plugin != wanted.plugin) {
    changed.push_back(trained.name + ".plugin");
    return;
  }
  for (const Field& field : trained.settings.fields().all()) {
    if (field.changes_after_training) continue;
    const bool same =
        wanted.settings.has(field.name) &&
        trained.settings.value(field.name) == wanted.settings.value(field.name);
    if (!same) changed.push_back(trained.name + "." + field.name);
  }
}

}  // namespace

std::vector<std::string> latent_source_names(const ResolvedConfig& config) {
  std::vector<std::string> names = {"training_prior", "posterior"};
  for (const char* kind : {"fitted_prior", "latent_source"}) {
    for (const ResolvedSection* section : config.of_kind(kind)) {
      names.push_back(section->instance);
    }
  }
  return names;
}

void check_across(const ResolvedConfig& config) {
  check_device(config);
  check_source_names(config);
  check_latent_sources(config);
}

void check_after_training(const ResolvedConfig& trained,
                          const ResolvedConfig& wanted) {
  std::vector<std::string> changed;
  for (const ResolvedSection& section : trained.sections) {
    if (may_change(section)) continue;
    const ResolvedSection* other = wanted.find(section.name);
    if (other == nullptr) {
      changed.push_back("~" + section.name);
    } else {
      compare_keys(section, *other, changed);
    }
  }
  for (const ResolvedSection& section : wanted.sections) {
    if (may_change(section) || trained.has(section.name)) continue;
    changed.push_back("+" + section.name);
  }
  if (changed.empty()) return;
  throw Error(ErrorKind::usage,
              "a trained model cannot change: " + to_text(changed),
              "change only evaluate.*, metric.*, latent_source.* and sampler "
              "keys, or start a new run");
}

}  // namespace shalab
