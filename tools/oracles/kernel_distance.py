"""Golden values of tests/sdk/nn/kernel_distance_test.cpp, from torchmetrics'
estimate of MMD^2 under KID's cubic kernel.

    python3 -m venv tools/.venv
    tools/.venv/bin/pip install torch==2.11.0 torchvision==0.26.0 \\
        torchmetrics==1.9.0 torch-fidelity==0.4.0 numpy==2.4.6
    tools/.venv/bin/python tools/oracles/kernel_distance.py

Features are those of frechet.py.
"""

import numpy
import torch
import torchmetrics
from torchmetrics.image.kid import poly_mmd


def features(count, size, scale, phase, shift):
    n = numpy.arange(count)[:, None]
    f = numpy.arange(size)[None, :]
    x = scale * numpy.sin(0.7 * (n + 1.0) * (f + 1.0) + 0.3 * f * f + phase) + shift
    return torch.from_numpy(x)


def main():
    print("torchmetrics", torchmetrics.__version__, "torch", torch.__version__)
    for count, size in [(64, 5), (150, 24), (10, 40)]:
        x = features(count, size, 1.0, 0.0, 0.0)
        y = features(count, size, 0.8, 1.1, 0.25)
        print(f"N {count} F {size}: {poly_mmd(x, y).item():.15f}")


if __name__ == "__main__":
    main()
