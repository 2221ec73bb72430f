"""The samples that compare.py hands to both sides."""

import gzip
import os
import pathlib

import numpy

FASHION = "fashion-mnist/t10k-{}-ubyte.gz"  # Debian: dataset-fashion-mnist
SYSTEM_FOLDER = "/usr/share/datasets"


def read_idx(kind, header):
    folders = os.environ.get("SHALAB_DATA", "").split(":") + [SYSTEM_FOLDER]
    for folder in filter(None, folders):
        file = pathlib.Path(folder) / FASHION.format(kind)
        if file.exists():
            return numpy.frombuffer(gzip.open(file).read()[header:], numpy.uint8)
    raise SystemExit(f"{FASHION.format(kind)} is in none of {folders}; "
                     "install the Debian package dataset-fashion-mnist")


def fashion_pictures():
    """u8 [10000, 28, 28]."""
    return read_idx("images-idx3", 16).reshape(-1, 28, 28)


def fashion_labels():
    """int64 [10000]."""
    return read_idx("labels-idx1", 8).astype(numpy.int64)


def noisy(pictures):
    """u8: the pictures, lighter and with noise."""
    noise = numpy.random.default_rng(1).normal(0, 20, pictures.shape)
    return numpy.clip(0.9 * pictures + 25 + noise, 0, 255).astype(numpy.uint8)


def picture_features(pictures, side):
    """float [N, side^2]: means of blocks of pixels."""
    block = pictures.shape[1] // side
    blocks = pictures.reshape(-1, side, block, side, block) / 255
    return blocks.mean((2, 4)).reshape(len(pictures), -1)


def random_features(count, size, seed):
    """float [N, F] with correlated columns of unequal variance."""
    generator = numpy.random.default_rng(seed)
    mixing = numpy.random.default_rng(0).normal(size=(size, size))
    scales = numpy.geomspace(1, 0.01, size)
    shift = 0.1 * seed
    return generator.normal(size=(count, size)) * scales @ mixing + shift


def pairs_of_features():
    """name -> real, generated."""
    pictures = fashion_pictures()
    return {
        "random 400x24": (random_features(400, 24, 1), random_features(400, 24, 2)),
        "random 150x256, N < d": (random_features(150, 256, 1),
                                  random_features(150, 256, 2)),
        "Fashion-MNIST 1000x49": (picture_features(pictures[:1000], 7),
                                  picture_features(noisy(pictures[1000:2000]), 7)),
    }


def pairs_of_pictures():
    """name -> real, generated [N, H, W] or [N, C, H, W], u8 or in [0, 1]."""
    real = numpy.random.default_rng(3).random((16, 3, 33, 40))
    noise = numpy.random.default_rng(4).normal(0, 0.2, real.shape)
    pictures = fashion_pictures()[:100]
    return {"random 16x3x33x40": (real, numpy.clip(real + noise, 0, 1)),
            "Fashion-MNIST 100": (pictures, noisy(pictures))}


def linear_gaussian():
    """x = A z + b + noise e in three parts, with orthogonal columns of A over
    all parts, so that p(z | x) is a normal of independent columns."""
    generator = numpy.random.default_rng(5)
    orthogonal = numpy.linalg.qr(generator.normal(size=(12, 3)))[0]
    weight = orthogonal * numpy.array([2.0, 1.0, 0.5])
    bias, noise = generator.normal(size=12), 0.7
    x = (generator.normal(size=(200, 3)) @ weight.T + bias +
         noise * generator.normal(size=(200, 12)))
    return {"weight": weight, "bias": bias, "noise": numpy.array([noise]), "x": x}
