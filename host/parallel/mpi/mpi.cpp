// MessagePassing over MPI. MPI itself waits at full speed for as long as it
// takes; here a rank that waits longer naps, which leaves the core to others
// (rank 0 may validate for minutes) and is waked sooner than one that yields.

#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "parallel/message_passing.h"

namespace shalab {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kMostAtOnce = std::int64_t{1} << 28;  // MPI counts: int
constexpr auto kPatience = std::chrono::microseconds(100);
constexpr useconds_t kNap = 50;

class Mpi : public MessagePassing {
 public:
  Mpi() {
    // Shared memory only: reading another process's needs rights that
    // containers withhold, and floods stderr when that process is gone.
    setenv("UCX_TLS", "self,posix,sysv", 0);
    MPI_Init(nullptr, nullptr);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void sum(float* values, std::int64_t count) override {
    for (std::int64_t first = 0; first < count; first += kMostAtOnce) {
      MPI_Request request{};
      MPI_Iallreduce(MPI_IN_PLACE, values + first, at_once(count - first),
                     MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD, &request);
      wait(request);
    }
  }

  void broadcast(void* bytes, std::int64_t count, int root) override {
    for (std::int64_t first = 0; first < count; first += kMostAtOnce) {
      MPI_Request request{};
      MPI_Ibcast(static_cast<char*>(bytes) + first, at_once(count - first),
                 MPI_BYTE, root, MPI_COMM_WORLD, &request);
      wait(request);
    }
  }

  void close() override {
    MPI_Request request{};
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    wait(request);
    MPI_Finalize();
  }

 private:
  static int at_once(std::int64_t count) {
    return static_cast<int>(std::min(count, kMostAtOnce));
  }

  static void wait(MPI_Request& request) {
    const auto start = Clock::now();
    for (int is_done = 0;;) {
      MPI_Test(&request, &is_done, MPI_STATUS_IGNORE);
      if (is_done != 0) return;
      if (Clock::now() - start > kPatience) usleep(kNap);
    }
  }

  int rank_ = 0;
  int size_ = 1;
};

}  // namespace

}  // namespace shalab

extern "C" __attribute__((visibility("default"))) shalab::MessagePassing*
shalab_open_mpi() {
  return new shalab::Mpi();
}
