#pragma once
// Where large tensors lie while a dataset is made, so that it need not fit into
// memory.

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace shalab {

// While it lives, every CPU tensor of at least `least` bytes that any thread
// makes is a PackedBlock of `folder`: the splits of a dataset, and what a
// plugin needs on the way to them. Such tensors outlive it. One at a time
// (failed check otherwise). [main]
class MappedMemory {
 public:
  explicit MappedMemory(std::filesystem::path folder,
                        std::size_t least = std::size_t{1} << 20);
  ~MappedMemory();
  MappedMemory(const MappedMemory&) = delete;
  MappedMemory& operator=(const MappedMemory&) = delete;

  struct Packed {
    std::int64_t files = 0;
    std::int64_t written = 0;  // of them, now
    std::uint64_t bytes = 0;
  };

  // Packs the blocks whose tensors are still alive; nobody may write to them
  // meanwhile. Throws Error(data).
  Packed pack();
};

}  // namespace shalab
