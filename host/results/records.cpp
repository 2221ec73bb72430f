#include "results/records.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "shalab/error.h"

namespace shalab {

namespace {

constexpr std::array<const char*, 7> kStates = {
    "queued", "running", "finished", "failed", "killed", "preempted", "stale"};

}  // namespace

const char* to_string(RunState state) {
  return kStates[static_cast<std::size_t>(state)];
}

RunState run_state_from_text(const std::string& text) {
  for (std::size_t i = 0; i < kStates.size(); ++i)
    if (text == kStates[i]) return static_cast<RunState>(i);
  throw Error(ErrorKind::database, "no such run state: '" + text + "'");
}

Direction direction_from_text(const std::string& text) {
  for (Direction direction :
       {Direction::higher, Direction::lower, Direction::none})
    if (text == to_string(direction)) return direction;
  throw Error(ErrorKind::database, "no such direction: '" + text + "'");
}

std::string utc_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char date[24];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
  char text[40];
  std::snprintf(text, sizeof text, "%s.%03dZ", date,
                static_cast<int>(ms % 1000));
  return text;
}

}  // namespace shalab
