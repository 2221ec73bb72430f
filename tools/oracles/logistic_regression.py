"""Golden values of tests/sdk/nn/logistic_regression_test.cpp, from
scikit-learn.

    python3 -m venv tools/.venv
    tools/.venv/bin/pip install scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
    tools/.venv/bin/python tools/oracles/logistic_regression.py

Feature (n, f) is sin(0.7 (n + 1) (f + 1) + 0.3 f^2); the class of row n is the
whole part of 1.5 + 1.2 x_0 + 0.9 x_1 + 0.6 sin(1.3 n), kept within 0 .. 2. The
first 60 of 100 rows are fitted to.
"""

import numpy
import sklearn
from sklearn.linear_model import LogisticRegression


def main():
    print("scikit-learn", sklearn.__version__, "numpy", numpy.__version__)
    n = numpy.arange(100)[:, None]
    f = numpy.arange(4)[None, :]
    x = numpy.sin(0.7 * (n + 1.0) * (f + 1.0) + 0.3 * f * f)
    score = 1.5 + 1.2 * x[:, 0] + 0.9 * x[:, 1] + 0.6 * numpy.sin(1.3 * n[:, 0])
    y = numpy.clip(numpy.floor(score), 0, 2).astype(int)
    print("classes", numpy.bincount(y))
    for c in [1.0, 100.0]:
        fitted = LogisticRegression(C=c, tol=1e-12, max_iter=100000).fit(x[:60], y[:60])
        print("C", c, "accuracy", fitted.score(x[60:], y[60:]))
        print(numpy.array2string(fitted.coef_, precision=12, separator=", "))
        print(numpy.array2string(fitted.intercept_, precision=12, separator=", "))


if __name__ == "__main__":
    main()
