#include "base/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "shalab/error.h"

namespace shalab {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kBeside = ".tmp-";
constexpr std::size_t kChunk = std::size_t{1} << 30;

[[noreturn]] void fail(const fs::path& path, const std::string& what,
                       const std::string& reason) {
  throw Error(ErrorKind::data, path.string() + ": " + what + ": " + reason);
}

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  fail(path, what, std::strerror(errno));
}

// An open file; close() reports what the system held back.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags)
      : path_(path), number_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (number_ < 0) fail(path, "cannot open");
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t done =
          ::write(number_, bytes.data(), std::min(bytes.size(), kChunk));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail(path_, "cannot write");
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
  }

  std::string read_to_end() {
    std::string bytes;
    std::size_t filled = 0;
    for (;;) {
      if (filled == bytes.size()) {
        bytes.resize(std::max<std::size_t>(2 * filled, 1 << 16));
      }
      const ssize_t done = ::read(number_, bytes.data() + filled,
                                  std::min(bytes.size() - filled, kChunk));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) fail(path_, "cannot read");
      if (done == 0) break;
      filled += static_cast<std::size_t>(done);
    }
    bytes.resize(filled);
    return bytes;
  }

  void sync() {
    if (::fsync(number_) != 0) fail(path_, "cannot sync");
  }

  void close() {
    if (::close(std::exchange(number_, -1)) != 0) fail(path_, "cannot close");
  }

 private:
  fs::path path_;
  int number_;
};

void sync_path(const fs::path& path, int flags) {
  Descriptor descriptor(path, O_RDONLY | flags);
  descriptor.sync();
}

void sync_parent(const fs::path& path) {
  const fs::path parent = path.parent_path();
  sync_path(parent.empty() ? fs::path(".") : parent, O_DIRECTORY);
}

void sync_tree(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_directory()) sync_path(entry.path(), O_DIRECTORY);
    if (entry.is_regular_file()) sync_path(entry.path(), 0);
  }
  sync_path(folder, O_DIRECTORY);
}

fs::path beside(const fs::path& target) {
  fs::path result = target;
  result += std::string(kBeside) + std::to_string(::getpid());
  return result;
}

void rename_over(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    fail(to, "cannot rename " + from.filename().string() + " into place");
  }
}

// After this `fresh` holds the older folder. Without the exchange (some
// network file systems) there is a moment with neither in place.
void exchange(const fs::path& fresh, const fs::path& target) {
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, target.c_str(),
                  RENAME_EXCHANGE) == 0) {
    return;
  }
  fs::path old = fresh;
  old += "0";
  rename_over(target, old);
  rename_over(fresh, target);
  rename_over(old, fresh);
}

void fill_and_place(const fs::path& target, const fs::path& fresh,
                    const std::function<void(const fs::path&)>& fill) {
  fs::create_directories(fresh);
  fill(fresh);
  sync_tree(fresh);
  if (fs::exists(target)) {
    exchange(fresh, target);
    sync_parent(target);
    fs::remove_all(fresh);
  } else {
    rename_over(fresh, target);
  }
  sync_parent(target);
}

bool is_leftover(const std::string& name) {
  const std::size_t at = name.rfind(kBeside);
  if (at == std::string::npos) return false;
  const std::string_view id =
      std::string_view(name).substr(at + kBeside.size());
  return !id.empty() &&
         id.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string read_file(const fs::path& file) {
  return Descriptor(file, O_RDONLY).read_to_end();
}

void write_file_atomically(const fs::path& file, std::string_view bytes) {
  const fs::path fresh = beside(file);
  try {
    Descriptor descriptor(fresh, O_WRONLY | O_CREAT | O_TRUNC);
    descriptor.write(bytes);
    descriptor.sync();
    descriptor.close();
    rename_over(fresh, file);
    sync_parent(file);
  } catch (const Error&) {
    std::error_code ignored;
    fs::remove(fresh, ignored);
    throw;
  }
}

void write_folder_atomically(const fs::path& target,
                             const std::function<void(const fs::path&)>& fill) {
  const fs::path fresh = beside(target);
  std::error_code ignored;
  fs::remove_all(fresh, ignored);
  try {
    fill_and_place(target, fresh, fill);
  } catch (const fs::filesystem_error& error) {
    fs::remove_all(fresh, ignored);
    fail(target, "cannot write the folder", error.code().message());
  } catch (...) {
    fs::remove_all(fresh, ignored);
    throw;
  }
}

void remove_leftovers(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (is_leftover(entry.path().filename().string())) {
      leftovers.push_back(entry.path());
    }
  }
  if (error) fail(folder, "cannot list", error.message());
  for (const fs::path& leftover : leftovers) {
    fs::remove_all(leftover, error);
    if (error) fail(leftover, "cannot remove", error.message());
  }
}

std::uint64_t free_space(const fs::path& path) {
  std::error_code error;
  fs::path folder = fs::absolute(path, error);
  while (!error && !fs::exists(folder, error) && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  const fs::space_info space = fs::space(folder, error);
  if (error) fail(path, "cannot ask for the free space", error.message());
  return space.available;
}

TemporaryFolder::TemporaryFolder(const std::string& prefix) {
  std::error_code error;
  const fs::path parent = fs::temp_directory_path(error);
  if (error) fail("TMPDIR", "no temporary folder", error.message());
  std::string pattern = (parent / (prefix + "-XXXXXX")).string();
  if (::mkdtemp(pattern.data()) == nullptr) fail(pattern, "cannot create");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace shalab
