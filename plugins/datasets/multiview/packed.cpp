#include "packed.h"

#include <unistd.h>

#include <fstream>
#include <optional>

#include "shalab/digest.h"
#include "shalab/error.h"
#include "shalab/io/arrays.h"
#include "shalab/io/tensors.h"

namespace shalab {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDigestFile = "digest.txt";

std::string key_of(const ViewFolders& folders, std::int64_t size) {
  Digest64 digest;
  digest.add("multiview/1 " + std::to_string(size));
  for (const fs::path& file : folders.files) {
    const auto time = fs::last_write_time(file).time_since_epoch().count();
    digest.add(fs::absolute(file).lexically_normal().string())
        .add(std::to_string(fs::file_size(file)) + " " + std::to_string(time));
  }
  return digest.hex();
}

fs::path array_file(const fs::path& place, std::int64_t view) {
  return place / ("view" + std::to_string(view) + ".npy");
}

std::string read_digest(const fs::path& place) {
  std::ifstream stream(place / kDigestFile);
  std::string digest;
  stream >> digest;
  return digest;
}

bool fits(const at::Tensor& array, const ViewFolders& folders) {
  return array.scalar_type() == at::kByte && array.dim() == 4 &&
         array.size(0) == static_cast<std::int64_t>(folders.objects.size()) &&
         array.size(1) == 3;
}

// Throws Error(data) where the packed arrays are not what was written.
PackedPictures read_packed(const fs::path& place, const ViewFolders& folders) {
  PackedPictures packed;
  for (const std::int64_t view : folders.views) {
    packed.pictures.push_back(
        io::to_tensor(io::read_npy(array_file(place, view))));
    if (!fits(packed.pictures.back(), folders)) {
      throw Error(ErrorKind::data, "arrays of another shape");
    }
  }
  packed.digest = digest_of(packed.pictures);
  if (packed.digest != read_digest(place)) {
    throw Error(ErrorKind::data, "the digest does not agree");
  }
  return packed;
}

void fill(const fs::path& folder, const PackedPictures& packed,
          const std::vector<std::int64_t>& views) {
  fs::create_directories(folder);
  for (std::size_t v = 0; v < views.size(); ++v) {
    io::write_npy(array_file(folder, views[v]),
                  io::to_array(packed.pictures[v]));
  }
  std::ofstream stream(folder / kDigestFile);
  stream << packed.digest << '\n';
  stream.close();
  if (!stream) throw Error(ErrorKind::data, "cannot write " + folder.string());
}

// Beside its place first, then renamed: whole or absent.
void write_packed(const fs::path& place, const PackedPictures& packed,
                  const ViewFolders& folders, const Services& services) {
  const fs::path beside = place.string() + ".tmp-" + std::to_string(::getpid());
  try {
    fill(beside, packed, folders.views);
    fs::remove_all(place);
    fs::rename(beside, place);
  } catch (const std::exception& error) {
    std::error_code ignored;
    fs::remove_all(beside, ignored);
    services.logger->warn("multiview: the packed pictures could not be kept: " +
                          std::string(error.what()));
  }
}

std::optional<PackedPictures> find_packed(const fs::path& place,
                                          const ViewFolders& folders,
                                          const Services& services) {
  std::error_code error;
  if (!fs::exists(place, error)) return std::nullopt;
  try {
    return read_packed(place, folders);
  } catch (const Error& damaged) {
    services.logger->warn("multiview: packing again, " + place.string() +
                          " is damaged: " + damaged.message());
    return std::nullopt;
  }
}

}  // namespace

PackedPictures packed_pictures(const ViewFolders& folders, std::int64_t size,
                               const Services& services) {
  const fs::path place =
      services.cache_folder / "multiview" / key_of(folders, size);
  if (auto packed = find_packed(place, folders, services)) return *packed;
  PackedPictures packed{read_pictures(folders, size, services), {}};
  packed.digest = digest_of(packed.pictures);
  write_packed(place, packed, folders, services);
  return packed;
}

}  // namespace shalab
