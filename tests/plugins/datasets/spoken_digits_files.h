#pragma once
// Recordings and digits for tests of spoken_digits.

#include <ATen/ATen.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "dataset_files.h"
#include "wav_files.h"

namespace shalab::spoken {

using Wave = std::vector<std::int16_t>;

struct SpokenTake {
  const char* speaker;
  int number;
};

// The place in this list is the take's rank j.
inline constexpr SpokenTake kTakes[] = {{"anna", 0}, {"anna", 5}, {"anna", 10},
                                        {"bert", 1}, {"bert", 6}, {"bert", 11},
                                        {"carl", 2}, {"carl", 7}, {"carl", 12}};

inline double tone_of(int digit) { return 300 + 350.0 * digit; }  // Hz

// Rank j lasts 512 (j + 1) samples: of the default image, frames of 512 samples
// 256 apart around the middle, it touches 4 + 2 j columns.
inline Wave tone(int digit, int rank) {
  Wave wave;
  for (int n = 0; n < 512 * (rank + 1); ++n) {
    const double phase = 2 * std::numbers::pi * tone_of(digit) * n / 8000;
    wave.push_back(static_cast<std::int16_t>(20000 * std::sin(phase)));
  }
  return wave;
}

inline Batch whole_of(const Dataset& dataset, Split split) {
  return dataset.gather(split, at::arange(dataset.size(split)));
}

class SpokenDigitsTest : public ::testing::Test {
 protected:
  SpokenDigitsTest() {
    write_items(folder_.path() / "mnist", "train", 200);
    write_items(folder_.path() / "mnist", "t10k", 20);
  }

  // Ten digits of nine takes each.
  void write_recordings(const std::function<Wave(int, int)>& wave_of) const {
    for (int digit = 0; digit < 10; ++digit) {
      for (int rank = 0; rank < 9; ++rank) {
        const SpokenTake& take = kTakes[rank];
        write_wav(recording(std::to_string(digit) + "_" + take.speaker + "_" +
                            std::to_string(take.number)),
                  wave_of(digit, rank));
      }
    }
  }

  std::filesystem::path recording(const std::string& stem) const {
    return folder_.path() / "fsdd" / "recordings" / (stem + ".wav");
  }

  std::unique_ptr<Dataset> make(const ChangedKeys& keys = {}) const {
    return make_dataset("spoken_digits", services_at(folder_.path()), keys);
  }

  std::pair<int, std::string> refused(const ChangedKeys& keys = {}) const {
    return refusal("spoken_digits", services_at(folder_.path()), keys);
  }

  TemporaryFolder folder_;
};

// A small image: 4 frames of 128 samples, 64 apart, in 8 bands.
inline const ChangedKeys kSmall = {{"mel_bands", std::int64_t{8}},
                                   {"frames", std::int64_t{4}},
                                   {"hop", std::int64_t{64}},
                                   {"window", std::int64_t{128}}};

inline double mel(double hertz) { return 2595 * std::log10(1 + hertz / 700); }

inline at::Tensor audio_of(const Dataset& dataset, Split split) {
  return whole_of(dataset, split).data[1];
}

}  // namespace shalab::spoken
