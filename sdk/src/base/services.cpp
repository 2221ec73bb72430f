#include "shalab/services.h"

#include <cstdlib>
#include <sstream>

#include "shalab/error.h"

namespace shalab {

namespace {

class SilentLogger : public Logger {
 public:
  void debug(const std::string&) override {}
  void info(const std::string&) override {}
  void warn(const std::string&) override {}
};

class SilentProgress : public Progress {
 public:
  void report(const std::string&, std::int64_t, std::int64_t) override {}
};

class NeverCancelled : public CancelToken {
 public:
  bool cancelled() const override { return false; }
};

std::vector<std::filesystem::path> folders_of(const char* variable) {
  std::vector<std::filesystem::path> folders;
  const char* text = std::getenv(variable);
  std::istringstream stream(text == nullptr ? "" : text);
  for (std::string folder; std::getline(stream, folder, ':');) {
    if (!folder.empty()) folders.emplace_back(folder);
  }
  return folders;
}

}  // namespace

std::filesystem::path Services::find_data(const std::string& relative,
                                          const std::string& purpose) const {
  std::string looked_at;
  for (const std::filesystem::path& folder : data_folders) {
    const std::filesystem::path candidate = folder / relative;
    std::error_code error;
    if (std::filesystem::exists(candidate, error)) return candidate;
    looked_at += "\n  " + candidate.string();
  }
  if (looked_at.empty()) looked_at = " no data folder is set";
  throw Error(
      ErrorKind::data,
      "cannot find " + relative + " (" + purpose + "); looked at:" + looked_at,
      "name the folder that holds it with --data or SHALAB_DATA");
}

Services quiet_services() {
  static SilentLogger logger;
  static SilentProgress progress;
  static const NeverCancelled cancel;
  Services services;
  services.logger = &logger;
  services.progress = &progress;
  services.cancel = &cancel;
  services.data_folders = folders_of("SHALAB_DATA");
  std::error_code error;
  services.cache_folder =
      std::filesystem::temp_directory_path(error) / "shalab-cache";
  return services;
}

}  // namespace shalab
