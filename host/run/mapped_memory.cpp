#include "run/mapped_memory.h"

#include <c10/core/CPUAllocator.h>

#include <mutex>
#include <unordered_set>
#include <utility>

#include "base/packed_block.h"
#include "shalab/error.h"

namespace shalab {

namespace {

// Storages keep a pointer to the allocator that made them, so it is never
// destroyed; outside of begin and end it is the one it found.
class BlockAllocator final : public c10::Allocator {
 public:
  void begin(std::filesystem::path folder, std::size_t least) {
    const std::lock_guard lock(mutex_);
    SHALAB_CHECK(!is_open_, "two mapped memories at once");
    is_open_ = true;
    folder_ = std::move(folder);
    least_ = least;
    plain_ = c10::GetCPUAllocator();
    c10::SetCPUAllocator(this);
  }

  void end() {
    const std::lock_guard lock(mutex_);
    c10::SetCPUAllocator(plain_);
    is_open_ = false;
  }

  MappedMemory::Packed pack() {
    const std::lock_guard lock(mutex_);
    MappedMemory::Packed packed;
    for (PackedBlock* block : blocks_) {
      if (!block->file().empty()) continue;
      packed.written += block->pack() ? 1 : 0;
      ++packed.files;
      packed.bytes += block->size();
    }
    return packed;
  }

  c10::DataPtr allocate(std::size_t size) override {
    const std::lock_guard lock(mutex_);
    if (!is_open_ || size < least_) return plain_->allocate(size);
    auto block = std::make_unique<PackedBlock>(folder_, size);
    blocks_.insert(block.get());
    void* data = block->data();
    return {data, block.release(), release, c10::kCPU};
  }

  void copy_data(void* to, const void* from, std::size_t size) const override {
    default_copy_data(to, from, size);
  }

 private:
  static void release(void* block);

  std::mutex mutex_;
  bool is_open_ = false;
  std::filesystem::path folder_;
  std::size_t least_ = 0;
  c10::Allocator* plain_ = nullptr;
  std::unordered_set<PackedBlock*> blocks_;  // alive
};

BlockAllocator& allocator() {
  static BlockAllocator& instance = *new BlockAllocator();
  return instance;
}

void BlockAllocator::release(void* block) {
  const std::unique_ptr<PackedBlock> freed(static_cast<PackedBlock*>(block));
  const std::lock_guard lock(allocator().mutex_);
  allocator().blocks_.erase(freed.get());
}

}  // namespace

MappedMemory::MappedMemory(std::filesystem::path folder, std::size_t least) {
  allocator().begin(std::move(folder), least);
}

MappedMemory::~MappedMemory() { allocator().end(); }

MappedMemory::Packed MappedMemory::pack() { return allocator().pack(); }

}  // namespace shalab
