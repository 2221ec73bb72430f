#include "zoo.h"

namespace {

void declare_fields(shalab::FieldList& fields) {
  fields.integer("steps", 0, "number of steps").at_least(1);
}

}  // namespace

ZOO_PLUGIN(broken.declare_fields = declare_fields)
