#pragma once
// What the host lends a plugin. No singletons, no globals: everything a
// plugin may use of its surroundings comes through this struct.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace shalab {

// [any thread]
class Logger {
 public:
  virtual ~Logger() = default;
  virtual void debug(const std::string& message) = 0;
  virtual void info(const std::string& message) = 0;
  virtual void warn(const std::string& message) = 0;
};

// Tells how far a long step is; drawing it is the host's business. [main]
class Progress {
 public:
  virtual ~Progress() = default;
  // `done` of `total` units of `what` ("EM iterations"). Cheap: may be called
  // in every iteration. total = 0: unknown.
  virtual void report(const std::string& what, std::int64_t done,
                      std::int64_t total) = 0;
};

// Set by SIGINT, SIGTERM or a time limit. Long loops look at it once an
// iteration and return early. [any thread]
class CancelToken {
 public:
  virtual ~CancelToken() = default;
  virtual bool cancelled() const = 0;
};

struct Services {
  Logger* logger = nullptr;      // never null when the host made it
  Progress* progress = nullptr;  // never null when the host made it
  const CancelToken* cancel = nullptr;
  std::vector<std::filesystem::path> data_folders;  // searched in order
  std::filesystem::path cache_folder;               // writable

  // First existing `relative` under the data folders. Throws Error(data) that
  // lists every place looked at and says what the file is (`purpose`).
  std::filesystem::path find_data(const std::string& relative,
                                  const std::string& purpose) const;
};

// A Services that logs nowhere, reports nowhere and is never cancelled: for
// tests and tools. Data folders come from SHALAB_DATA (colon separated).
Services quiet_services();

}  // namespace shalab
