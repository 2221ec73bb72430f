#pragma once
// The results database: one SQLite file that many processes read and write.
//
// Rollback journal with synchronous=FULL: a committed row survives a crash of
// the process and of the machine. WAL is not used: SQLite before 3.51.3 has a
// race there that damages the file when two connections checkpoint at once.
// One connection belongs to one thread; never fork while one is open.

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "results/migrations.h"
#include "results/statement.h"

namespace shalab {

struct DbOptions {
  std::chrono::milliseconds busy_timeout{30000};
  std::vector<Migration> migrations = all_migrations();
};

class ResultsDb {
 public:
  static constexpr int kApplicationId = 0x73684c61;  // "shLa"

  // Opens the file for reading and writing, makes it if there is none and
  // brings an older schema up to date: one transaction that excludes other
  // writers, after a copy to PATH.backup-vN. Any number of processes may do so
  // at once; one migrates, the others wait. Throws Error(database) for a newer
  // schema, another program's file, no database at all, or a place that cannot
  // be written. [any thread]
  static ResultsDb open(const std::filesystem::path& path,
                        const DbOptions& options = {});

  // Opens an existing file; every write is refused. A file of an older schema
  // is refused too. What a crashed writer left half-done is undone first where
  // the file may be written.
  static ResultsDb open_read_only(const std::filesystem::path& path,
                                  const DbOptions& options = {});

  ResultsDb(ResultsDb&&) noexcept;
  ResultsDb& operator=(ResultsDb&&) noexcept;
  ~ResultsDb();

  Statement statement(std::string_view sql) const;

  // Runs all statements of `sql`, without parameters.
  void execute(const std::string& sql) const;

  // Runs `work` in BEGIN IMMEDIATE ... COMMIT: all of it is durable when this
  // returns, nothing of it when it throws. The only way to write. A call
  // inside another joins it.
  void write(const std::function<void()>& work);

  // Consistent copy of the live file to `target`, which is replaced.
  void backup_to(const std::filesystem::path& target) const;

  // What SQLite's full check and the foreign keys find; empty = sound. Slow.
  std::vector<std::string> integrity_problems() const;

  // Until `lift_limits`: refuses everything but reading (no ATTACH, no PRAGMA,
  // no temporary tables) and stops a statement after `seconds`.
  void limit(double seconds);
  void lift_limits();

  int schema_version() const;
  int num_changes() const;  // rows touched by the last statement
  const std::filesystem::path& path() const { return path_; }

 private:
  struct Handle;
  ResultsDb(std::unique_ptr<Handle> handle, std::filesystem::path path);
  static ResultsDb connect(const std::filesystem::path& path, int flags,
                           const DbOptions& options);
  void check_identity(int newest) const;
  void migrate(const std::vector<Migration>& migrations);
  bool is_blank() const;
  int pragma_value(const std::string& name) const;

  std::unique_ptr<Handle> handle_;
  std::filesystem::path path_;
  bool in_write_ = false;
};

}  // namespace shalab
