#pragma once
// The one exception type of shalab.
//
// A mistake of the user, of the data or of the environment is thrown as Error:
// what happened, where, and what to do about it. Expected absence is a
// std::optional; an impossible state is a SHALAB_CHECK.

#include <stdexcept>
#include <string>

namespace shalab {

// What kind of mistake it was. The number is the process's exit code
// (design 6), so it never changes.
enum class ErrorKind : int {
  run = 1,       // a run failed: non-finite loss, a plugin threw
  usage = 2,     // command line or configuration
  plugin = 3,    // a plugin cannot be found, loaded or created
  data = 4,      // a data file is missing, truncated or malformed
  database = 5,  // the results database cannot be used
  resume = 6,    // a run or checkpoint cannot be continued
  device = 7,    // out of memory, no such device, device lost
  no = 8,        // a comparison or check says no
};

// `what()` is "message" or "message\nhint: hint". The message names the thing
// and the place; the hint says what to do and may be empty. Crosses plugin
// boundaries: catch by `const Error&`. [any thread]
class __attribute__((visibility("default"))) Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message,
        const std::string& hint = "");
  ~Error() override;  // key function: one type_info, in libshalab_base

  ErrorKind kind() const { return kind_; }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }

 private:
  ErrorKind kind_;
  std::string message_;
  std::string hint_;
};

[[noreturn]] void check_failed(const char* file, int line,
                               const char* condition,
                               const std::string& detail);

}  // namespace shalab

// Aborts the current work with an Error(run) that names file, line, condition
// and `detail` (say which values, with shapes). For states that only a bug in
// shalab or in a plugin can reach.
#define SHALAB_CHECK(condition, detail)                                 \
  do {                                                                  \
    if (!(condition))                                                   \
      ::shalab::check_failed(__FILE__, __LINE__, #condition, (detail)); \
  } while (false)
