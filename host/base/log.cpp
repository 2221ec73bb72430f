#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>

#include <cstdio>
#include <mutex>

#include "base/terminal.h"
#include "shalab/error.h"

namespace shalab {

namespace {

using spdlog::level::level_enum;

std::string prefix_of(level_enum level, bool colour) {
  const std::string name = styled("shalab:", Style::dim, colour);
  if (level == level_enum::warn) {
    return name + " " + styled("warning:", Style::yellow, colour) + " ";
  }
  return name + (level == level_enum::debug ? " debug: " : " ");
}

class StderrSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit StderrSink(bool colour) : colour_(colour) {}

  void before_line(std::function<void()> hook) {
    const std::lock_guard lock(mutex_);
    hook_ = std::move(hook);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (hook_) hook_();
    const std::string line =
        prefix_of(message.level, colour_) +
        std::string(message.payload.data(), message.payload.size()) + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  void flush_() override { std::fflush(stderr); }

 private:
  bool colour_;
  std::function<void()> hook_;
};

level_enum level_of(Verbosity verbosity) {
  if (verbosity == Verbosity::quiet) return level_enum::warn;
  if (verbosity == Verbosity::normal) return level_enum::info;
  return level_enum::debug;
}

std::unique_ptr<spdlog::formatter> file_format() {
  return std::make_unique<spdlog::pattern_formatter>(
      "%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
}

}  // namespace

struct Log::Sinks {
  Sinks(Verbosity verbosity, bool colour)
      : terminal(std::make_shared<StderrSink>(colour)),
        logger("shalab", terminal) {
    terminal->set_level(level_of(verbosity));
    logger.set_level(level_enum::debug);
    logger.flush_on(level_enum::info);
    logger.set_error_handler([](const std::string&) {});
  }

  std::shared_ptr<StderrSink> terminal;
  spdlog::logger logger;
};

Log::Log(Verbosity verbosity, bool colour)
    : sinks_(std::make_unique<Sinks>(verbosity, colour)) {}

Log::~Log() { flush(); }

void Log::debug(const std::string& message) {
  sinks_->logger.log(level_enum::debug, spdlog::string_view_t(message));
}

void Log::info(const std::string& message) {
  sinks_->logger.log(level_enum::info, spdlog::string_view_t(message));
}

void Log::warn(const std::string& message) {
  sinks_->logger.log(level_enum::warn, spdlog::string_view_t(message));
}

void Log::open_file(const std::filesystem::path& file) {
  try {
    auto sink =
        std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string());
    sink->set_formatter(file_format());
    sinks_->logger.sinks().push_back(std::move(sink));
  } catch (const spdlog::spdlog_ex& error) {
    throw Error(
        ErrorKind::run,
        "cannot write the log file " + file.string() + ": " + error.what(),
        "check that its folder exists and may be written");
  }
}

void Log::before_line(std::function<void()> hook) {
  sinks_->terminal->before_line(std::move(hook));
}

void Log::flush() { sinks_->logger.flush(); }

}  // namespace shalab
