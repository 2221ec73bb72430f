#include "pictures.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/io/resize.h"

namespace shalab {

namespace {

constexpr std::int64_t kChannels = 3;

std::string size_text(std::int64_t width, std::int64_t height) {
  return std::to_string(width) + " x " + std::to_string(height);
}

// uint8 [3, H, W].
at::Tensor read_picture(const std::filesystem::path& file, std::int64_t size) {
  io::Image image = io::read_image(file, kChannels);
  if (size > 0 && image.width != image.height) {
    throw Error(ErrorKind::data,
                file.string() + " is " + size_text(image.width, image.height) +
                    " pixels",
                "dataset.size resizes square pictures only; 0 keeps them as "
                "they are");
  }
  if (size > 0) {
    image = io::resized(image, size, size, io::ResizeFilter::bicubic);
  }
  return at::from_blob(image.pixels.data(),
                       {image.height, image.width, kChannels}, at::kByte)
      .permute({2, 0, 1})
      .clone(at::MemoryFormat::Contiguous);
}

void check_size(const at::Tensor& picture, const at::Tensor& first,
                const ViewFolders& folders, std::size_t file) {
  if (picture.sizes() == first.sizes()) return;
  throw Error(ErrorKind::data,
              folders.files[file].string() + " is " +
                  size_text(picture.size(2), picture.size(1)) + " pixels, " +
                  folders.files.front().string() + " is " +
                  size_text(first.size(2), first.size(1)),
              "dataset.size resizes all pictures to one size");
}

Pictures empty_pictures(const ViewFolders& folders, const at::Tensor& first) {
  Pictures pictures;
  const auto num_objects = static_cast<std::int64_t>(folders.objects.size());
  for (std::size_t v = 0; v < folders.views.size(); ++v) {
    pictures.push_back(at::empty(
        {num_objects, kChannels, first.size(1), first.size(2)}, at::kByte));
  }
  return pictures;
}

}  // namespace

Pictures read_pictures(const ViewFolders& folders, std::int64_t size,
                       const Services& services) {
  const at::Tensor first = read_picture(folders.files.front(), size);
  Pictures pictures = empty_pictures(folders, first);
  const std::size_t num_views = folders.views.size();
  for (std::size_t i = 0; i < folders.files.size(); ++i) {
    const at::Tensor picture = read_picture(folders.files[i], size);
    check_size(picture, first, folders, i);
    pictures[i % num_views]
        .select(0, static_cast<std::int64_t>(i / num_views))
        .copy_(picture);
    services.progress->report("pictures", static_cast<std::int64_t>(i + 1),
                              static_cast<std::int64_t>(folders.files.size()));
  }
  return pictures;
}

std::string digest_of(const Pictures& pictures) {
  Digest64 digest;
  for (const at::Tensor& view : pictures) {
    digest.add(view.data_ptr(), view.nbytes());
  }
  return digest.hex();
}

}  // namespace shalab
