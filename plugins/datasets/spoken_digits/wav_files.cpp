#include "wav_files.h"

#include <zip.h>

#include <fstream>
#include <iterator>
#include <memory>

#include "shalab/error.h"

namespace shalab::spoken_digits {

namespace fs = std::filesystem;

namespace {

constexpr zip_uint64_t kMaxBytes = 64 << 20;  // of one recording

[[noreturn]] void refuse(const std::string& origin, const std::string& what) {
  throw Error(ErrorKind::data, origin + ": " + what, "copy the file again");
}

std::string bytes_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  if (!stream) refuse(file.string(), "cannot be read");
  return bytes;
}

// Hidden files are no recordings: some systems leave "._7_theo_12.wav" behind.
bool is_wav(const fs::path& file) {
  return file.extension() == ".wav" &&
         !file.filename().string().starts_with('.');
}

std::vector<WavFile> read_folder(const fs::path& folder) {
  std::vector<WavFile> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path& file = entry.path();
    if (!is_wav(file) || !entry.is_regular_file()) continue;
    files.push_back({file.filename(), file.string(), bytes_of(file)});
  }
  return files;
}

using Archive = std::unique_ptr<zip_t, decltype(&zip_discard)>;
using Member = std::unique_ptr<zip_file_t, decltype(&zip_fclose)>;

Archive open_archive(const fs::path& file) {
  int code = 0;
  Archive archive(zip_open(file.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code),
                  zip_discard);
  if (archive) return archive;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string reason = zip_error_strerror(&error);
  zip_error_fini(&error);
  refuse(file.string(), "no zip archive that can be read: " + reason);
}

// Reading a member to its end compares its checksum.
std::string bytes_of(const Archive& archive, zip_uint64_t index,
                     const std::string& origin) {
  zip_stat_t facts;
  const bool is_known = zip_stat_index(archive.get(), index, 0, &facts) == 0 &&
                        (facts.valid & ZIP_STAT_SIZE) != 0;
  if (!is_known || facts.size > kMaxBytes) {
    refuse(origin, "its size is unknown or above 64 MiB");
  }
  const Member member(zip_fopen_index(archive.get(), index, 0), zip_fclose);
  std::string bytes(facts.size, '\0');
  char beyond = 0;
  if (!member ||
      zip_fread(member.get(), bytes.data(), bytes.size()) !=
          static_cast<zip_int64_t>(bytes.size()) ||
      zip_fread(member.get(), &beyond, 1) != 0) {
    refuse(origin, "damaged or encrypted");
  }
  return bytes;
}

std::vector<WavFile> read_archive(const fs::path& file) {
  const Archive archive = open_archive(file);
  std::vector<WavFile> files;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    const char* name = zip_get_name(archive.get(), index, 0);
    if (name == nullptr) refuse(file.string(), "a member has no name");
    const fs::path member = name;
    if (!is_wav(member)) continue;
    const std::string origin = file.string() + ", member " + name;
    files.push_back(
        {member.filename(), origin, bytes_of(archive, index, origin)});
  }
  return files;
}

}  // namespace

std::vector<WavFile> read_wav_files(const fs::path& place) {
  try {
    return fs::is_directory(place) ? read_folder(place) : read_archive(place);
  } catch (const fs::filesystem_error& error) {
    refuse(place.string(), error.code().message());
  }
}

}  // namespace shalab::spoken_digits
