#include "base/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "shalab/error.h"

namespace shalab {

namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

int number_or_zero(std::string_view text) {
  int number = 0;
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end ? number : 0;
}

const char* code_of(Style style) {
  switch (style) {
    case Style::bold:
      return "\033[1m";
    case Style::dim:
      return "\033[2m";
    case Style::red:
      return "\033[31m";
    case Style::green:
      return "\033[32m";
    case Style::yellow:
      return "\033[33m";
    case Style::cyan:
      return "\033[36m";
  }
  return "";
}

}  // namespace

ColourMode colour_mode_from(const std::string& text) {
  if (text == "auto") return ColourMode::automatic;
  if (text == "always") return ColourMode::always;
  if (text == "never") return ColourMode::never;
  throw Error(ErrorKind::usage, "--color: no such choice '" + text + "'",
              "one of auto, always, never");
}

bool is_terminal(int descriptor) { return isatty(descriptor) == 1; }

bool use_colour(ColourMode mode, int descriptor) {
  if (mode != ColourMode::automatic) return mode == ColourMode::always;
  const std::string_view terminal = variable("TERM");
  return variable("NO_COLOR").empty() && !terminal.empty() &&
         terminal != "dumb" && is_terminal(descriptor);
}

int terminal_width(int descriptor) {
  int width = number_or_zero(variable("COLUMNS"));
  winsize size{};
  if (width <= 0 && ioctl(descriptor, TIOCGWINSZ, &size) == 0) {
    width = size.ws_col;
  }
  return width <= 0 ? 80 : std::max(width, 20);
}

std::string styled(const std::string& text, Style style, bool colour) {
  return colour ? code_of(style) + text + "\033[0m" : text;
}

}  // namespace shalab
