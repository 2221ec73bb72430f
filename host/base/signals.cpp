#include "base/signals.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace shalab {

namespace {

std::atomic<int> first_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

// Only async-signal-safe calls in here.
void on_signal(int signal) {
  int none = 0;
  if (first_signal.compare_exchange_strong(none, signal)) return;
  if (signal == SIGINT) _exit(exit_code_of_signal(SIGINT));
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

class SignalToken : public CancelToken {
 public:
  bool cancelled() const override { return caught_signal() != 0; }
};

}  // namespace

const CancelToken& install_signal_handlers() {
  static const SignalToken token;
  static const bool installed = [] {
    handle(SIGINT, on_signal);
    handle(SIGTERM, on_signal);
    ignore_broken_pipes();
    return true;
  }();
  static_cast<void>(installed);
  return token;
}

void ignore_broken_pipes() { handle(SIGPIPE, SIG_IGN); }

int caught_signal() { return first_signal.load(); }

void forget_caught_signal() { first_signal.store(0); }

int exit_code_of_signal(int signal) { return 128 + signal; }

const char* Stopped::what() const noexcept { return "stopped by a signal"; }

int Stopped::exit_code() const {
  const int signal = caught_signal();
  return signal == 0 ? 1 : exit_code_of_signal(signal);
}

void leave_if_cancelled(const CancelToken* cancel) {
  if (cancel != nullptr && cancel->cancelled()) throw Stopped();
}

}  // namespace shalab
