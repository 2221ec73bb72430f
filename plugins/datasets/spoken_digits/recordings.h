#pragma once
// The Free Spoken Digit Dataset: one spoken digit per WAV file.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace shalab::spoken_digits {

inline constexpr std::int64_t kRate = 8000;  // samples a second

struct Recording {
  std::int64_t digit = 0;
  std::string speaker;
  std::int64_t take = 0;
  at::Tensor samples;  // double [n], n >= 1, in [-1, 1]
};

// All files digit_speaker_take.wav of `place`, a folder or a zip archive
// (folders inside it are ignored), sorted by digit, speaker and take. Files
// that do not end in .wav are left alone. Error(data) that names the file: no
// WAV, another name, one recording twice, truncated, damaged, not mono or not
// 8,000 Hz; or that there is no recording.
std::vector<Recording> read_recordings(const std::filesystem::path& place);

}  // namespace shalab::spoken_digits
