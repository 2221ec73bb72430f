#include "base/packed_block.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "shalab/digest.h"
#include "shalab/error.h"

namespace shalab {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(const fs::path& place, const std::string& what,
                         int reason) {
  throw Error(ErrorKind::data,
              place.string() + ": " + what + ": " + std::strerror(reason),
              "run.data = mapped needs a local disk with room for the data: "
              "set SHALAB_CACHE, or run.data = resident");
}

int open_nameless(const fs::path& folder, std::size_t size) {
  std::error_code error;
  fs::create_directories(folder, error);
  const int descriptor =
      ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
  if (descriptor < 0) refuse(folder, "no file can be made", errno);
  const int failure =
      ::posix_fallocate(descriptor, 0, static_cast<off_t>(size));
  if (failure != 0) {
    ::close(descriptor);
    refuse(folder, "no room for " + std::to_string(size) + " bytes", failure);
  }
  return descriptor;
}

std::string digest_of(const void* bytes, std::size_t size) {
  return Digest64().add(bytes, size).hex();
}

}  // namespace

PackedBlock::PackedBlock(const fs::path& folder, std::size_t size)
    : folder_(folder), size_(size), descriptor_(open_nameless(folder, size)) {
  data_ =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (data_ == MAP_FAILED) {
    const int reason = errno;
    ::close(descriptor_);
    refuse(folder, "cannot map " + std::to_string(size) + " bytes", reason);
  }
}

PackedBlock::~PackedBlock() {
  ::munmap(data_, size_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool PackedBlock::pack() {
  const std::string digest = digest_of(data_, size_);
  file_ = folder_ / (digest + "-" + std::to_string(size_) + ".bin");
  const bool is_new = !matches(digest);
  if (is_new) give_name();
  map_packed();
  return is_new;
}

bool PackedBlock::matches(const std::string& digest) const {
  const int found = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC);
  if (found < 0) return false;
  struct stat status {};
  void* bytes = MAP_FAILED;
  if (::fstat(found, &status) == 0 &&
      static_cast<std::size_t>(status.st_size) == size_) {
    bytes = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, found, 0);
  }
  ::close(found);
  if (bytes == MAP_FAILED) return false;
  const bool is_whole = digest_of(bytes, size_) == digest;
  ::munmap(bytes, size_);
  return is_whole;
}

void PackedBlock::give_name() {
  const fs::path beside = file_.string() + ".tmp-" + std::to_string(::getpid());
  const std::string self = "/proc/self/fd/" + std::to_string(descriptor_);
  ::unlink(beside.c_str());
  if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, beside.c_str(),
               AT_SYMLINK_FOLLOW) != 0 ||
      ::rename(beside.c_str(), file_.c_str()) != 0) {
    refuse(file_, "cannot be named", errno);
  }
}

void PackedBlock::map_packed() {
  const int packed = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC);
  if (packed < 0) refuse(file_, "cannot be opened", errno);
  const void* mapped = ::mmap(data_, size_, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_FIXED, packed, 0);
  const int reason = errno;
  ::close(packed);
  if (mapped == MAP_FAILED) refuse(file_, "cannot be mapped", reason);
  ::close(descriptor_);
  descriptor_ = -1;
  ::madvise(data_, size_, MADV_RANDOM);  // no reading ahead: rows are drawn
}

}  // namespace shalab
