#include "run/identity.h"

#include <functional>
#include <nlohmann/json.hpp>

#include "config/canonical.h"
#include "shalab/error.h"

namespace shalab {

namespace {

using Json = nlohmann::json;

bool shapes_first_stage(const std::string& section) {
  for (const auto* name :
       {"dataset", "missing", "latent", "fusion", "objective", "prior", "train",
        "encoder", "private_prior"}) {
    if (section == name || section.rfind(std::string(name) + ".", 0) == 0) {
      return true;
    }
  }
  return false;
}

// Keys of `own[part]` that `stored[part]` lacks or holds otherwise, and the
// other way round, comma separated.
std::string differing(const Json& stored, const Json& own,
                      const std::string& part,
                      const std::function<bool(const std::string&)>& matters) {
  const auto before = stored.value(part, Json::object());
  const auto now = own.value(part, Json::object());
  std::string names;
  const auto add = [&](const std::string& name) {
    names += (names.empty() ? "" : ", ") + name;
  };
  for (const auto& [name, digest] : now.items()) {
    if (matters(name) && before.value(name, Json()) != digest) {
      add(name);
    }
  }
  for (const auto& [name, digest] : before.items()) {
    if (matters(name) && !now.contains(name)) {
      add(name);
    }
  }
  return names;
}

bool always(const std::string&) { return true; }

void check_data(const Json& stored, const Json& own) {
  if (stored.at("dataset") != own.at("dataset")) {
    throw Error(ErrorKind::resume,
                "the data differ from those the run was trained on: " +
                    stored.at("dataset").get<std::string>() + " then, " +
                    own.at("dataset").get<std::string>() + " now",
                "restore the data files, or start a new run");
  }
}

}  // namespace

Json identity_of(const Experiment& experiment) {
  Json plugins;
  for (const auto& section : experiment.config().sections) {
    if (!section.plugin.empty()) {
      plugins[section.plugin_kind + "/" + section.plugin] =
          experiment.registry()
              .info_of(section.plugin_kind, section.plugin)
              .sha256;
    }
  }
  return {{"dataset", experiment.dataset().fingerprint()},
          {"plugins", plugins},
          {"config", section_hashes(experiment.config())}};
}

void check_identity(const Json& stored, const Json& own,
                    const IdentityRule& rule) {
  check_data(stored, own);
  const auto plugins = differing(stored, own, "plugins", [&](const auto& name) {
    return stored.at("plugins").contains(name);
  });
  if (!plugins.empty() && !rule.other_plugins) {
    throw Error(ErrorKind::resume,
                "these plugins were rebuilt since the checkpoint: " + plugins,
                "resume with --force to go on with the new ones");
  }
  const auto sections = differing(stored, own, "config", always);
  if (!sections.empty() && !rule.other_config) {
    throw Error(
        ErrorKind::resume,
        "config.ini differs from the config of the checkpoint in " + sections,
        "restore config.ini of the run folder, or start a new run");
  }
}

void check_same_first_stage(const Json& stored, const Json& own) {
  check_data(stored, own);
  const auto sections = differing(stored, own, "config", shapes_first_stage);
  if (!sections.empty()) {
    throw Error(
        ErrorKind::resume,
        "the first stage was trained under other settings in " + sections,
        "use that run's settings there, or train a new first stage");
  }
}

}  // namespace shalab
