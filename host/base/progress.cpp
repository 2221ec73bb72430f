#include "base/progress.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "base/terminal.h"

namespace shalab {

namespace {

constexpr int kStderr = 2;
constexpr int kWidestBar = 24;
constexpr int kNarrowestBar = 4;

std::string formatted(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

double fraction(const ProgressState& state) {
  const double part =
      static_cast<double>(state.done) / static_cast<double>(state.total);
  return std::clamp(part, 0.0, 1.0);
}

std::string percent(const ProgressState& state) {
  return formatted("%3.0f%%", 100.0 * fraction(state));
}

std::string count_text(const ProgressState& state) {
  std::string text = std::to_string(state.done);
  if (state.total > 0) text.append("/").append(std::to_string(state.total));
  return text;
}

std::string rate_text(double rate) {
  return formatted(rate < 10.0 ? "%.2f/s" : "%.0f/s", rate);
}

std::vector<std::string> parts_of(const ProgressState& state) {
  std::vector<std::string> parts{count_text(state)};
  if (state.done <= 0 || state.seconds <= 0.0) return parts;
  const double rate = static_cast<double>(state.done) / state.seconds;
  parts.push_back(rate_text(rate));
  if (state.total > 0) {
    const auto left = std::max<std::int64_t>(0, state.total - state.done);
    parts.push_back("ETA " + duration_text(static_cast<double>(left) / rate));
  }
  return parts;
}

std::string joined(const std::vector<std::string>& parts,
                   const std::string& separator) {
  std::string text;
  for (const std::string& part : parts) {
    text += (text.empty() ? "" : separator) + part;
  }
  return text;
}

std::string bar_text(const ProgressState& state, int columns) {
  const auto filled = static_cast<int>(columns * fraction(state));
  std::string text = "[";
  text.append(static_cast<std::size_t>(filled), '#');
  text.append(static_cast<std::size_t>(columns - filled), '.');
  return text + "]  ";
}

double steady_seconds() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

void write_to_stderr(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

std::string duration_text(double seconds) {
  const auto whole = static_cast<long long>(std::max(0.0, seconds) + 0.5);
  char buffer[64];
  if (whole < 3600) {
    std::snprintf(buffer, sizeof buffer, "%lld:%02lld", whole / 60, whole % 60);
  } else {
    std::snprintf(buffer, sizeof buffer, "%lld:%02lld:%02lld", whole / 3600,
                  whole / 60 % 60, whole % 60);
  }
  return buffer;
}

std::string progress_bar(const ProgressState& state, int width) {
  std::string right = joined(parts_of(state), "  ");
  if (state.total > 0) right = percent(state) + "  " + right;
  if (!state.extra.empty()) right += "  " + state.extra;
  const std::string left = state.stage + "  ";
  const int room = width - static_cast<int>(left.size() + right.size()) - 4;
  std::string line = left;
  if (state.total > 0 && room >= kNarrowestBar) {
    line += bar_text(state, std::min(room, kWidestBar));
  }
  line += right;
  return line.substr(0, static_cast<std::size_t>(std::max(0, width)));
}

std::string progress_text(const ProgressState& state) {
  std::string text = state.stage + ": ";
  if (state.total > 0) {
    text += formatted("%.0f%% ", 100.0 * fraction(state));
  }
  text += joined(parts_of(state), ", ");
  if (!state.extra.empty()) text += ", " + state.extra;
  return text;
}

ProgressStyle progress_style(bool quiet) {
  if (quiet) return ProgressStyle::silent;
  return is_terminal(kStderr) ? ProgressStyle::bar : ProgressStyle::plain;
}

ProgressDisplay::ProgressDisplay(ProgressOptions options)
    : options_(std::move(options)) {
  if (!options_.write) options_.write = write_to_stderr;
  if (!options_.now) options_.now = steady_seconds;
}

ProgressDisplay::~ProgressDisplay() { end(); }

void ProgressDisplay::begin(const std::string& stage, std::int64_t total) {
  const std::lock_guard lock(mutex_);
  start(stage, total);
}

void ProgressDisplay::start(const std::string& stage, std::int64_t total) {
  finish();
  state_ = ProgressState{};
  state_.stage = stage;
  state_.total = total;
  active_ = true;
  printed_ = false;
  begun_ = options_.now();
  last_shown_ = begun_;
}

void ProgressDisplay::update(std::int64_t done, const std::string& extra) {
  const std::lock_guard lock(mutex_);
  if (!active_ || options_.style == ProgressStyle::silent) return;
  state_.done = done;
  state_.extra = extra;
  show(false);
}

void ProgressDisplay::report(const std::string& what, std::int64_t done,
                             std::int64_t total) {
  const std::lock_guard lock(mutex_);
  if (options_.style == ProgressStyle::silent) return;
  const bool other = state_.stage != what || state_.total != total;
  if (!active_ || other || done < state_.done) start(what, total);
  state_.done = done;
  show(false);
  if (total > 0 && done >= total) finish();
}

void ProgressDisplay::end() {
  const std::lock_guard lock(mutex_);
  finish();
}

void ProgressDisplay::finish() {
  if (!active_) return;
  if (drawn_ || printed_) show(true);
  if (drawn_) options_.write("\n");
  drawn_ = false;
  active_ = false;
}

void ProgressDisplay::show(bool final) {
  const bool bar = options_.style == ProgressStyle::bar;
  const double now = options_.now();
  const double pause = bar ? options_.bar_seconds : options_.plain_seconds;
  if (!final && now - last_shown_ < pause) return;
  last_shown_ = now;
  state_.seconds = now - begun_;
  if (bar) {
    const int width = terminal_width(kStderr) - 1;
    options_.write("\r\033[K" + progress_bar(state_, width));
    drawn_ = true;
  } else {
    options_.write(progress_text(state_) + "\n");
    printed_ = true;
  }
}

void ProgressDisplay::hide() {
  const std::lock_guard lock(mutex_);
  erase();
}

void ProgressDisplay::erase() {
  if (drawn_) options_.write("\r\033[K");
  drawn_ = false;
}

}  // namespace shalab
