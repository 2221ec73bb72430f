#include "base/heap.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>

namespace shalab {
namespace heap_test {

constexpr std::size_t kPage = 4096;

bool has_jemalloc() { return dlsym(RTLD_DEFAULT, "mallctl") != nullptr; }

long page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

void use_block(std::size_t bytes) {
  auto* block = static_cast<volatile char*>(std::malloc(bytes));
  for (std::size_t at = 0; at < bytes; at += kPage) block[at] = 1;
  std::free(const_cast<char*>(block));
}

// Faults of the second use of such a block.
long faults_of_reuse(std::size_t bytes) {
  use_block(bytes);
  const long before = page_faults();
  use_block(bytes);
  return page_faults() - before;
}

TEST(Heap, AFreedBlockIsUsedAgain) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "SKIPPED: the sanitizer keeps freed blocks aside";
#endif
  keep_freed_memory();
  EXPECT_LT(faults_of_reuse(16 << 20), 64);
}

TEST(Heap, SoIsALargeOne) {
  if (!has_jemalloc()) {
    GTEST_SKIP() << "SKIPPED: without jemalloc (libjemalloc-dev) blocks above "
                    "32 MiB go back to the kernel";
  }
  keep_freed_memory();
  EXPECT_LT(faults_of_reuse(300 << 20), 64);
}

}  // namespace heap_test
}  // namespace shalab
