#pragma once
// Memory that lies in a file: the kernel writes its pages back when memory is
// short and reads them again when they are touched.

#include <cstddef>
#include <filesystem>

namespace shalab {

// Two lives. First a file without a name in `folder`, written through the
// mapping; it is gone with the process. After `pack` the file that is named by
// what it holds, FOLDER/DIGEST-SIZE.bin, mapped privately at the same address:
// whoever packs the same bytes, now or in a later process, shares its pages,
// and writing to the memory never reaches the file. [one thread at a time]
class PackedBlock {
 public:
  // `size` zeros, at least one; makes the folder. The disk space is taken at
  // once. Throws Error(data) naming the folder where there is too little of
  // it, or where the file system has no files without a name.
  PackedBlock(const std::filesystem::path& folder, std::size_t size);
  ~PackedBlock();
  PackedBlock(const PackedBlock&) = delete;
  PackedBlock& operator=(const PackedBlock&) = delete;

  void* data() const { return data_; }
  std::size_t size() const { return size_; }

  // Reads the whole block once, and the file of that name where there is one.
  // True when the file was written: there was none, or it was truncated or
  // held other bytes. Throws Error(data) naming the file.
  bool pack();
  // Empty before `pack`.
  const std::filesystem::path& file() const { return file_; }

 private:
  bool matches(const std::string& digest) const;
  void give_name();
  void map_packed();

  std::filesystem::path folder_;
  std::filesystem::path file_;
  std::size_t size_;
  int descriptor_ = -1;  // of the file without a name; -1 once packed
  void* data_ = nullptr;
};

}  // namespace shalab
