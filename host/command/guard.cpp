#include "command/guard.h"

#include <iostream>
#include <new>
#include <string>
#include <string_view>

#include "base/signals.h"
#include "results/statement.h"
#include "shalab/error.h"

namespace shalab {

namespace {

constexpr int kTemporary = 75;

void print(const std::string& message, const std::string& hint, bool colour) {
  std::cout.flush();
  std::cerr << "shalab: " << styled("error:", Style::red, colour) << " "
            << message << "\n";
  if (!hint.empty()) {
    std::cerr << styled("hint:", Style::cyan, colour) << " " << hint << "\n";
  }
}

// LibTorch's exceptions carry a stack trace after their message.
std::string without_trace(const std::string& text) {
  return text.substr(0, text.find("\nException raised from"));
}

int code_of(const std::string& message) {
  const bool memory = message.find("out of memory") != std::string::npos;
  return static_cast<int>(memory ? ErrorKind::device : ErrorKind::run);
}

}  // namespace

ColourMode colour_mode_of(int argc, const char* const* argv) {
  ColourMode mode = ColourMode::automatic;
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    if (word == "--color" && i + 1 < argc) word = argv[++i];
    if (word.rfind("--color=", 0) == 0) word.remove_prefix(8);
    if (word == "always") mode = ColourMode::always;
    if (word == "never") mode = ColourMode::never;
  }
  return mode;
}

int run_guarded(bool colour, const std::function<int()>& work) {
  try {
    const int code = work();
    std::cout.flush();
    return code;
  } catch (const Stopped& stopped) {
    print(stopped.what(), "nothing of this command was stored", colour);
    return stopped.exit_code();
  } catch (const DatabaseUnavailable& error) {
    print(error.message(), error.hint(), colour);
    return kTemporary;
  } catch (const Error& error) {
    print(error.message(), error.hint(), colour);
    return static_cast<int>(error.kind());
  } catch (const std::bad_alloc&) {
    print("out of memory", "use a smaller train.batch_size", colour);
    return static_cast<int>(ErrorKind::device);
  } catch (const std::exception& error) {
    const std::string message = without_trace(error.what());
    print(message, "", colour);
    return code_of(message);
  }
}

}  // namespace shalab
