#pragma once
// What the tests of the loader share.

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "shalab/error.h"

namespace shalab {

inline std::filesystem::path zoo(const std::string& name) {
  return std::filesystem::path(SHALAB_BUILD_DIR) / "tests/zoo" / (name + ".so");
}

// The Error that `work` throws; a failed test and an empty Error without one.
inline Error error_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorKind::run, "nothing was thrown");
}

inline testing::AssertionResult contains(const std::string& text,
                                         const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << part << "' is not in: " << text;
}

}  // namespace shalab
