#pragma once
// Errors at the edge of a program: printed once, and an exit code.

#include <functional>

#include "base/terminal.h"

namespace shalab {

// Looks for --color on the command line, before it is parsed. Never throws.
ColourMode colour_mode_of(int argc, const char* const* argv);

// Runs `work` and returns its exit code. An exception becomes
//   shalab: error: message
//   hint: what to do
// on stderr, and the exit code of its kind: ErrorKind, 75 where the database
// is only busy, 7 for lack of memory, 1 otherwise.
int run_guarded(bool colour, const std::function<int()>& work);

}  // namespace shalab
