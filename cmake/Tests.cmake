# tests/X/y_test.cpp tests X/y. Tests of one folder are one program; ctest
# lists them by suite and fact. `LABELS` and `LIBRARIES` per folder.
# Files are compiled in batches, so each keeps to a namespace of its own name.
find_package(GTest REQUIRED)
include(GoogleTest)
function(shalab_add_tests name)
  cmake_parse_arguments(arg "TORCH" "LABEL" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT arg_SOURCES)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} GTest::gtest
    GTest::gtest_main shalab_warnings)
  target_compile_definitions(${name} PRIVATE
    SHALAB_SOURCE_DIR="${CMAKE_SOURCE_DIR}" SHALAB_BUILD_DIR="${CMAKE_BINARY_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY
    ${CMAKE_BINARY_DIR}/tests)
  shalab_compile_in_batches(${name} 8)
  if(arg_TORCH)
    shalab_use_torch_headers(${name})
  endif()
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST TEST_PREFIX ${name}.
    PROPERTIES LABELS ${arg_LABEL} ENVIRONMENT "OMP_NUM_THREADS=1")
endfunction()
