#include "pictures.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <optional>

#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/io/resize.h"
#include "shalab/io/tensors.h"

namespace shalab::cub_captions {

namespace {

namespace fs = std::filesystem;

// uint8 [3, 64, 64].
at::Tensor read_picture(const fs::path& file) {
  io::Image image = io::resized(io::read_image(file, kChannels), kSide, kSide,
                                io::ResizeFilter::bilinear);
  return at::from_blob(image.pixels.data(), {kSide, kSide, kChannels},
                       at::kByte)
      .permute({2, 0, 1})
      .clone();
}

at::Tensor decode(const std::vector<Picture>& pictures,
                  const Services& services) {
  const auto total = static_cast<std::int64_t>(pictures.size());
  at::Tensor pixels = at::empty({total, kChannels, kSide, kSide}, at::kByte);
  for (std::int64_t i = 0; i < total; ++i) {
    pixels[i].copy_(read_picture(pictures[static_cast<std::size_t>(i)].file));
    services.progress->report("pictures", i + 1, total);
  }
  return pixels;
}

fs::path cache_file(const std::vector<Picture>& pictures,
                    const Services& services) {
  Digest64 digest;
  digest.add("64x64 bilinear of Pillow");
  for (const Picture& picture : pictures) {
    std::error_code error;
    const auto size = fs::file_size(picture.file, error);
    const auto time =
        fs::last_write_time(picture.file, error).time_since_epoch().count();
    digest.add(picture.file.string())
        .add(std::to_string(size) + " " + std::to_string(time));
  }
  return services.cache_folder / "datasets" /
         ("cub_captions-" + digest.hex() + ".npz");
}

// Nothing when there is no sound file of so many pictures; npz members carry a
// checksum.
std::optional<at::Tensor> read_cache(const fs::path& file, std::size_t count) {
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  try {
    const io::NamedArrays arrays = io::read_npz(file);
    const auto found = arrays.find("pixels");
    if (found == arrays.end()) return std::nullopt;
    const at::Tensor pixels = io::to_tensor(found->second);
    const std::vector<std::int64_t> shape{static_cast<std::int64_t>(count),
                                          kChannels, kSide, kSide};
    if (pixels.scalar_type() == at::kByte && pixels.sizes().equals(shape)) {
      return pixels;
    }
  } catch (const Error&) {
    return std::nullopt;
  }
  return std::nullopt;
}

void write_cache(const fs::path& file, const at::Tensor& pixels,
                 Logger& logger) {
  try {
    fs::create_directories(file.parent_path());
    io::write_npz(file, {{"pixels", io::to_array(pixels)}});
  } catch (const std::exception& error) {
    logger.warn("decoded pictures are not kept: " + std::string(error.what()));
  }
}

}  // namespace

at::Tensor read_pictures(const std::vector<Picture>& pictures,
                         const Services& services) {
  const fs::path file = cache_file(pictures, services);
  if (const auto kept = read_cache(file, pictures.size())) return *kept;
  const at::Tensor pixels = decode(pictures, services);
  write_cache(file, pixels, *services.logger);
  return pixels;
}

}  // namespace shalab::cub_captions
