#include <iostream>
#include <nlohmann/json.hpp>

#include "command/commands.h"
#include "config/canonical.h"
#include "config/resolve.h"
#include "plugin/plugin_list.h"

namespace shalab {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const ResolvedSection& section) {
  Json values = Json::object();
  for (const Field& field : section.settings.fields().all()) {
    const FieldValue& value = section.settings.value(field.name);
    values[field.name] = {
        {"value", std::visit([](const auto& x) { return Json(x); }, value)},
        {"origin", section.origins.at(field.name).text()}};
  }
  return {{"name", section.name}, {"values", values}};
}

Json json_of(const ResolvedConfig& config) {
  Json sections = Json::array();
  for (const ResolvedSection& section : config.sections) {
    sections.push_back(json_of(section));
  }
  return {{"schema", 1},
          {"config_hash", config_hash(config)},
          {"notices", config.notices},
          {"sections", sections}};
}

}  // namespace

int command_check(const Invocation& invocation) {
  const auto& words = invocation.arguments;
  const PluginList plugins =
      load_plugin_list(plugin_folders(invocation.options.plugins));
  const ResolvedConfig config =
      resolve_file(words.front(), {words.begin() + 1, words.end()}, plugins);
  if (invocation.options.json) {
    std::cout << json_of(config).dump(2) << "\n";
    return 0;
  }
  for (const std::string& notice : config.notices) {
    std::cerr << "shalab: " << notice << "\n";
  }
  std::cout << check_text(config);
  return 0;
}

}  // namespace shalab
