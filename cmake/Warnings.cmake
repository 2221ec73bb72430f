add_library(shalab_warnings INTERFACE)
target_compile_options(shalab_warnings INTERFACE -Wall -Wextra -Wshadow
  -Wnon-virtual-dtor -Woverloaded-virtual -Werror=return-type
  # GCC 12 warns falsely on std::string (bug 105329 and its like).
  -Wno-restrict -Wno-stringop-overflow)
