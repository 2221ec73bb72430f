#pragma once
// A folder that goes away, a database in it, and rows that tests fill.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "results/query.h"
#include "results/results_db.h"
#include "results/run_store.h"

namespace shalab {

class Folder {
 public:
  // In memory where the system has such a folder: its locks are those of a
  // disk.
  explicit Folder(const std::filesystem::path& preferred = "/dev/shm") {
    const bool exists = std::filesystem::is_directory(preferred);
    std::string pattern =
        (exists ? preferred : std::filesystem::temp_directory_path()) /
        "shalabXXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline RunRecord a_run(const std::string& name, std::int64_t seed = 1,
                       const std::string& config_hash = "") {
  RunRecord run;
  run.name = name;
  run.experiment = "experiments/" + name + ".ini";
  run.seed = seed;
  run.config_hash = config_hash;
  run.config = {{"train.epochs", "10", name + ".ini:3"},
                {"run.seed", std::to_string(seed), "command line"}};
  run.plugins = {{"dataset", "poly_mnist", 1, "d1"},
                 {"fusion", "concat", 2, "d2"},
                 {"objective", "elbo", 1, "d3"},
                 {"prior", "standard_normal", 1, "d4"},
                 {"fitted_prior", "diffusion", 1, "d5"}};
  return run;
}

inline Measurement a_measurement(const std::string& name, double value) {
  Measurement row;
  row.name = name;
  row.value = value;
  row.unit = "share";
  row.direction = Direction::higher;
  row.split = "test";
  row.num_samples = 1000;
  row.protocol = "mmvaeplus";
  row.fingerprint = "judge-1";
  row.latent_source = "diffusion";
  row.generation = "unipc2 steps=10";
  row.nfe = 10;
  row.seconds = 2.5;
  return row;
}

inline std::int64_t number(const ResultsDb& db, const std::string& sql) {
  Statement row = db.statement(sql);
  return row.step() ? row.integer(0) : -1;
}

inline std::string words(const ResultsDb& db, const std::string& sql) {
  Statement row = db.statement(sql);
  return row.step() ? row.text(0) : "(no row)";
}

// The message of the shalab::Error that `work` throws, hint included.
template <typename Work>
std::string error_of(Work work, ErrorKind kind = ErrorKind::database) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  return "(no error)";
}

// Runs `work` in a child process, which must not hold our connections; returns
// the process id. The child's exit status is 0 where `work` did not throw.
template <typename Work>
pid_t in_child(Work work) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  int status = 0;
  try {
    work();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "child: %s\n", error.what());
    status = 1;
  }
  ::_exit(status);
}

inline int exit_status(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

inline std::vector<std::string> file_lines(const std::filesystem::path& path) {
  return LineLog::read_lines(path);
}

}  // namespace shalab
