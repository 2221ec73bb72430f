// A dataset that fails to be made in the way its key says.

#include <new>
#include <stdexcept>

#include "shalab/dataset.h"
#include "shalab/error.h"

namespace shalab {

namespace {

void declare_fields(FieldList& fields) {
  fields.choice("how", "nothing",
                {"nothing", "error", "exception", "number", "memory"},
                "what happens when it is made");
}

std::unique_ptr<Dataset> make(const Settings& settings, const DatasetContext&) {
  const std::string& how = settings.text("how");
  if (how == "error") throw Error(ErrorKind::data, "no pictures", "buy some");
  if (how == "exception") throw std::runtime_error("lens cap is on");
  if (how == "number") throw 42;
  if (how == "memory") throw std::bad_alloc();
  return nullptr;
}

}  // namespace

}  // namespace shalab

SHALAB_PLUGIN(dataset, 1, "fails in the way its key says",
              shalab::declare_fields, shalab::make)
