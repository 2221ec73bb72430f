add_library(shalab_warnings INTERFACE)
target_compile_options(shalab_warnings INTERFACE -Wall -Wextra -Wshadow
  -Wnon-virtual-dtor -Woverloaded-virtual -Werror=return-type
  # GCC 12 warns falsely on std::string + const char* (bug 105329).
  -Wno-restrict)
