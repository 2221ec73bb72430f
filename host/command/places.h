#pragma once
// Where things are looked for.

#include <filesystem>
#include <string>
#include <vector>

#include "command/options.h"

namespace shalab {

// The folder of the running program.
std::filesystem::path program_folder();

// --data, else SHALAB_DATA; then ./data, <prefix>/share/shalab/data, and
// `data` and `../shared/data` of the source checkout. Whether they exist or
// not.
std::vector<std::filesystem::path> data_places(const GlobalOptions& options);

// SHALAB_CACHE, else $XDG_CACHE_HOME/shalab, else ~/.cache/shalab, else one
// under the temporary folder. Made when it is first written.
std::filesystem::path cache_place();

}  // namespace shalab
