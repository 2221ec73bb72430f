#include "parallel/launch.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "shalab/error.h"

namespace shalab {

namespace {

// "stdout stderr report": file numbers that a rank inherits.
constexpr const char* kStreams = "SHALAB_RANK_STREAMS";
constexpr int kFirstInherited = 10;
constexpr std::size_t kMostText = 2000;

struct Streams {
  int out = -1;
  int err = -1;
  int report = -1;
};

Streams inherited_streams() {
  Streams streams;
  const char* text = std::getenv(kStreams);
  if (text != nullptr) {
    std::sscanf(text, "%d %d %d", &streams.out, &streams.err, &streams.report);
  }
  return streams;
}

std::vector<std::string> own_command(int count) {
  std::vector<std::string> words{
      SHALAB_MPIEXEC, "-launcher",          "fork", "-rmk", "user",
      "-n",           std::to_string(count)};
  std::array<char, 4096> program{};
  const auto length =
      readlink("/proc/self/exe", program.data(), program.size() - 1);
  words.emplace_back(program.data(), length > 0 ? std::size_t(length) : 0);
  std::ifstream arguments("/proc/self/cmdline");
  std::string word;
  std::getline(arguments, word, '\0');
  while (std::getline(arguments, word, '\0')) words.push_back(word);
  return words;
}

sigset_t awaited_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

// A process group of its own: a terminal's Ctrl-C reaches the launching
// program, which passes it on once. mpiexec gets SIGTERM if that one dies.
[[noreturn]] void become_mpiexec(const std::vector<std::string>& command,
                                 int report, int words,
                                 const sigset_t& old_signals) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigprocmask(SIG_SETMASK, &old_signals, nullptr);
  std::string streams;
  for (const int file : {STDOUT_FILENO, STDERR_FILENO, report}) {
    streams += std::to_string(fcntl(file, F_DUPFD, kFirstInherited)) + " ";
  }
  setenv(kStreams, streams.c_str(), 1);
  dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
  dup2(words, STDOUT_FILENO);
  dup2(words, STDERR_FILENO);
  std::vector<char*> argv;
  for (const auto& word : command)
    argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execv(argv.front(), argv.data());
  std::perror(argv.front());
  _exit(127);
}

void wait_for(pid_t child, const sigset_t& signals) {
  for (;;) {
    const int signal = sigwaitinfo(&signals, nullptr);
    if (signal == SIGINT || signal == SIGTERM) kill(child, signal);
    if (waitpid(child, nullptr, WNOHANG) != 0) return;
  }
}

std::string text_in(int file) {
  std::string text(kMostText, '\0');
  lseek(file, 0, SEEK_SET);  // no effect on a pipe
  const auto length = read(file, text.data(), text.size());
  text.resize(length > 0 ? std::size_t(length) : 0);
  return text;
}

Ended ended(const std::string& reports, const std::string& words) {
  Ended result;
  std::istringstream lines(reports);
  std::string what, value;
  while (lines >> what >> value) {
    if (what == "run") result.run_id = value;
    if (what == "code") result.code = std::stoi(value);
  }
  if (!result.code) result.words = words;
  return result;
}

void report(const std::string& text) {
  if (!is_rank() || rank_number() != 0) return;
  const auto line = text + "\n";
  static_cast<void>(
      !write(inherited_streams().report, line.data(), line.size()));
}

struct File {
  int number;
  ~File() { ::close(number); }
};

}  // namespace

bool is_rank() { return std::getenv(kStreams) != nullptr; }

int rank_number() {
  const char* text = std::getenv("PMI_RANK");
  return is_rank() && text != nullptr ? std::atoi(text) : 0;
}

void adopt_streams() {
  if (!is_rank()) return;
  const auto streams = inherited_streams();
  dup2(streams.out, STDOUT_FILENO);
  dup2(streams.err, STDERR_FILENO);
}

void report_run(const std::string& run_id) { report("run " + run_id); }

void report_exit_code(int code) { report("code " + std::to_string(code)); }

Ended launch(int count) {
  if (access(SHALAB_MPIEXEC, X_OK) != 0) {
    throw Error(ErrorKind::device,
                "several devices need MPI's mpiexec, which is not there",
                "install mpich and libmpich-dev, and build again");
  }
  std::array<int, 2> ends{};
  SHALAB_CHECK(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0,
               std::strerror(errno));
  const File reports{ends[0]};
  const File words{memfd_create("mpiexec", MFD_CLOEXEC)};
  const auto command = own_command(count);
  const auto signals = awaited_signals();
  sigset_t old_signals;
  sigprocmask(SIG_BLOCK, &signals, &old_signals);
  const pid_t child = fork();
  SHALAB_CHECK(child >= 0, std::strerror(errno));
  if (child == 0) become_mpiexec(command, ends[1], words.number, old_signals);
  ::close(ends[1]);
  wait_for(child, signals);
  sigprocmask(SIG_SETMASK, &old_signals, nullptr);
  return ended(text_in(reports.number), text_in(words.number));
}

}  // namespace shalab
