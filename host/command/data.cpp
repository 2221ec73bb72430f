#include <iostream>
#include <nlohmann/json.hpp>

#include "base/terminal.h"
#include "command/commands.h"
#include "command/data_inventory.h"
#include "command/places.h"
#include "command/plugin_page.h"
#include "plugin/manifest.h"
#include "plugin/plugin_list.h"
#include "results/tables.h"

namespace shalab {

namespace {

using Json = nlohmann::ordered_json;

Json listing(const PluginList& plugins, const std::vector<DataItem>& items,
             const std::vector<std::filesystem::path>& places) {
  Json datasets = Json::array();
  for (const PluginInfo& info : plugins.plugins) {
    if (info.kind != "dataset") continue;
    datasets.push_back({{"name", info.name}, {"summary", info.summary}});
  }
  Json files = Json::array();
  for (const DataItem& item : items) {
    files.push_back({{"name", item.name},
                     {"what", item.what},
                     {"found", item.found.string()}});
  }
  Json folders = Json::array();
  for (const auto& place : places) {
    std::error_code error;
    folders.push_back({{"folder", place.string()},
                       {"exists", std::filesystem::exists(place, error)}});
  }
  return {{"schema", 1},
          {"datasets", datasets},
          {"files", files},
          {"folders", folders}};
}

void print_text(const Json& json) {
  Table datasets{{"dataset", "summary"}, {}};
  for (const Json& row : json["datasets"]) {
    datasets.rows.push_back(
        {row["name"].get<std::string>(), row["summary"].get<std::string>()});
  }
  Table files{{"files", "what", "found"}, {}};
  for (const Json& row : json["files"]) {
    const auto found = row["found"].get<std::string>();
    files.rows.push_back({row["name"].get<std::string>(),
                          row["what"].get<std::string>(),
                          found.empty() ? std::string("-") : found});
  }
  std::cout << as_text(datasets) << "\n" << as_text(files) << "\nlooked in:\n";
  for (const Json& row : json["folders"]) {
    std::cout << "  " << row["folder"].get<std::string>()
              << (row["exists"].get<bool>() ? "\n" : "  (not there)\n");
  }
}

}  // namespace

int command_data_list(const Invocation& invocation) {
  const auto places = data_places(invocation.options);
  const PluginList plugins =
      load_plugin_list(plugin_folders(invocation.options.plugins));
  const Json json = listing(plugins, data_inventory(places), places);
  if (invocation.options.json) {
    std::cout << json.dump(2) << "\n";
  } else {
    print_text(json);
  }
  return 0;
}

int command_data_show(const Invocation& invocation) {
  const PluginList plugins =
      load_plugin_list(plugin_folders(invocation.options.plugins));
  const PluginInfo& info = require_plugin(
      plugins, "dataset", invocation.arguments.front(), "data show");
  if (invocation.options.json) {
    std::cout << to_json(info).dump(2) << "\n";
  } else {
    std::cout << plugin_page(info, use_colour(invocation.options.colour, 1));
  }
  return 0;
}

}  // namespace shalab
