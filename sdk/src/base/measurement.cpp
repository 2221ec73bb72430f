#include "shalab/measurement.h"

namespace shalab {

std::string to_string(Direction direction) {
  switch (direction) {
    case Direction::higher:
      return "higher";
    case Direction::lower:
      return "lower";
    case Direction::none:
      return "none";
  }
  return "unknown";
}

}  // namespace shalab
