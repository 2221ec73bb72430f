# LibTorch as scripts/setup unpacks it: <root>/torch/{include,lib} with
# nvidia/cu13/lib beside it. Imported targets: LibTorch::torch_cpu (with c10).
set(SHALAB_LIBTORCH_ROOT ${CMAKE_SOURCE_DIR}/.deps/libtorch CACHE PATH
    "folder that holds torch/include and torch/lib")
find_path(LibTorch_INCLUDE_DIR torch/csrc/api/include/torch/torch.h
  HINTS ${SHALAB_LIBTORCH_ROOT}/torch/include NO_DEFAULT_PATH)
find_library(LibTorch_CPU torch_cpu HINTS ${SHALAB_LIBTORCH_ROOT}/torch/lib
  NO_DEFAULT_PATH)
find_library(LibTorch_C10 c10 HINTS ${SHALAB_LIBTORCH_ROOT}/torch/lib
  NO_DEFAULT_PATH)
if(LibTorch_INCLUDE_DIR)
  file(STRINGS ${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h parts
       REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) [0-9]+")
  string(REGEX REPLACE "[^0-9;]" "" parts "${parts}")
  list(JOIN parts "." LibTorch_VERSION)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_CPU LibTorch_C10 LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run scripts/setup first: it unpacks LibTorch into .deps/")
if(LibTorch_FOUND AND NOT TARGET LibTorch::torch_cpu)
  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION ${LibTorch_C10})
  target_include_directories(LibTorch::c10 SYSTEM INTERFACE
    ${LibTorch_INCLUDE_DIR}
    ${LibTorch_INCLUDE_DIR}/torch/csrc/api/include)
  target_compile_definitions(LibTorch::c10 INTERFACE AT_PER_OPERATOR_HEADERS)
  add_library(LibTorch::torch_cpu SHARED IMPORTED)
  set_target_properties(LibTorch::torch_cpu PROPERTIES IMPORTED_LOCATION ${LibTorch_CPU})
  target_link_libraries(LibTorch::torch_cpu INTERFACE LibTorch::c10)
  get_filename_component(LibTorch_LIB_DIR ${LibTorch_CPU} DIRECTORY)
endif()
