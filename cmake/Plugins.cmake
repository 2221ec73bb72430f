# shalab_add_plugin(kind name sources...): one shared library that exports one
# symbol, and its side metadata <name>.json, written by shalab-describe.
set(SHALAB_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/plugin.map)
function(shalab_add_plugin kind name)
  set(target plugin_${kind}_${name})
  set(folder ${CMAKE_BINARY_DIR}/plugins/${kind})
  add_library(${target} MODULE ${ARGN})
  target_link_libraries(${target} PRIVATE shalab::sdk shalab_warnings)
  target_compile_definitions(${target} PRIVATE SHALAB_PLUGIN_NAME="${name}"
    SHALAB_SDK_HASH="${SHALAB_SDK_HASH}")
  shalab_use_torch_headers(${target})
  list(LENGTH ARGN num_sources)
  if(num_sources GREATER 1)
    shalab_compile_in_batches(${target})
  endif()
  target_link_options(${target} PRIVATE
    -Wl,--version-script=${SHALAB_PLUGIN_MAP} -Wl,-z,now)
  if(NOT SHALAB_SANITIZE)
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${folder})
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND shalab-describe ${folder}/${name}.so ${folder}/${name}.json
    COMMENT "Describing ${kind} ${name}")
  add_dependencies(${target} shalab-describe)
  set_property(GLOBAL APPEND PROPERTY SHALAB_PLUGINS "${kind}/${name}")
endfunction()

# Every child of plugins/<kinds>/ is a plugin: a .cpp file, or a folder of them.
function(shalab_add_plugins_of kind folder)
  file(GLOB children CONFIGURE_DEPENDS ${folder}/*)
  foreach(child IN LISTS children)
    get_filename_component(name ${child} NAME_WE)
    if(IS_DIRECTORY ${child})
      file(GLOB sources CONFIGURE_DEPENDS ${child}/*.cpp)
      if(sources)
        shalab_add_plugin(${kind} ${name} ${sources})
        # What a folder links beside the SDK: target_link_libraries(...).
        include(${child}/link.cmake OPTIONAL)
      endif()
    elseif(child MATCHES "\\.cpp$")
      shalab_add_plugin(${kind} ${name} ${child})
    endif()
  endforeach()
endfunction()
