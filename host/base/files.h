#pragma once
// Files and folders that are whole or absent, whatever moment a process or a
// machine dies at.
//
// A new version is written beside its target ("<target>.tmp-<pid>", so on the
// same file system), synced, renamed over it, and the parent folder is synced.
// All functions throw Error(data) "<path>: what failed: reason of the system".

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace shalab {

std::string read_file(const std::filesystem::path& file);

// The old contents or the new, never a part. Permissions follow the umask.
// [any thread; one writer per file]
void write_file_atomically(const std::filesystem::path& file,
                           std::string_view bytes);

// Calls `fill` with an empty folder beside `target`, syncs every file in it
// and puts it in place of `target`; an older folder there is replaced in one
// step and removed. When `fill` throws, nothing stays and the error goes on.
// [one writer per folder]
void write_folder_atomically(
    const std::filesystem::path& target,
    const std::function<void(const std::filesystem::path& folder)>& fill);

// Removes what write_..._atomically left in `folder` when a process died:
// names that contain ".tmp-" and end in digits. Call it only where no other
// process writes.
void remove_leftovers(const std::filesystem::path& folder);

// Bytes that this user may still write on the file system of `path`; the
// nearest parent that exists is asked.
std::uint64_t free_space(const std::filesystem::path& path);

// A new, empty folder under the system's temporary one; removed with all that
// is in it at the end of the object's life.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& prefix = "shalab");
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace shalab
