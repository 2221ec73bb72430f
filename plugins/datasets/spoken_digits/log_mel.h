#pragma once
// Log-mel images: the loudness of a short sound by pitch and time.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace shalab::spoken_digits {

struct LogMelOptions {
  std::int64_t rate = 8000;   // samples a second
  std::int64_t bands = 32;    // rows of the image
  std::int64_t frames = 32;   // columns of the image
  std::int64_t hop = 256;     // samples from frame to frame
  std::int64_t window = 512;  // samples of a frame; window - hop even, >= 0

  std::int64_t samples() const { return frames * hop; }
};

// Triangles of height 1: band b rises from m_b to m_(b+1) and falls to
// m_(b+2), where m_0 .. m_(bands+1) are equally spaced in
// mel(f) = 2595 log10(1 + f / 700) from 0 to rate / 2 (the scale of HTK, no
// area normalisation). Result double [bands, window / 2 + 1]; column k is the
// frequency k rate / window. Error(usage) where a triangle meets none of them.
at::Tensor mel_filters(const LogMelOptions& options);

// waves: double [N, samples()] -> uint8 [N, 1, bands, frames], the highest band
// in row 0. Frame t is `window` samples around (t + 1/2) hop, zero outside the
// wave, times a periodic Hann window; band power is the filters times |DFT|^2.
// Decibels below the loudest cell of each image: 255 is that cell, 0 is 80 dB
// or more below it (and all of a silent wave).
at::Tensor log_mel_images(const at::Tensor& waves,
                          const LogMelOptions& options);

// samples [n] in the middle of `length` zeros, or the middle `length` of them;
// of an odd difference the larger half is at the end.
at::Tensor centred(const at::Tensor& samples, std::int64_t length);

}  // namespace shalab::spoken_digits
