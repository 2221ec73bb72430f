#include "results/results_db.h"

#include "fixture.h"
#include "results/storage.h"

namespace shalab {
namespace results_db_test {

DbOptions only_first_schema() {
  DbOptions options;
  options.migrations.resize(1);
  return options;
}

void overwrite(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

TEST(ResultsDb, IsMadeWithIdentityAndSafeSettings) {
  const Folder folder;
  const ResultsDb db = ResultsDb::open(folder / "a.db");
  EXPECT_EQ(number(db, "PRAGMA application_id"), 0x73684c61);
  EXPECT_EQ(number(db, "PRAGMA user_version"), all_migrations().back().version);
  EXPECT_EQ(words(db, "PRAGMA journal_mode"), "delete");
  EXPECT_EQ(number(db, "PRAGMA synchronous"), 2);  // FULL
  EXPECT_EQ(number(db, "PRAGMA foreign_keys"), 1);
  EXPECT_TRUE(db.integrity_problems().empty());
}

TEST(ResultsDb, EveryTableIsStrict) {
  const Folder folder;
  const ResultsDb db = ResultsDb::open(folder / "a.db");
  EXPECT_EQ(number(db,
                   "SELECT count(*) FROM pragma_table_list WHERE type = "
                   "'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'"),
            0);
}

TEST(ResultsDb, RefusesAnUnknownState) {
  const Folder folder;
  ResultsDb db = ResultsDb::open(folder / "a.db");
  const std::string message = error_of([&] {
    db.write([&] {
      db.execute(
          "INSERT INTO runs (id, name, created, state) VALUES "
          "('00000000000000000000000000000001', 'a', 'now', 'lost')");
    });
  });
  EXPECT_NE(message.find("CHECK"), std::string::npos) << message;
}

TEST(ResultsDb, AWriteThatThrowsLeavesNothing) {
  const Folder folder;
  ResultsDb db = ResultsDb::open(folder / "a.db");
  EXPECT_THROW(db.write([&] {
    db.execute("INSERT INTO sweeps (id, name, created) VALUES ('1','a','now')");
    throw std::runtime_error("stop");
  }),
               std::runtime_error);
  EXPECT_EQ(number(db, "SELECT count(*) FROM sweeps"), 0);
  db.write([&] {
    db.execute("INSERT INTO sweeps (id, name, created) VALUES ('1','a','now')");
  });
  EXPECT_EQ(number(db, "SELECT count(*) FROM sweeps"), 1);
}

TEST(ResultsDb, RefusesANewerSchemaAndNamesBoth) {
  const Folder folder;
  ResultsDb::open(folder / "a.db").execute("PRAGMA user_version = 99");
  for (const bool read_only : {false, true}) {
    const std::string message = error_of([&] {
      read_only ? ResultsDb::open_read_only(folder / "a.db")
                : ResultsDb::open(folder / "a.db");
    });
    EXPECT_NE(message.find("schema 99"), std::string::npos) << message;
    EXPECT_NE(message.find("up to " +
                           std::to_string(all_migrations().back().version)),
              std::string::npos)
        << message;
    EXPECT_NE(message.find("hint:"), std::string::npos);
  }
}

TEST(ResultsDb, RefusesAnotherProgramsDatabase) {
  const Folder folder;
  ResultsDb::open(folder / "a.db").execute("PRAGMA application_id = 7");
  EXPECT_NE(error_of([&] {
              ResultsDb::open(folder / "a.db");
            }).find("another program"),
            std::string::npos);
  ResultsDb::open(folder / "b.db").execute("PRAGMA application_id = 0");
  EXPECT_NE(error_of([&] {
              ResultsDb::open(folder / "b.db");
            }).find("another program"),
            std::string::npos);
}

TEST(ResultsDb, RefusesAFileThatIsNoDatabaseAndLeavesIt) {
  const Folder folder;
  const std::string text(5000, 'x');
  overwrite(folder / "a.db", text);
  EXPECT_NE(error_of([&] {
              ResultsDb::open(folder / "a.db");
            }).find("not a database"),
            std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(folder / "a.db"), text.size());
}

TEST(ResultsDb, RefusesAMissingFileOrFolder) {
  const Folder folder;
  EXPECT_NE(error_of([&] {
              ResultsDb::open_read_only(folder / "a.db");
            }).find("no results database"),
            std::string::npos);
  EXPECT_NE(error_of([&] {
              ResultsDb::open(folder / "none/a.db");
            }).find("no folder"),
            std::string::npos);
}

TEST(ResultsDb, RefusesAReadOnlyPlace) {
  const Folder folder;
  ResultsDb::open(folder / "a.db");
  std::filesystem::permissions(folder / "a.db", std::filesystem::perms(0444));
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0555));
  const bool is_root = ::geteuid() == 0;
  if (is_root && ::seteuid(65534) != 0) GTEST_SKIP() << "cannot drop root";
  const std::string message =
      error_of([&] { ResultsDb::open(folder / "a.db"); });
  const ResultsDb reader = ResultsDb::open_read_only(folder / "a.db");
  EXPECT_EQ(number(reader, "SELECT count(*) FROM runs"), 0);
  if (is_root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  EXPECT_NE(message.find("read-only"), std::string::npos) << message;
}

TEST(ResultsDb, AReadOnlyConnectionCannotWrite) {
  const Folder folder;
  ResultsDb::open(folder / "a.db");
  ResultsDb db = ResultsDb::open_read_only(folder / "a.db");
  EXPECT_NE(error_of([&] {
              db.write([&] { db.execute("DELETE FROM runs"); });
            }).find("for writing"),
            std::string::npos);
}

TEST(ResultsDb, ALockedDatabaseSaysSoAfterTheTimeout) {
  const Folder folder;
  ResultsDb holder = ResultsDb::open(folder / "a.db");
  DbOptions options;
  options.busy_timeout = std::chrono::milliseconds(100);
  ResultsDb other = ResultsDb::open(folder / "a.db", options);
  holder.write([&] {
    EXPECT_THROW(other.write([] {}), DatabaseUnavailable);
    EXPECT_NE(error_of([&] { other.write([] {}); }).find("locked"),
              std::string::npos);
  });
  other.write([] {});
}

TEST(ResultsDb, MigratesAnOlderFileAfterABackup) {
  const Folder folder;
  {
    ResultsDb old = ResultsDb::open(folder / "a.db", only_first_schema());
    EXPECT_EQ(old.schema_version(), 1);
    old.write([&] {
      old.execute(
          "INSERT INTO runs (id, name, created) VALUES "
          "('00000000000000000000000000000001', 'kept', 'now')");
    });
  }
  EXPECT_NE(error_of([&] {
              ResultsDb::open_read_only(folder / "a.db");
            }).find("schema 1"),
            std::string::npos);
  const ResultsDb db = ResultsDb::open(folder / "a.db");
  EXPECT_EQ(db.schema_version(), all_migrations().back().version);
  EXPECT_EQ(words(db, "SELECT name FROM run_summary"), "kept");
  const ResultsDb backup =
      ResultsDb::open_read_only(folder / "a.db.backup-v1", only_first_schema());
  EXPECT_EQ(backup.schema_version(), 1);
  EXPECT_EQ(words(backup, "SELECT name FROM runs"), "kept");
}

TEST(ResultsDb, AFailedMigrationChangesNothing) {
  const Folder folder;
  ResultsDb::open(folder / "a.db", only_first_schema());
  DbOptions broken = only_first_schema();
  broken.migrations.push_back(
      {2, "0002_bad", "CREATE TABLE extra (a); SELECT * FROM nowhere;"});
  EXPECT_THROW(ResultsDb::open(folder / "a.db", broken), Error);
  const ResultsDb db = ResultsDb::open(folder / "a.db", only_first_schema());
  EXPECT_EQ(db.schema_version(), 1);
  EXPECT_EQ(number(db,
                   "SELECT count(*) FROM sqlite_schema WHERE name = "
                   "'extra'"),
            0);
}

TEST(ResultsDb, ManyProcessesMayCreateOrMigrateAtOnce) {
  for (const bool exists : {false, true}) {
    const Folder folder;
    if (exists) ResultsDb::open(folder / "a.db", only_first_schema());
    std::vector<pid_t> children;
    for (int i = 0; i < 6; ++i) {
      children.push_back(in_child([&] {
        const ResultsDb db = ResultsDb::open(folder / "a.db");
        SHALAB_CHECK(number(db, "SELECT count(*) FROM run_summary") == 0, "");
      }));
    }
    for (pid_t child : children) EXPECT_EQ(exit_status(child), 0);
    EXPECT_TRUE(ResultsDb::open(folder / "a.db").integrity_problems().empty());
  }
}

TEST(ResultsDb, EightProcessesTimesTwoHundredWritesLoseNothing) {
  const Folder folder;
  ResultsDb::open(folder / "a.db");
  std::vector<pid_t> children;
  for (int writer = 0; writer < 8; ++writer) {
    children.push_back(in_child([&, writer] {
      ResultsDb db = ResultsDb::open(folder / "a.db");
      for (int i = 0; i < 200; ++i) {
        db.write([&] {
          const auto count = number(db, "SELECT count(*) FROM sweeps");
          db.statement("INSERT INTO sweeps (id, name, created) VALUES (?,?,?)")
              .bind(std::to_string(writer) + "-" + std::to_string(i))
              .bind(std::to_string(count))
              .bind("now")
              .run();
        });
      }
    }));
  }
  for (pid_t child : children) EXPECT_EQ(exit_status(child), 0);
  const ResultsDb db = ResultsDb::open(folder / "a.db");
  EXPECT_EQ(number(db, "SELECT count(*) FROM sweeps"), 1600);
  EXPECT_EQ(number(db, "SELECT count(DISTINCT name) FROM sweeps"), 1600);
}

TEST(ResultsDb, ADamagedFileIsFound) {
  const Folder folder;
  {
    ResultsDb db = ResultsDb::open(folder / "a.db");
    db.write([&] {
      for (int i = 0; i < 200; ++i) {
        db.statement("INSERT INTO sweeps (id, name, created) VALUES (?, ?, ?)")
            .bind(std::to_string(i))
            .bind(std::string(500, 'x'))
            .bind("now")
            .run();
      }
    });
  }
  std::fstream file(folder / "a.db",
                    std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-20000, std::ios::end);
  file << std::string(8192, '\xff');
  file.close();
  std::string found;
  try {
    for (const std::string& problem :
         ResultsDb::open(folder / "a.db").integrity_problems())
      found += problem;
  } catch (const Error& error) {
    found = error.what();
  }
  EXPECT_FALSE(found.empty());
}

TEST(StorageWarning, IsSilentOnALocalFolder) {
  const Folder folder;
  EXPECT_EQ(storage_warning(folder / "a.db"), "");
}

}  // namespace results_db_test
}  // namespace shalab
