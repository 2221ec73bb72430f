#pragma once
// Log lines on stderr, and in the run's log file once there is one.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "shalab/services.h"

namespace shalab {

// quiet: warnings only; normal: information too; verbose: everything. The log
// file always holds everything.
enum class Verbosity { quiet, normal, verbose };

// On stderr: "shalab: text", "shalab: warning: text", "shalab: debug: text".
// In the file: "2026-01-31T12:00:00.123Z warning text". Never throws: a log
// that cannot be written is no reason to lose a run. [any thread]
class Log : public Logger {
 public:
  explicit Log(Verbosity verbosity, bool colour = false);
  ~Log() override;

  void debug(const std::string& message) override;
  void info(const std::string& message) override;
  void warn(const std::string& message) override;

  // Appends to `file` from now on. [main; no other thread logs] Throws
  // Error(run) when it cannot be opened.
  void open_file(const std::filesystem::path& file);

  // Called before each line on stderr, from the writing thread: a progress
  // bar takes itself off the line there.
  void before_line(std::function<void()> hook);

  void flush();

 private:
  struct Sinks;
  std::unique_ptr<Sinks> sinks_;
};

}  // namespace shalab
