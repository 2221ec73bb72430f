#include <iostream>

#include "base/files.h"
#include "command/engine/arguments.h"
#include "command/engine/attempt.h"
#include "command/engine/commands.h"
#include "command/engine/ranks.h"
#include "config/canonical.h"
#include "parallel/launch.h"

namespace shalab {

namespace {

std::vector<ConfigValue> config_values(const ResolvedConfig& config) {
  std::vector<ConfigValue> values;
  for (const auto& section : config.sections) {
    for (const auto& [key, origin] : section.origins) {
      values.push_back({section.name + "." + key,
                        to_text(section.settings.value(key)), origin.text()});
    }
  }
  return values;
}

std::vector<RunPlugin> run_plugins(const ResolvedConfig& config,
                                   const Registry& registry) {
  std::vector<RunPlugin> plugins;
  for (const auto& section : config.sections) {
    if (!section.plugin.empty()) {
      const auto& info = registry.info_of(section.plugin_kind, section.plugin);
      plugins.push_back({section.kind, info.name, info.revision, info.sha256});
    }
  }
  return plugins;
}

std::string record_run(Session& session, const ResolvedConfig& config,
                       const std::string& file) {
  const auto& run = config.settings("run");
  RunRecord record;
  record.name = run.text("name");
  record.experiment = file;
  record.seed = run.integer("seed");
  record.config_hash = config_hash(config);
  record.config = config_values(config);
  record.plugins = run_plugins(config, session.registry());
  const auto id = session.store().create_run(record);
  write_file_atomically(session.folder_of(id) / "config.ini",
                        canonical_text(config));
  return id;
}

}  // namespace

int command_run(const Invocation& invocation) {
  if (rank_number() > 0) return follow(invocation.options);
  const auto collective = open_collective();
  const Arguments arguments(invocation.arguments, {{"--devices", "LIST"}});
  const auto& file =
      arguments.only("CONFIG", "shalab run CONFIG [section.key=value ...]");
  Session session(invocation.options);
  const auto asked = devices_asked(arguments, invocation.options);
  auto overrides = arguments.overrides();
  if (!asked.empty()) {
    overrides.push_back("run.devices=" + std::to_string(asked.size()));
  }
  auto config = resolve_file(file, overrides, session.registry().list());
  const auto devices =
      devices_of(config, asked, invocation.options.device, session.log());
  if (devices.size() > 1 && !collective) {
    return launch_ranks(session, devices);
  }
  for (const auto& notice : config.notices) {
    session.log().warn(notice);
  }
  const auto id = record_run(session, config, file);
  if (!invocation.options.json) {
    std::cout << "run " << id << std::endl;
  }
  session.log().info("run " + id + " (" + config.settings("run").text("name") +
                     ")");
  return run_attempt(session, {id, std::move(config), false, false, devices,
                               collective.get()});
}

}  // namespace shalab
