#include "packed_folder.h"

#include <ATen/ops/empty.h>

#include <optional>
#include <string>

#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/io/arrays.h"
#include "shalab/io/images.h"
#include "shalab/io/tensors.h"
#include "source.h"

namespace shalab::poly_mnist {

namespace {

namespace fs = std::filesystem;

using Files = std::vector<fs::path>;

std::string key_of(const Files& files) {
  Digest64 digest;
  for (const fs::path& file : files) {
    const auto time = fs::last_write_time(file).time_since_epoch().count();
    digest.add(fs::absolute(file).lexically_normal().string())
        .add(std::to_string(fs::file_size(file)) + " " + std::to_string(time));
  }
  return digest.hex();
}

// Planar from interleaved.
void read_picture(const fs::path& file, std::uint8_t* out) {
  const io::Image image = io::read_image(file, kChannels);
  if (image.width != kSide || image.height != kSide) {
    throw Error(ErrorKind::data,
                file.string() + " is " + std::to_string(image.width) + " x " +
                    std::to_string(image.height) + " pixels",
                "pictures of PolyMNIST are 28 x 28");
  }
  for (std::int64_t i = 0; i < kPixels; ++i) {
    for (std::int64_t c = 0; c < kChannels; ++c) {
      out[c * kPixels + i] =
          image.pixels[static_cast<std::size_t>(i * kChannels + c)];
    }
  }
}

at::Tensor read_pictures(const Files& files, const Services& services) {
  const auto count = static_cast<std::int64_t>(files.size());
  const std::string what = "pictures of " + files[0].parent_path().string();
  at::Tensor images = at::empty({count, kChannels, kSide, kSide}, at::kByte);
  auto* out = images.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < count; ++i, out += kChannels * kPixels) {
    read_picture(files[static_cast<std::size_t>(i)], out);
    services.progress->report(what, i + 1, count);
  }
  return images;
}

std::optional<at::Tensor> unpack(const fs::path& pack, std::int64_t count,
                                 const Services& services) {
  std::error_code error;
  if (!fs::exists(pack, error)) return std::nullopt;
  try {
    const at::Tensor images = io::to_tensor(io::read_npz(pack).at("images"));
    const std::int64_t shape[] = {count, kChannels, kSide, kSide};
    SHALAB_CHECK(images.scalar_type() == at::kByte &&
                     images.sizes() == at::IntArrayRef(shape),
                 "other pictures: " + pack.string());
    return images;
  } catch (const std::exception& damage) {
    services.logger->warn(std::string("packing anew: ") + damage.what());
    return std::nullopt;
  }
}

void pack_into(const fs::path& pack, const at::Tensor& images,
               const Services& services) {
  try {
    fs::create_directories(pack.parent_path());
    io::write_npz(pack, {{"images", io::to_array(images)}});
  } catch (const std::exception& refusal) {
    services.logger->warn(std::string("not packed: ") + refusal.what());
  }
}

}  // namespace

at::Tensor packed_folder(const Files& files, const Services& services) {
  const fs::path pack =
      services.cache_folder / "poly_mnist" / (key_of(files) + ".npz");
  const auto count = static_cast<std::int64_t>(files.size());
  if (auto images = unpack(pack, count, services)) return *images;
  at::Tensor images = read_pictures(files, services);
  pack_into(pack, images, services);
  return images;
}

}  // namespace shalab::poly_mnist
