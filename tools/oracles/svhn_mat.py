"""Small files in the format of SVHN's cropped digits, and files that are not.

    python3 -m venv tools/.venv
    tools/.venv/bin/pip install scipy==1.17.1 numpy==2.4.6
    tools/.venv/bin/python tools/oracles/svhn_mat.py tests/fixtures/svhn

As the real ones: MATLAB 5, compressed, X uint8 [32, 32, 3, N], y uint8 [N, 1]
with 10 for digit 0. Read by tests/plugins/datasets/mnist_svhn_rig.h, which
repeats the formula of the pixels:

    X[row, column, channel, n] = (row + 4 column + 80 channel + 7 n) mod 256
    y[n] = n mod 10 + 1
"""

import io
import pathlib
import sys

import numpy
import scipy
from scipy.io import savemat

HEADER = b"MATLAB 5.0 MAT-file, made by tools/oracles/svhn_mat.py".ljust(116)


def pictures(count, side=32):
    row, column, channel, n = numpy.indices((side, side, 3, count))
    return ((row + 4 * column + 80 * channel + 7 * n) % 256).astype(numpy.uint8)


def labels(count):
    return (numpy.arange(count) % 10 + 1).astype(numpy.uint8)[:, None]


def main():
    folder = pathlib.Path(sys.argv[1])
    files = {
        "train_32x32": {"X": pictures(40), "y": labels(40)},
        # Labels as MATLAB users write them back: class double.
        "test_32x32": {"X": pictures(20), "y": labels(20).astype(float)},
        "two_pictures": {"X": pictures(2), "y": labels(2)},
        "side_28": {"X": pictures(2, 28), "y": labels(2)},
        "no_labels": {"X": pictures(2)},
        "more_labels": {"X": pictures(2), "y": labels(3)},
        "label_11": {"X": pictures(2), "y": labels(2) + 9},
        "half_label": {"X": pictures(2), "y": labels(2) + 0.5},
        "float_pictures": {"X": pictures(2) / 255.0, "y": labels(2)},
        "word_labels": {"X": pictures(2), "y": "one two"},
    }
    for name, arrays in files.items():
        contents = io.BytesIO()
        savemat(contents, arrays, do_compression=True)
        undated = HEADER + contents.getvalue()[len(HEADER):]
        (folder / f"{name}.mat").write_bytes(undated)
    print("scipy", scipy.__version__, "numpy", numpy.__version__)


if __name__ == "__main__":
    main()
