"""Golden values of tests/sdk/nn/image_quality_test.cpp, from scikit-image.

    python3 -m venv tools/.venv
    tools/.venv/bin/pip install scikit-image==0.26.0 scipy==1.17.1 numpy==2.4.6
    tools/.venv/bin/python tools/oracles/image_quality.py

Pixel (c, y, x) of an image is a formula of two numbers that C++ can repeat:
frac(a (y + 1)^2 + b (x + 1) + 0.37 (c + 1) + 0.011 x y).
"""

import numpy
import skimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def image(channels, height, width, a, b):
    c, y, x = numpy.meshgrid(
        numpy.arange(channels), numpy.arange(height), numpy.arange(width),
        indexing="ij")
    value = a * (y + 1.0) ** 2 + b * (x + 1.0) + 0.37 * (c + 1.0) + 0.011 * x * y
    return value - numpy.floor(value)


def main():
    print("scikit-image", skimage.__version__, "numpy", numpy.__version__)
    for shape in [(3, 28, 28), (1, 11, 17), (3, 40, 24)]:
        real = image(*shape, 0.013, 0.071)
        for name, other in [
            ("near", numpy.clip(real + 0.1 * (image(*shape, 0.029, 0.053) - 0.5), 0, 1)),
            ("far", image(*shape, 0.029, 0.053)),
        ]:
            psnr = peak_signal_noise_ratio(real, other, data_range=1)
            ssim = structural_similarity(
                real, other, data_range=1, channel_axis=0,
                gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
            print(shape, name, f"psnr {psnr:.12f} ssim {ssim:.12f}")


if __name__ == "__main__":
    main()
