#pragma once
// What the terminal can show, and when to colour.

#include <string>

namespace shalab {

enum class ColourMode { automatic, always, never };

// "auto", "always" or "never"; throws Error(usage) on another word.
ColourMode colour_mode_from(const std::string& text);

// 1 = stdout, 2 = stderr.
bool is_terminal(int descriptor);

// always and never win. `automatic` colours a terminal unless NO_COLOR is set
// and not empty or TERM is "dumb" or unset.
bool use_colour(ColourMode mode, int descriptor);

// Columns of the terminal: COLUMNS if it is a number, else what the terminal
// says, else 80. At least 20.
int terminal_width(int descriptor);

enum class Style { bold, dim, red, green, yellow, cyan };

// `text` between escape codes, or as it is without colour.
std::string styled(const std::string& text, Style style, bool colour);

}  // namespace shalab
