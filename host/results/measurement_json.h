#pragma once
// A measurement as JSON: the columns of its row, by their names.

#include <nlohmann/json.hpp>

#include "shalab/measurement.h"

namespace shalab {

nlohmann::ordered_json measurement_json(const Measurement& row);

}  // namespace shalab
