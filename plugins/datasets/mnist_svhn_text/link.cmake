# The sources of mnist_svhn but the plugin itself; SVHN's files through libmatio.
file(GLOB shared CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/../mnist_svhn/*.cpp)
list(FILTER shared EXCLUDE REGEX "/mnist_svhn\\.cpp$")
target_sources(plugin_dataset_mnist_svhn_text PRIVATE ${shared})
shalab_compile_in_batches(plugin_dataset_mnist_svhn_text)
target_link_libraries(plugin_dataset_mnist_svhn_text PRIVATE matio)
