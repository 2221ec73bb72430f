#include "results/line_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "shalab/error.h"

namespace shalab {

namespace {

bool ends_in_torn_line(int file) {
  const off_t size = ::lseek(file, 0, SEEK_END);
  char last = '\n';
  if (size > 0 && ::pread(file, &last, 1, size - 1) != 1) return true;
  return last != '\n';
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

}  // namespace

LineLog::Lock::Lock(LineLog& log) : log_(log), guard_(log.mutex_) {
  while (::flock(log_.file_, LOCK_EX) != 0)
    if (errno != EINTR) log_.fail("cannot lock ");
}

LineLog::Lock::~Lock() { ::flock(log_.file_, LOCK_UN); }

LineLog::LineLog(const std::filesystem::path& path) : path_(path) {
  file_ = ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (file_ < 0) fail("cannot open ");
}

LineLog::~LineLog() { ::close(file_); }

void LineLog::fail(const std::string& what) const {
  throw Error(ErrorKind::database,
              what + path_.string() + ": " + std::strerror(errno),
              "check the folder, its permissions and the free space");
}

void LineLog::append(const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  const Lock lock(*this);
  const off_t before = ::lseek(file_, 0, SEEK_END);
  try {
    write_all((ends_in_torn_line(file_) ? "\n" : "") + joined(lines));
  } catch (const Error&) {
    if (::ftruncate(file_, before) != 0) fail("cannot shorten ");
    throw;
  }
}

void LineLog::write_all(const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t count =
        ::write(file_, text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR) fail("cannot append to ");
    if (count > 0) done += static_cast<std::size_t>(count);
  }
}

void LineLog::flush() {
  if (::fdatasync(file_) != 0) fail("cannot sync ");
}

void LineLog::drain(
    const std::function<void(const std::vector<std::string>&)>& work) {
  const Lock lock(*this);
  work(read_lines(path_));
  if (::ftruncate(file_, 0) != 0) fail("cannot shorten ");
  if (::fsync(file_) != 0) fail("cannot sync ");
}

std::vector<std::string> LineLog::read_lines(
    const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::string> lines;
  std::string line;
  while (std::getline(file, line))
    if (!file.eof()) lines.push_back(line);
  return lines;
}

}  // namespace shalab
