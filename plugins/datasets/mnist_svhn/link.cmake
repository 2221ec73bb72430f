# SVHN's files through libmatio.
target_link_libraries(plugin_dataset_mnist_svhn PRIVATE matio)
