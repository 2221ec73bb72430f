#include "results/query.h"

#include "fixture.h"

namespace shalab {
namespace query_test {

class Query : public ::testing::Test {
 protected:
  Query() : db_(ResultsDb::open(folder_ / "a.db")) {
    db_.write([&] {
      db_.execute(
          "INSERT INTO sweeps (id, name, created) VALUES "
          "('1', 'a', 'now'), ('2', 'b', 'now')");
    });
  }
  std::string refusal(const std::string& sql) {
    return error_of([&] { query(db_, sql); }, ErrorKind::usage);
  }
  Folder folder_;
  ResultsDb db_;
};

TEST_F(Query, GivesTextNumbersAndNothing) {
  const Table table =
      query(db_,
            "SELECT name, 2 AS two, 0.5 AS half, NULL AS none FROM sweeps "
            "ORDER BY name -- a comment");
  EXPECT_EQ(table.columns,
            (std::vector<std::string>{"name", "two", "half", "none"}));
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[1], (std::vector<Cell>{"b", std::int64_t{2}, 0.5, {}}));
  EXPECT_FALSE(table.is_truncated);
}

TEST_F(Query, BindsParameters) {
  const Table table =
      query(db_, "SELECT id FROM sweeps WHERE name = ?", {}, {"b"});
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.rows[0][0], Cell("2"));
}

TEST_F(Query, RefusesEveryWayToChangeSomething) {
  for (const char* sql :
       {"DELETE FROM sweeps", "INSERT INTO sweeps VALUES ('3','c','','','')",
        "DROP TABLE sweeps", "ATTACH 'other.db' AS other",
        "PRAGMA journal_mode = WAL", "PRAGMA user_version = 5",
        "CREATE TEMP TABLE t (a)", "BEGIN IMMEDIATE", "VACUUM",
        "VACUUM INTO 'copy.db'", "SELECT load_extension('x')"})
    EXPECT_NE(refusal(sql), "(no error)") << sql;
  EXPECT_EQ(number(db_, "SELECT count(*) FROM sweeps"), 2);
}

TEST_F(Query, RefusesTwoStatementsNoneAndWrongSql) {
  EXPECT_NE(refusal("SELECT 1; SELECT 2").find("more than one"),
            std::string::npos);
  EXPECT_NE(refusal("SELECT 1; DELETE FROM sweeps"), "(no error)");
  EXPECT_NE(refusal("  -- nothing").find("no SQL"), std::string::npos);
  EXPECT_NE(refusal("SELECT * FROM nowhere").find("nowhere"),
            std::string::npos);
}

TEST_F(Query, CutsRowsAndSaysSo) {
  const Table table = query(db_, "SELECT * FROM sweeps", {1, 10.0});
  EXPECT_EQ(table.rows.size(), 1u);
  EXPECT_TRUE(table.is_truncated);
  EXPECT_FALSE(query(db_, "SELECT * FROM sweeps", {2, 10.0}).is_truncated);
}

TEST_F(Query, StopsWhatTakesTooLongAndLeavesTheConnectionUsable) {
  const std::string message = error_of(
      [&] {
        query(db_,
              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
              "SELECT max(i) FROM n",
              {10, 0.1});
      },
      ErrorKind::usage);
  EXPECT_NE(message.find("too long"), std::string::npos) << message;
  db_.write([&] { db_.execute("DELETE FROM sweeps"); });
  EXPECT_EQ(number(db_, "SELECT count(*) FROM sweeps"), 0);
}

}  // namespace query_test
}  // namespace shalab
