#include "shalab/error.h"

namespace shalab {

namespace {

std::string joined(const std::string& message, const std::string& hint) {
  return hint.empty() ? message : message + "\nhint: " + hint;
}

}  // namespace

Error::Error(ErrorKind kind, const std::string& message,
             const std::string& hint)
    : std::runtime_error(joined(message, hint)),
      kind_(kind),
      message_(message),
      hint_(hint) {}

Error::~Error() = default;

void check_failed(const char* file, int line, const char* condition,
                  const std::string& detail) {
  throw Error(ErrorKind::run,
              std::string(file) + ":" + std::to_string(line) +
                  ": check failed: " + condition + ": " + detail,
              "this is a defect of shalab or of a plugin; please report it");
}

}  // namespace shalab
