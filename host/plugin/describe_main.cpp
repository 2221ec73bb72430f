// shalab-describe FILE.so OUT.json: writes a plugin's side metadata. The build
// runs it for each plugin, so a plugin that cannot be loaded fails there.

#include <exception>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "plugin/describe.h"
#include "shalab/error.h"

namespace shalab {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const FieldValue& value) {
  return std::visit([](const auto& x) { return Json(x); }, value);
}

Json json_of(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json json_of(const Field& field) {
  return {{"name", field.name},
          {"type", to_string(field.type)},
          {"default", json_of(field.default_value)},
          {"minimum", json_of(field.minimum)},
          {"maximum", json_of(field.maximum)},
          {"minimum_excluded", field.minimum_excluded},
          {"choices", field.choices},
          {"unit", field.unit},
          {"meaning", field.meaning},
          {"after_training", field.changes_after_training}};
}

Json json_of(const PluginInfo& info) {
  Json fields = Json::array();
  for (const Field& field : info.fields.all()) {
    fields.push_back(json_of(field));
  }
  return {{"kind", info.kind},
          {"name", info.name},
          {"revision", info.revision},
          {"summary", info.summary},
          {"sdk_hash", info.sdk_hash},
          {"abi_stamp", info.abi_stamp},
          {"file", info.library.filename().string()},
          {"sha256", info.sha256},
          {"fields", fields}};
}

void describe(const std::string& library, const std::string& target) {
  const std::string text = json_of(describe_plugin(library)).dump(2) + "\n";
  std::ofstream file(target, std::ios::binary | std::ios::trunc);
  file << text;
  if (!file.flush()) throw Error(ErrorKind::plugin, "cannot write " + target);
}

}  // namespace

}  // namespace shalab

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: shalab-describe FILE.so OUT.json\n";
    return 2;
  }
  try {
    shalab::describe(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::cerr << "shalab-describe: error: " << error.what() << "\n";
    return 3;
  }
  return 0;
}
