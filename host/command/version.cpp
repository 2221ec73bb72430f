#include <iostream>
#include <nlohmann/json.hpp>

#include "base/build_info.h"
#include "command/commands.h"

namespace shalab {

int command_version(const Invocation& invocation) {
  if (!invocation.options.json) {
    std::cout << version_text();
    return 0;
  }
  nlohmann::ordered_json json = {{"schema", 1}};
  for (const auto& [name, value] : build_facts()) json[name] = value;
  std::cout << json.dump(2) << "\n";
  return 0;
}

}  // namespace shalab
