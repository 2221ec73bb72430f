#include "shalab/metric.h"

namespace shalab {

Metric::~Metric() = default;

}  // namespace shalab
