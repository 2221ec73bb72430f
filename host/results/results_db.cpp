#include "results/results_db.h"

#include <sqlite3.h>
#include <unistd.h>

#include <random>
#include <thread>
#include <utility>

namespace shalab {

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

void refuse_unwritable(const fs::path& path) {
  const fs::path folder =
      path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(folder)) {
    throw Error(
        ErrorKind::database,
        "cannot make " + path.string() + ": no folder " + folder.string(),
        "make the folder, or name another file with --db");
  }
  if (::euidaccess(folder.c_str(), W_OK) != 0 ||
      (fs::exists(path) && ::euidaccess(path.c_str(), W_OK) != 0)) {
    throw Error(ErrorKind::database,
                "cannot write " + path.string() +
                    ": the file or its folder is read-only",
                "SQLite writes the file and a journal beside it; name another "
                "file with --db");
  }
}

int stop_when_late(void* deadline) {
  return Clock::now() > *static_cast<Clock::time_point*>(deadline) ? 1 : 0;
}

int allow_only_reading(void*, int action, const char* first, const char*,
                       const char*, const char*) {
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
    case SQLITE_FUNCTION:
      return SQLITE_OK;
    case SQLITE_PRAGMA: {
      const std::string name = first ? first : "";
      const bool harmless = name == "table_info" || name == "table_xinfo" ||
                            name == "table_list" || name == "index_list";
      return harmless ? SQLITE_OK : SQLITE_DENY;
    }
    default:
      return SQLITE_DENY;
  }
}

}  // namespace

struct ResultsDb::Handle {
  sqlite3* db = nullptr;
  Clock::time_point deadline;  // of a limited query
  std::chrono::milliseconds busy_timeout{0};
  Clock::time_point waiting_since;
  bool has_waited = false;  // in the present write
  std::minstd_rand jitter{std::random_device{}()};

  ~Handle() { sqlite3_close_v2(db); }

  void pause(int min_us, int max_us) {
    const auto pause = std::uniform_int_distribution(min_us, max_us)(jitter);
    std::this_thread::sleep_for(std::chrono::microseconds(pause));
  }

  // SQLite's own handler backs off, so who waits longest asks least often and
  // a busy writer can starve it beyond any timeout. Here it asks more often.
  static int wait(void* self, int num_calls) {
    auto& handle = *static_cast<Handle*>(self);
    const auto now = Clock::now();
    if (num_calls == 0) handle.waiting_since = now;
    const auto waited = now - handle.waiting_since;
    if (waited >= handle.busy_timeout) return 0;
    handle.has_waited = true;
    const bool is_long = waited > std::chrono::milliseconds(500);
    is_long ? handle.pause(100, 1000) : handle.pause(500, 6000);
    return 1;
  }
};

ResultsDb::ResultsDb(std::unique_ptr<Handle> handle, fs::path path)
    : handle_(std::move(handle)), path_(std::move(path)) {}
ResultsDb::ResultsDb(ResultsDb&&) noexcept = default;
ResultsDb& ResultsDb::operator=(ResultsDb&&) noexcept = default;
ResultsDb::~ResultsDb() = default;

ResultsDb ResultsDb::connect(const fs::path& path, int flags,
                             const DbOptions& options) {
  auto handle = std::make_unique<Handle>();
  const int code = sqlite3_open_v2(
      path.c_str(), &handle->db,
      flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) throw_database_error(handle->db, code, path.string());
  sqlite3* raw = handle->db;
  handle->busy_timeout = options.busy_timeout;
  sqlite3_busy_handler(raw, Handle::wait, handle.get());
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  return ResultsDb(std::move(handle), path);
}

ResultsDb ResultsDb::open(const fs::path& path, const DbOptions& options) {
  refuse_unwritable(path);
  ResultsDb db =
      connect(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, options);
  if (sqlite3_db_readonly(db.handle_->db, "main") != 0) {
    throw Error(ErrorKind::database, path.string() + " is read-only",
                "name another file with --db");
  }
  const int newest = options.migrations.back().version;
  db.check_identity(newest);
  db.execute("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL");
  if (db.schema_version() < newest) db.migrate(options.migrations);
  return db;
}

ResultsDb ResultsDb::open_read_only(const fs::path& path,
                                    const DbOptions& options) {
  if (!fs::exists(path)) {
    throw Error(ErrorKind::database, "no results database " + path.string(),
                "`shalab run` makes one; name another with --db or SHALAB_DB");
  }
  const bool writable = ::euidaccess(path.c_str(), W_OK) == 0;
  ResultsDb db = connect(
      path, writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY, options);
  db.execute("PRAGMA query_only = ON");
  const int newest = options.migrations.back().version;
  db.check_identity(newest);
  if (db.schema_version() < newest) {
    throw Error(ErrorKind::database,
                path.string() + " has schema " +
                    std::to_string(db.schema_version()) +
                    ", this shalab reads schema " + std::to_string(newest),
                "`shalab doctor` brings it up to date, after a backup");
  }
  return db;
}

