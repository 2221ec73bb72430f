#include "shalab/judge.h"

namespace shalab {

Judge::~Judge() = default;

bool JudgeBank::complete() const {
  for (const auto& judge : judges) {
    if (judge == nullptr) return false;
  }
  return !judges.empty();
}

std::string JudgeBank::digest() const {
  std::string joined;
  for (const auto& judge : judges) {
    if (!joined.empty()) joined += '+';
    joined += judge == nullptr ? "none" : judge->digest();
  }
  return joined;
}

}  // namespace shalab
