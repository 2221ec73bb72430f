"""Golden values of tests/sdk/nn/statistics_test.cpp, from SciPy's sqrtm, the
form that pytorch-fid uses.

    tools/.venv/bin/pip install scipy==1.17.1 numpy==2.4.6
    tools/.venv/bin/python tools/oracles/frechet.py

Feature (n, f) is a formula that C++ can repeat:
scale sin(0.7 (n + 1) (f + 1) + 0.3 f^2 + phase) + shift.
For fewer samples than features sqrtm of the singular product is rough: the
nuclear norm of the centred features' cross product is printed beside it, which
is the same number without square roots of rounded zeros.
"""

import numpy
import scipy
from scipy.linalg import sqrtm


def features(count, size, scale, phase, shift):
    n = numpy.arange(count)[:, None]
    f = numpy.arange(size)[None, :]
    return scale * numpy.sin(0.7 * (n + 1.0) * (f + 1.0) + 0.3 * f * f + phase) + shift


def by_sqrtm(x, y):
    s1, s2 = numpy.cov(x.T), numpy.cov(y.T)
    root = numpy.real(sqrtm(s1 @ s2))
    shift = x.mean(0) - y.mean(0)
    return shift @ shift + numpy.trace(s1) + numpy.trace(s2) - 2 * numpy.trace(root)


def by_nuclear_norm(x, y):
    a, b = x - x.mean(0), y - y.mean(0)
    norm = numpy.linalg.norm(a @ b.T, "nuc")
    norm /= numpy.sqrt((len(x) - 1) * (len(y) - 1))
    shift = x.mean(0) - y.mean(0)
    return (shift @ shift + numpy.trace(numpy.cov(x.T)) +
            numpy.trace(numpy.cov(y.T)) - 2 * norm)


def main():
    print("scipy", scipy.__version__, "numpy", numpy.__version__)
    for real, generated, size in [(64, 64, 5), (200, 150, 24), (10, 12, 40)]:
        x = features(real, size, 1.0, 0.0, 0.0)
        y = features(generated, size, 0.8, 1.1, 0.25)
        print(f"N {real} {generated} F {size}: sqrtm {by_sqrtm(x, y):.12f} "
              f"nuclear {by_nuclear_norm(x, y):.12f}")


if __name__ == "__main__":
    main()
