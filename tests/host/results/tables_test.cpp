#include "results/tables.h"

#include <gtest/gtest.h>

namespace shalab {
namespace tables_test {

Table small_table() {
  return {{"run", "value", "n"},
          {{"shala", 0.815, std::int64_t{3}},
           {"caf\xc3\xa9, \"x\"", {}, std::int64_t{12}}}};
}

TEST(Tables, TextAlignsNumbersAtTheRight) {
  EXPECT_EQ(as_text(small_table()),
            "run         value   n\n"
            "---------  ------  --\n"
            "shala      0.8150   3\n"
            "caf\xc3\xa9, \"x\"          12\n");
}

TEST(Tables, TextSaysThatRowsWereLeftOut) {
  Table table = small_table();
  table.is_truncated = true;
  EXPECT_NE(as_text(table).find("left out"), std::string::npos);
}

TEST(Tables, CsvQuotesAndKeepsNumbersExact) {
  Table table = small_table();
  table.rows[0][1] = 0.1 + 0.2;
  EXPECT_EQ(as_csv(table),
            "run,value,n\n"
            "shala,0.30000000000000004,3\n"
            "\"caf\xc3\xa9, \"\"x\"\"\",,12\n");
}

TEST(Tables, JsonIsAnArrayOfObjectsInColumnOrder) {
  const Table table = {{"b", "a", "b"}, {{std::int64_t{1}, {}, "x"}}};
  EXPECT_EQ(as_json(table),
            "[\n  {\n    \"b\": 1,\n    \"a\": null,\n    \"b_2\": \"x\"\n  }\n"
            "]\n");
  EXPECT_EQ(as_json(Table{{"a"}, {}}), "[]\n");
}

TEST(Tables, NumbersKeepSixDigitsWhereFourDecimalsWouldNotDo) {
  EXPECT_EQ(to_text(Cell(0.00001234)), "1.234e-05");
  EXPECT_EQ(to_text(Cell(12345678.9)), "1.23457e+07");
  EXPECT_EQ(to_text(Cell(0.0)), "0.0000");
  EXPECT_EQ(to_text(Cell(-47.3)), "-47.3000");
}

}  // namespace tables_test
}  // namespace shalab
