#pragma once
// Pictures of a file that is slow to read, kept in the cache folder as uint8.

#include <filesystem>
#include <functional>
#include <string>

#include "labelled_images.h"
#include "shalab/services.h"

namespace shalab::mnist_svhn {

using ImageReader = std::function<LabelledImages(const std::filesystem::path&)>;

// Digest of the bytes of `file`. Error(data) when it cannot be read.
std::string digest_of_file(const std::filesystem::path& file);

// What `read` makes of `file`: from <cache>/datasets/<name>-<digest>.npz where
// that exists, else from the file, and packed there. `digest` is that of the
// file; `name` changes when `read` makes something else of equal bytes. A cache
// that cannot be written or read back costs time and a warning, nothing else.
LabelledImages packed_images(const std::filesystem::path& file,
                             const std::string& name, const std::string& digest,
                             const Services& services, const ImageReader& read);

}  // namespace shalab::mnist_svhn
