#pragma once
// An append-only file of text lines that survives crashes: a line counts once
// its newline is there. A torn last line is dropped by readers and closed off
// by the next writer.

#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace shalab {

class LineLog {
 public:
  // Opens or makes the file; its folder must exist. Throws Error(database).
  explicit LineLog(const std::filesystem::path& path);
  ~LineLog();
  LineLog(const LineLog&) = delete;
  LineLog& operator=(const LineLog&) = delete;

  // Appends the lines (without newlines inside) in one write. Processes that
  // append at once do not mix lines. [any thread]
  void append(const std::vector<std::string>& lines);

  // What was appended is on the disk when this returns.
  void flush();

  // Holds the file's lock, calls `work` with all complete lines, and empties
  // the file if that did not throw. Other processes' appends wait.
  void drain(const std::function<void(const std::vector<std::string>&)>& work);

  const std::filesystem::path& path() const { return path_; }

  // The complete lines of a file; none if there is no file.
  static std::vector<std::string> read_lines(const std::filesystem::path& path);

 private:
  class Lock {
   public:
    explicit Lock(LineLog& log);
    ~Lock();

   private:
    LineLog& log_;
    std::lock_guard<std::mutex> guard_;
  };

  void write_all(const std::string& text);
  [[noreturn]] void fail(const std::string& what) const;

  std::filesystem::path path_;
  std::mutex mutex_;
  int file_ = -1;
};

}  // namespace shalab
