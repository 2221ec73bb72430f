#include "base/heap.h"

#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>

#include <limits>
#endif

// What jemalloc reads before main, hence visible to it. Blocks above
// oversize_threshold would go back at once.
extern "C" [[gnu::visibility("default")]] const char* malloc_conf;
const char* malloc_conf =
    "dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0";

namespace shalab {

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kLargest = 32 << 20;
  mallopt(M_MMAP_THRESHOLD, kLargest);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

}  // namespace shalab
