# One precompiled header for everything that sees LibTorch: its front end costs
# 12 s a file, the precompiled form 2 s. Position independent everywhere, since
# GCC refuses to mix -fPIC and -fPIE. With default visibility: one made with
# hidden visibility would hide functions of the SDK whose parameters are templates
# of tensors; plugins export by their version script alone.
add_library(shalab_torch_headers OBJECT ${CMAKE_CURRENT_LIST_DIR}/torch_headers.cpp)
target_link_libraries(shalab_torch_headers PRIVATE LibTorch::torch_cpu)
set_target_properties(shalab_torch_headers PROPERTIES CXX_VISIBILITY_PRESET default)
set(SHALAB_TORCH_HEADERS <ATen/ATen.h> <torch/nn/module.h>
  <torch/nn/modules/conv.h> <torch/nn/modules/linear.h>)
target_precompile_headers(shalab_torch_headers PRIVATE ${SHALAB_TORCH_HEADERS})
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(shalab_torch_headers PRIVATE -fpch-preprocess)
endif()

function(shalab_use_torch_headers target)
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "EXECUTABLE")
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
  target_precompile_headers(${target} REUSE_FROM shalab_torch_headers)
endfunction()

# Compiles the files of a library or of a plugin's folder a few at a time: what
# each file costs before its own code (3 s where it sees LibTorch or JSON) is paid
# once for all of them; five unless told. Helpers of one folder therefore need
# names of their own.
function(shalab_compile_in_batches target)
  set(size 5)
  if(ARGC GREATER 1)
    set(size ${ARGV1})
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON
    UNITY_BUILD_BATCH_SIZE ${size})
endfunction()
