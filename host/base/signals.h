#pragma once
// Signals as a flag that long loops look at.
//
// The first SIGINT or SIGTERM asks for a stop: the loop ends its step, writes
// a checkpoint and leaves; a measurement, which has none, throws Stopped
// between two batches. A second SIGINT leaves at once with status 130; the
// database stays sound, because each write is one transaction. SIGPIPE is
// ignored, so a closed `| head` ends no run.

#include <exception>

#include "shalab/services.h"

namespace shalab {

// Installs the handlers (once; later calls change nothing) and returns the
// token, which lives as long as the process. [main]
const CancelToken& install_signal_handlers();

// Only SIGPIPE: for commands that take no time and may be interrupted as usual.
void ignore_broken_pipes();

// The first signal that asked for a stop, or 0. [any thread]
int caught_signal();

// Forgets it: for tests, and for a loop that starts anew after a stop.
void forget_caught_signal();

// 130 for SIGINT, 143 for SIGTERM: what a shell would report.
int exit_code_of_signal(int signal);

// Work was left because a stop was asked for.
class Stopped : public std::exception {
 public:
  const char* what() const noexcept override;
  // That of the signal; 1 where there was none.
  int exit_code() const;
};

// Throws Stopped where a stop is asked for; null: never.
void leave_if_cancelled(const CancelToken* cancel);

}  // namespace shalab
