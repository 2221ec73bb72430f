#pragma once
// The bytes of all WAV files of a folder or of a zip archive.

#include <filesystem>
#include <string>
#include <vector>

namespace shalab::spoken_digits {

struct WavFile {
  std::string name;    // without folders
  std::string origin;  // for messages: path, or archive and member
  std::string bytes;
};

// In no particular order; other files are left alone, and so are folders
// inside a folder. Error(data) on what cannot be read, is no archive or fails
// its checksum.
std::vector<WavFile> read_wav_files(const std::filesystem::path& place);

}  // namespace shalab::spoken_digits
