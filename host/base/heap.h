#pragma once

namespace shalab {

// Keeps what is freed for the next allocation instead of handing it back to the
// kernel, up to blocks of 32 MiB: a training step allocates the same tensors
// again and again, and otherwise every page of them is fetched and zeroed anew.
// Of MoPoE's step (batch 128, one thread) 8 to 14 % of the CPU time was that.
// The process keeps its peak; call it once, before threads start. Without glibc
// nothing happens.
void keep_freed_memory();

}  // namespace shalab
