// shalab-describe FILE.so OUT.json: writes a plugin's side metadata. The build
// runs it for each plugin, so a plugin that cannot be loaded fails there.

#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "plugin/describe.h"
#include "plugin/manifest.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: shalab-describe FILE.so OUT.json\n";
    return 2;
  }
  try {
    const nlohmann::json json = to_json(shalab::describe_plugin(argv[1]));
    shalab::write_file_atomically(argv[2], json.dump(2) + "\n");
  } catch (const std::exception& error) {
    std::cerr << "shalab-describe: error: " << error.what() << "\n";
    return 3;
  }
  return 0;
}
