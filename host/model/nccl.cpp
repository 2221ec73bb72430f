#include "model/nccl.h"

#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <array>
#include <cstring>

#include "shalab/error.h"

namespace shalab {

namespace {

// From nccl.h, unchanged since NCCL 2.0.
constexpr int kSuccess = 0;
constexpr int kFloat32 = 7;
constexpr int kSum = 0;
struct UniqueId {
  std::array<char, 128> bytes;
};

struct NcclLibrary {
  int (*get_unique_id)(UniqueId*);
  int (*init_rank)(void**, int, UniqueId, int);
  int (*all_reduce)(const void*, void*, std::size_t, int, int, void*, void*);
  int (*destroy)(void*);
  const char* (*error_text)(int);
};

[[noreturn]] void refuse_nccl(const std::string& why) {
  throw Error(ErrorKind::device, "NCCL: " + why,
              "put libnccl.so.2 (the wheel nvidia-nccl-cu13) on the library "
              "path, or train on one device");
}

template <typename Function>
void take_symbol(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) refuse_nccl(dlerror());
}

NcclLibrary open_nccl() {
  void* library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) refuse_nccl(dlerror());
  NcclLibrary nccl{};
  take_symbol(library, "ncclGetUniqueId", nccl.get_unique_id);
  take_symbol(library, "ncclCommInitRank", nccl.init_rank);
  take_symbol(library, "ncclAllReduce", nccl.all_reduce);
  take_symbol(library, "ncclCommDestroy", nccl.destroy);
  take_symbol(library, "ncclGetErrorString", nccl.error_text);
  return nccl;
}

const NcclLibrary& nccl_library() {
  static const NcclLibrary nccl = open_nccl();
  return nccl;
}

void check_nccl(int result, const char* call) {
  if (result == kSuccess) return;
  refuse_nccl(std::string(call) + ": " + nccl_library().error_text(result));
}

}  // namespace

std::string Nccl::make_id() {
  UniqueId id{};
  check_nccl(nccl_library().get_unique_id(&id), "ncclGetUniqueId");
  return {id.bytes.data(), id.bytes.size()};
}

Nccl::Nccl(const std::string& id, int rank, int size, c10::Device device)
    : device_(device) {
  UniqueId unique{};
  SHALAB_CHECK(id.size() == unique.bytes.size(), std::to_string(id.size()));
  std::memcpy(unique.bytes.data(), id.data(), id.size());
  const c10::DeviceGuard guard(device_);
  check_nccl(nccl_library().init_rank(&communicator_, size, unique, rank),
             "ncclCommInitRank");
}

Nccl::~Nccl() { nccl_library().destroy(communicator_); }

void Nccl::sum(at::Tensor& values) {
  const c10::DeviceGuard guard(device_);
  const auto stream =
      c10::impl::VirtualGuardImpl(device_.type()).getStream(device_);
  check_nccl(nccl_library().all_reduce(values.data_ptr(), values.data_ptr(),
                                       static_cast<std::size_t>(values.numel()),
                                       kFloat32, kSum, communicator_,
                                       stream.native_handle()),
             "ncclAllReduce");
}

}  // namespace shalab
