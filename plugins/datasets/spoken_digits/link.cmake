# WAV files through libsndfile, the archive of recordings through libzip.
target_link_libraries(plugin_dataset_spoken_digits PRIVATE sndfile zip)
