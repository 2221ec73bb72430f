#include "parallel/message_passing.h"

#include <dlfcn.h>

#include "shalab/error.h"

namespace shalab {

std::unique_ptr<MessagePassing> open_message_passing() {
  using Open = MessagePassing* (*)();
  void* library = dlopen("libshalab_mpi.so", RTLD_NOW | RTLD_LOCAL);
  void* symbol =
      library == nullptr ? nullptr : dlsym(library, "shalab_open_mpi");
  if (symbol == nullptr) {
    throw Error(ErrorKind::device,
                std::string("several devices need MPI: ") + dlerror(),
                "install mpich and libmpich-dev, and build again");
  }
  return std::unique_ptr<MessagePassing>(reinterpret_cast<Open>(symbol)());
}

}  // namespace shalab
