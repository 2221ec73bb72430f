#include "config/host_fields.h"

#include <gtest/gtest.h>

#include "shalab/fields.h"

namespace shalab {
namespace host_fields_test {

TEST(HostFields, HaveMeaningsAndValidDefaults) {
  for (const SectionKind& kind : section_kinds()) {
    const FieldList fields = host_fields(kind);
    EXPECT_NO_THROW(Settings{fields}) << kind.name;
    EXPECT_GT(kind.meaning.size(), 5U) << kind.name;
    for (const Field& field : fields.all()) {
      EXPECT_GT(field.meaning.size(), 10U) << kind.name << "." << field.name;
    }
  }
}

}  // namespace host_fields_test
}  // namespace shalab