int ResultsDb::pragma_value(const std::string& name) const {
  Statement pragma = statement("PRAGMA " + name);
  pragma.step();
  return static_cast<int>(pragma.integer(0));
}

int ResultsDb::schema_version() const { return pragma_value("user_version"); }

bool ResultsDb::is_blank() const {
  Statement objects = statement("SELECT count(*) FROM sqlite_schema");
  objects.step();
  return objects.integer(0) == 0 && pragma_value("application_id") == 0 &&
         schema_version() == 0;
}

void ResultsDb::check_identity(int newest) const {
  if (is_blank()) return;
  if (pragma_value("application_id") != kApplicationId) {
    throw Error(ErrorKind::database,
                path_.string() + " is a database of another program",
                "name another file with --db");
  }
  if (const int version = schema_version(); version > newest) {
    throw Error(ErrorKind::database,
                path_.string() + " has schema " + std::to_string(version) +
                    ", this shalab knows schemas up to " +
                    std::to_string(newest),
                "use the newer shalab that wrote it, or another --db");
  }
}

// Holding the reserved lock keeps other writers out while the backup reads the
// committed state through a second connection; COMMIT then excludes readers.
void ResultsDb::migrate(const std::vector<Migration>& migrations) {
  write([&] {
    check_identity(migrations.back().version);
    const int present = schema_version();
    if (present >= migrations.back().version) return;
    if (present > 0) {
      connect(path_, SQLITE_OPEN_READONLY, {})
          .backup_to(path_.string() + ".backup-v" + std::to_string(present));
    }
    for (const Migration& migration : migrations)
      if (migration.version > present) execute(migration.sql);
    execute("PRAGMA application_id = " + std::to_string(kApplicationId));
    execute("PRAGMA user_version = " +
            std::to_string(migrations.back().version));
  });
}

Statement ResultsDb::statement(std::string_view sql) const {
  return Statement(handle_->db, path_.string(), sql);
}

void ResultsDb::execute(const std::string& sql) const {
  std::string rest = sql;
  while (!rest.empty()) {
    Statement next = statement(rest);
    if (!next.is_empty()) next.run();
    rest = next.rest();
  }
}

void ResultsDb::write(const std::function<void()>& work) {
  if (in_write_) return work();
  handle_->has_waited = false;
  execute("BEGIN IMMEDIATE");
  in_write_ = true;
  try {
    work();
    execute("COMMIT");
  } catch (...) {
    in_write_ = false;
    if (sqlite3_get_autocommit(handle_->db) == 0)
      sqlite3_exec(handle_->db, "ROLLBACK", nullptr, nullptr, nullptr);
    throw;
  }
  in_write_ = false;
  if (handle_->has_waited) handle_->pause(500, 3000);  // others wait too
}

void ResultsDb::backup_to(const fs::path& target) const {
  const fs::path beside = target.string() + ".tmp" + std::to_string(getpid());
  fs::remove(beside);
  {
    ResultsDb copy =
        connect(beside, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, {});
    sqlite3_backup* backup =
        sqlite3_backup_init(copy.handle_->db, "main", handle_->db, "main");
    const int code = backup ? sqlite3_backup_step(backup, -1) : SQLITE_ERROR;
    sqlite3_backup_finish(backup);
    if (code != SQLITE_DONE) {
      std::error_code ignored;
      fs::remove(beside, ignored);
      throw_database_error(copy.handle_->db, code, target.string());
    }
  }
  fs::rename(beside, target);
}

std::vector<std::string> ResultsDb::integrity_problems() const {
  std::vector<std::string> problems;
  Statement check = statement("PRAGMA integrity_check(20)");
  while (check.step())
    if (check.text(0) != "ok") problems.push_back(check.text(0));
  Statement keys = statement("PRAGMA foreign_key_check");
  while (keys.step()) {
    problems.push_back("a row of " + keys.text(0) + " refers to no row of " +
                       keys.text(2));
  }
  return problems;
}

void ResultsDb::limit(double seconds) {
  handle_->deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(seconds));
  sqlite3_set_authorizer(handle_->db, allow_only_reading, nullptr);
  sqlite3_progress_handler(handle_->db, 1000, stop_when_late,
                           &handle_->deadline);
}

void ResultsDb::lift_limits() {
  sqlite3_set_authorizer(handle_->db, nullptr, nullptr);
  sqlite3_progress_handler(handle_->db, 0, nullptr, nullptr);
}

int ResultsDb::num_changes() const { return sqlite3_changes(handle_->db); }

}  // namespace shalab
