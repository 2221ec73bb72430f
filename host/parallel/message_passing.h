#pragma once
// Messages between the processes that train one run together, one device each.

#include <cstdint>
#include <memory>

namespace shalab {

// The processes, "ranks", are numbered from 0. Calls are collective: every rank
// makes the same ones in the same order, and returns when its part is done.
// Memory is this machine's. [main]
class MessagePassing {
 public:
  virtual ~MessagePassing() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  // values[i] becomes its sum over the ranks, the same bits at each of them.
  virtual void sum(float* values, std::int64_t count) = 0;
  // `count` bytes of `root` reach all others.
  virtual void broadcast(void* bytes, std::int64_t count, int root) = 0;

  // Waits for all ranks and ends messages for good. A rank that leaves without
  // it has failed, and mpiexec ends the others.
  virtual void close() = 0;
};

// The implementation over MPI, from a library of its own (libshalab_mpi.so)
// that is opened here, so that nothing else needs MPI. Once a process, and in
// all that launch() started. Throws Error(device) where the library or MPI is
// missing.
std::unique_ptr<MessagePassing> open_message_passing();

}  // namespace shalab
