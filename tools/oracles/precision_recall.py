"""Golden values of tests/sdk/nn/precision_recall_test.cpp: precision and recall
of distributions (Sajjadi et al. 2018, equations 5 to 7) by their formula, on
scikit-learn's clusters.

    python3 -m venv tools/.venv
    tools/.venv/bin/pip install scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
    tools/.venv/bin/python tools/oracles/precision_recall.py

Cluster k of 20 has its centre at 10 sin(k + 1), 10 cos(2 k + 1), 10 sin(3 k);
its row i lies 0.001 sin(7 i + k) from there in every direction. It has
1 + (3 k mod 7) real and 5 k mod 7 generated rows, the last one as many as make
both sides equal.
"""

import numpy
import sklearn
from sklearn.cluster import KMeans

CLUSTERS = 20


def rows(counts):
    points = []
    for k, count in enumerate(counts):
        centre = 10 * numpy.sin([k + 1, 2 * k + 1 + numpy.pi / 2, 3 * k])
        for i in range(count):
            points.append(centre + 0.001 * numpy.sin(7 * i + k))
    return numpy.array(points)


def curve(p, q):
    slopes = numpy.tan(numpy.linspace(1e-10, numpy.pi / 2 - 1e-10, 1001))
    precision = numpy.minimum(slopes[:, None] * p, q).sum(1)
    return numpy.clip(precision, 0, 1), numpy.clip(precision / slopes, 0, 1)


def largest_f(precision, recall, beta):
    below = beta**2 * precision + recall
    f = (1 + beta**2) * precision * recall / numpy.where(below > 0, below, 1)
    return f.max()


def main():
    print("scikit-learn", sklearn.__version__, "numpy", numpy.__version__)
    real_counts = [1 + 3 * k % 7 for k in range(CLUSTERS)]
    generated_counts = [5 * k % 7 for k in range(CLUSTERS)]
    generated_counts[-1] += sum(real_counts) - sum(generated_counts)
    real, generated = rows(real_counts), rows(generated_counts)
    print("real", real_counts, "generated", generated_counts)
    both = numpy.concatenate([real, generated])
    labels = KMeans(CLUSTERS, n_init=20, random_state=0).fit_predict(both)
    p = numpy.bincount(labels[:len(real)], minlength=CLUSTERS) / len(real)
    q = numpy.bincount(labels[len(real):], minlength=CLUSTERS) / len(generated)
    precision, recall = curve(p, q)
    print(f"F_1/8 {largest_f(precision, recall, 1 / 8):.15f} "
          f"F_8 {largest_f(precision, recall, 8):.15f}")
    p, q = numpy.array([0.5, 0.3, 0.2, 0.0]), numpy.array([0.1, 0.3, 0.1, 0.5])
    precision, recall = curve(p, q)
    for i in [0, 250, 500, 900, 1000]:
        print(f"angle {i}: {precision[i]:.15f} {recall[i]:.15f}")
    print(f"F_1/8 {largest_f(precision, recall, 1 / 8):.15f} "
          f"F_8 {largest_f(precision, recall, 8):.15f} "
          f"F_1 {largest_f(precision, recall, 1):.15f}")


if __name__ == "__main__":
    main()
