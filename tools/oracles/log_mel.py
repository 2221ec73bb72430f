"""Golden bytes of tests/.../spoken_digits_audio_test.cpp, from librosa.

    python3 -m venv tools/.venv
    tools/.venv/bin/pip install librosa==0.11.0 numpy==2.4.6
    tools/.venv/bin/python tools/oracles/log_mel.py

The wave is a formula that C++ can repeat, in 16-bit samples at 8 kHz.
"""

import librosa
import numpy

RATE, HOP, WINDOW, BANDS, FRAMES = 8000, 64, 128, 8, 4


def wave():
    n = numpy.arange(HOP * FRAMES, dtype=numpy.float64)
    hiss = numpy.modf(n * n * 0.6180339887)[0] - 0.5
    tone = numpy.sin(0.05 * n + 0.0008 * n * n)
    return numpy.floor(12000 * tone * n / 256 + 200 * hiss + 0.5) / 32768


def main():
    print("librosa", librosa.__version__, "numpy", numpy.__version__)
    padded = numpy.pad(wave(), (WINDOW - HOP) // 2)
    power = numpy.abs(librosa.stft(
        padded, n_fft=WINDOW, hop_length=HOP, window="hann", center=False)) ** 2
    filters = librosa.filters.mel(
        sr=RATE, n_fft=WINDOW, n_mels=BANDS, fmin=0, fmax=RATE / 2, htk=True,
        norm=None, dtype=numpy.float64)
    decibels = librosa.power_to_db(
        filters @ power, ref=numpy.max, amin=1e-30, top_db=80)
    levels = (decibels + 80) * 255 / 80
    print("nearest to a rounding edge:",
          numpy.abs(numpy.modf(levels)[0] - 0.5).min())
    for row in numpy.flip(numpy.rint(levels), 0).astype(int):
        print(", ".join(str(value) for value in row))


if __name__ == "__main__":
    main()
