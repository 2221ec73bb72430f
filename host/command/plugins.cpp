#include <iostream>
#include <nlohmann/json.hpp>

#include "base/terminal.h"
#include "command/commands.h"
#include "command/plugin_page.h"
#include "plugin/manifest.h"
#include "plugin/plugin_list.h"
#include "results/tables.h"
#include "shalab/error.h"

namespace shalab {

namespace {

PluginList plugins_of(const Invocation& invocation) {
  return load_plugin_list(plugin_folders(invocation.options.plugins));
}

std::vector<std::string> kinds_in(const PluginList& plugins) {
  std::vector<std::string> kinds;
  for (const PluginInfo& info : plugins.plugins) {
    if (kinds.empty() || kinds.back() != info.kind) kinds.push_back(info.kind);
  }
  return kinds;
}

void keep_kind(PluginList& plugins, const std::string& kind) {
  const auto kinds = kinds_in(plugins);
  if (std::ranges::find(kinds, kind) == kinds.end()) {
    throw Error(ErrorKind::usage, "no plugin kind '" + kind + "'",
                known_names_hint(kind, kinds, "kinds"));
  }
  std::erase_if(plugins.plugins,
                [&](const PluginInfo& info) { return info.kind != kind; });
}

void print_json(const PluginList& plugins) {
  auto list = nlohmann::json::array();
  for (const PluginInfo& info : plugins.plugins) list.push_back(to_json(info));
  const nlohmann::ordered_json json = {
      {"schema", 1}, {"plugins", list}, {"problems", plugins.problems}};
  std::cout << json.dump(2) << "\n";
}

const PluginInfo& named(const PluginList& plugins, const std::string& name,
                        const std::string& kind) {
  if (!kind.empty()) return require_plugin(plugins, kind, name, "--kind");
  const auto kinds = plugins.kinds_of(name);
  if (kinds.empty()) {
    std::vector<std::string> names;
    for (const PluginInfo& info : plugins.plugins) names.push_back(info.name);
    throw Error(ErrorKind::usage, "no plugin '" + name + "'",
                known_names_hint(name, names, "plugins"));
  }
  return require_plugin(plugins, kinds.front(), name, "plugins show");
}

}  // namespace

int command_plugins_list(const Invocation& invocation) {
  PluginList plugins = plugins_of(invocation);
  if (!invocation.arguments.empty()) {
    keep_kind(plugins, invocation.arguments.front());
  }
  if (invocation.options.json) {
    print_json(plugins);
    return 0;
  }
  Table table{{"kind", "name", "rev", "summary"}, {}};
  for (const PluginInfo& info : plugins.plugins) {
    table.rows.push_back(
        {info.kind, info.name, std::int64_t{info.revision}, info.summary});
  }
  std::cout << as_text(table);
  for (const std::string& problem : plugins.problems) {
    std::cerr << "shalab: warning: " << problem << "\n";
  }
  return 0;
}

int command_plugins_show(const Invocation& invocation) {
  const PluginList plugins = plugins_of(invocation);
  if (invocation.has("--markdown")) {
    std::cout << plugin_reference(plugins);
    return 0;
  }
  if (invocation.arguments.empty()) {
    throw Error(ErrorKind::usage, "command 'plugins show' needs a NAME",
                "`shalab plugins list` shows them");
  }
  const PluginInfo& info =
      named(plugins, invocation.arguments.front(), invocation.value("--kind"));
  if (invocation.options.json) {
    std::cout << to_json(info).dump(2) << "\n";
  } else {
    std::cout << plugin_page(info, use_colour(invocation.options.colour, 1));
  }
  return 0;
}

}  // namespace shalab
