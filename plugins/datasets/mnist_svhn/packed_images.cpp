#include "packed_images.h"

#include <fstream>
#include <optional>
#include <vector>

#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/io/arrays.h"
#include "shalab/io/tensors.h"

namespace shalab::mnist_svhn {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBlock = std::size_t{1} << 20;

bool holds_pictures(const LabelledImages& pictures) {
  return pictures.images.dim() == 4 &&
         pictures.images.scalar_type() == at::kByte &&
         pictures.labels.scalar_type() == at::kLong &&
         pictures.labels.sizes() == pictures.images.sizes().slice(0, 1);
}

std::optional<LabelledImages> unpack(const fs::path& pack,
                                     const Services& services) {
  std::error_code error;
  if (!fs::exists(pack, error)) return std::nullopt;
  try {
    const io::NamedArrays arrays = io::read_npz(pack);
    LabelledImages pictures{io::to_tensor(arrays.at("images")),
                            io::to_tensor(arrays.at("labels"))};
    SHALAB_CHECK(holds_pictures(pictures), "no pictures: " + pack.string());
    return pictures;
  } catch (const std::exception& damage) {
    services.logger->warn(std::string("packing anew: ") + damage.what());
    return std::nullopt;
  }
}

void pack_into(const fs::path& pack, const LabelledImages& pictures,
               const Services& services) {
  try {
    fs::create_directories(pack.parent_path());
    io::write_npz(pack, {{"images", io::to_array(pictures.images)},
                         {"labels", io::to_array(pictures.labels)}});
  } catch (const std::exception& refusal) {
    services.logger->warn(std::string("not packed: ") + refusal.what());
  }
}

}  // namespace

std::string digest_of_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::vector<char> block(kBlock);
  Digest64 digest;
  while (stream.read(block.data(), static_cast<std::streamsize>(kBlock)) ||
         stream.gcount() > 0) {
    digest.add(block.data(), static_cast<std::size_t>(stream.gcount()));
  }
  if (!stream.eof()) {
    throw Error(ErrorKind::data, "cannot read " + file.string());
  }
  return digest.hex();
}

LabelledImages packed_images(const fs::path& file, const std::string& name,
                             const std::string& digest,
                             const Services& services,
                             const ImageReader& read) {
  const fs::path pack =
      services.cache_folder / "datasets" / (name + "-" + digest + ".npz");
  if (std::optional<LabelledImages> found = unpack(pack, services)) {
    return *found;
  }
  LabelledImages pictures = read(file);
  pack_into(pack, pictures, services);
  return pictures;
}

}  // namespace shalab::mnist_svhn
