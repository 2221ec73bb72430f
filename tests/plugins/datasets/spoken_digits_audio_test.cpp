// The audio images of spoken_digits against librosa and the formula.

#include <complex>

#include "spoken_digits_files.h"

namespace shalab {
namespace spoken_digits_audio_test {

using namespace spoken;

class SpokenDigitsAudio : public SpokenDigitsTest {};

// tools/oracles/log_mel.py, librosa 0.11.0.
TEST_F(SpokenDigitsAudio, EqualsLibrosa) {
  Wave wave;
  for (int n = 0; n < 256; ++n) {
    double whole_part = 0;
    const double hiss = std::modf(n * n * 0.6180339887, &whole_part) - 0.5;
    const double sound = std::sin(0.05 * n + 0.0008 * n * n);
    wave.push_back(static_cast<std::int16_t>(
        std::floor(12000 * sound * n / 256 + 200 * hiss + 0.5)));
  }
  write_recordings([&](int, int) { return wave; });
  const at::Tensor image = audio_of(*make(kSmall), Split::test)[0][0];
  const at::Tensor golden =
      at::tensor({114, 109, 105, 161, 102, 99,  106, 163, 103, 106, 91,
                  167, 99,  95,  102, 176, 93,  92,  116, 199, 99,  163,
                  227, 255, 181, 231, 251, 249, 209, 230, 208, 173},
                 at::kFloat);
  EXPECT_TRUE(image.mul(255).round().flatten().equal(golden)) << image;
}

// Power of band b in frame t, by the sums themselves.
double direct_power(const std::vector<double>& wave, int band, int frame) {
  double power = 0;
  const auto edge = [](int i) {
    return 700 * (std::pow(10, i * mel(4000) / 9 / 2595) - 1);
  };
  for (int k = 0; k <= 64; ++k) {
    const double hertz = k * 8000.0 / 128;
    const double weight =
        std::min((hertz - edge(band)) / (edge(band + 1) - edge(band)),
                 (edge(band + 2) - hertz) / (edge(band + 2) - edge(band + 1)));
    if (weight <= 0) continue;
    std::complex<double> sum = 0;
    for (int i = 0; i < 128; ++i) {
      const int n = frame * 64 - 32 + i;
      if (n < 0 || n >= 256) continue;
      const double hann = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * i / 128);
      sum += hann * wave[static_cast<std::size_t>(n)] *
             std::polar(1.0, -2 * std::numbers::pi * k * i / 128);
    }
    power += weight * std::norm(sum);
  }
  return power;
}

// [8, 4] of bytes.
at::Tensor direct_image(const std::vector<double>& wave) {
  at::Tensor power = at::empty({8, 4}, at::kDouble);
  for (int band = 0; band < 8; ++band) {
    for (int frame = 0; frame < 4; ++frame) {
      power[7 - band][frame] = direct_power(wave, band, frame);
    }
  }
  const at::Tensor decibels = 10 * (power / power.max()).log10();
  return ((decibels + 80) * 255 / 80).clamp(0, 255).round();
}

// A shorter wave stands in the middle of silence, a longer one loses its ends.
TEST_F(SpokenDigitsAudio, EqualsTheDirectFormulaAtAnyLength) {
  for (const int length : {101, 301}) {
    Wave wave;
    for (int n = 0; n < length; ++n) {
      wave.push_back(static_cast<std::int16_t>((n * n * 37) % 4001 - 2000));
    }
    write_recordings([&](int, int) { return wave; });
    std::vector<double> heard(256, 0.0);
    for (int n = 0; n < 256; ++n) {
      const int from =
          length < 256 ? n - (256 - length) / 2 : n + (length - 256) / 2;
      if (from < 0 || from >= length) continue;
      heard[static_cast<std::size_t>(n)] =
          wave[static_cast<std::size_t>(from)] / 32768.0;
    }
    const at::Tensor image = audio_of(*make(kSmall), Split::train)[0][0];
    EXPECT_TRUE(at::allclose(image.mul(255).to(at::kDouble),
                             direct_image(heard), 0, 1e-4))
        << length << "\n"
        << image.mul(255) << direct_image(heard);
  }
}

TEST_F(SpokenDigitsAudio, ShowsSilenceAsBlack) {
  write_recordings([](int, int) { return Wave(300, 0); });
  EXPECT_EQ(audio_of(*make(), Split::train).max().item<float>(), 0.0f);
}

}  // namespace spoken_digits_audio_test
}  // namespace shalab
