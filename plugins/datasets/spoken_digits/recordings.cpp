#include "recordings.h"

#include <algorithm>
#include <regex>
#include <tuple>

#include "shalab/error.h"
#include "wav.h"
#include "wav_files.h"

namespace shalab::spoken_digits {

namespace {

// digit_speaker_take.wav, as "7_theo_12.wav".
Recording parse_name(const WavFile& file) {
  static const std::regex pattern("([0-9])_([A-Za-z]+)_([0-9]{1,6})\\.wav");
  std::smatch found;
  if (!std::regex_match(file.name, found, pattern)) {
    throw Error(ErrorKind::data,
                file.origin + ": not named digit_speaker_take.wav",
                "a recording is named as in 7_theo_12.wav");
  }
  Recording recording;
  recording.digit = std::stoll(found[1]);
  recording.speaker = found[2];
  recording.take = std::stoll(found[3]);
  return recording;
}

auto key_of(const Recording& recording) {
  return std::tie(recording.digit, recording.speaker, recording.take);
}

void check_once(const std::vector<Recording>& sorted,
                const std::string& place) {
  const auto same = [](const Recording& a, const Recording& b) {
    return key_of(a) == key_of(b);
  };
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end(), same);
  if (twice == sorted.end()) return;
  throw Error(ErrorKind::data,
              place + " holds take " + std::to_string(twice->take) +
                  " of digit " + std::to_string(twice->digit) + " by " +
                  twice->speaker + " twice",
              "keep one of the two files");
}

}  // namespace

std::vector<Recording> read_recordings(const std::filesystem::path& place) {
  std::vector<Recording> recordings;
  for (const WavFile& file : read_wav_files(place)) {
    recordings.push_back(parse_name(file));
    recordings.back().samples = decode_wav(file.origin, file.bytes, kRate);
  }
  if (recordings.empty()) {
    throw Error(ErrorKind::data, place.string() + " holds no WAV file",
                "3,000 recordings named digit_speaker_take.wav are expected");
  }
  std::sort(recordings.begin(), recordings.end(),
            [](const Recording& a, const Recording& b) {
              return key_of(a) < key_of(b);
            });
  check_once(recordings, place.string());
  return recordings;
}

}  // namespace shalab::spoken_digits
