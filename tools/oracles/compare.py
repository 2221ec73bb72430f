"""Metrics beside the field's own tools: the table of `scripts/bench oracles`.

Ours are `shalab score` on files, and `oracle_values` where score does not
reach; both compute with what the metric plugins compute with. The relative
difference is max |ours - tool's| / max |tool's|; 8 is the exit code where one
passes its bound.
"""

import argparse
import importlib.metadata
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass

import numpy
import torch
from pytorch_fid.fid_score import calculate_frechet_distance
from safetensors.torch import save_file
from scipy.stats import multivariate_normal
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from torch_fidelity.metric_prc import prc_features_to_metric
from torchmetrics.image.kid import poly_mmd

import frechet
import inception
import precision_recall
import samples

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = ROOT / "build" / "bin"
PACKAGES = ["scikit-image", "scipy", "pytorch-fid", "torch-fidelity",
            "torchmetrics", "scikit-learn", "torch", "numpy"]
SINGLE = 1e-5  # where ours is kept in single precision


@dataclass
class Row:
    metric: str
    samples: str
    tool: str
    ours: numpy.ndarray
    theirs: numpy.ndarray
    bound: float = 1e-6

    def __post_init__(self):
        self.ours = numpy.asarray(self.ours, numpy.float64).ravel()
        self.theirs = numpy.asarray(self.theirs, numpy.float64).ravel()
        if self.ours.shape != self.theirs.shape:
            sys.exit(f"{self.metric}, {self.samples}: ours is "
                     f"{self.ours.shape}, {self.tool}'s {self.theirs.shape}")

    @property
    def difference(self):
        largest = numpy.abs(self.theirs).max()
        return numpy.abs(self.ours - self.theirs).max() / largest

    @property
    def agrees(self):
        return bool(self.difference <= self.bound)


class Ours:
    """Our programs, on arrays that are handed over in files."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def score(self, metric, real, generated):
        """name -> value."""
        files = [self.folder / "real.npy", self.folder / "generated.npy"]
        numpy.save(files[0], real)
        numpy.save(files[1], generated)
        printed = self.run(BIN / "shalab", "--json", "score", metric, "--real",
                           files[0], "--generated", files[1])
        return {row["name"]: row["value"]
                for row in json.loads(printed)["measurements"]}

    def values(self, kind, arrays, *more):
        """name -> array."""
        files = [self.folder / "in.npz", self.folder / "out.npz"]
        numpy.savez(files[0], **arrays)
        self.run(BIN / "oracle_values", kind, *files, *more)
        with numpy.load(files[1]) as stored:
            return dict(stored)

    @staticmethod
    def run(*command):
        done = subprocess.run([str(word) for word in command],
                              stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}: exit code "
                     f"{done.returncode}")
        return done.stdout


def scaled(picture):
    return picture / 255 if picture.dtype == numpy.uint8 else picture


def image_quality(ours):
    for name, (real, generated) in samples.pairs_of_pictures().items():
        found = ours.score("psnr_ssim", real, generated)
        axis = 0 if real.ndim == 4 else None
        pairs = [(scaled(x), scaled(y)) for x, y in zip(real, generated)]
        psnr = [peak_signal_noise_ratio(x, y, data_range=1) for x, y in pairs]
        ssim = [structural_similarity(
            x, y, data_range=1, channel_axis=axis, gaussian_weights=True,
            sigma=1.5, use_sample_covariance=False) for x, y in pairs]
        yield Row("PSNR", name, "scikit-image", found["psnr"], numpy.mean(psnr))
        yield Row("SSIM, 11x11 gaussian 1.5", name, "scikit-image",
                  found["ssim"], numpy.mean(ssim))


def by_pytorch_fid(x, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return calculate_frechet_distance(x.mean(0), numpy.cov(x.T), y.mean(0),
                                          numpy.cov(y.T))


def frechet_distance(ours):
    for name, (real, generated) in samples.pairs_of_features().items():
        found = ours.score("frechet_distance", real, generated)
        value = found["frechet_distance"]
        yield Row("Frechet distance", name, "scipy sqrtm", value,
                  frechet.by_sqrtm(real, generated))
        yield Row("Frechet distance", name, "pytorch-fid", value,
                  by_pytorch_fid(real, generated))
        yield Row("Frechet distance", name, "numpy nuclear norm", value,
                  frechet.by_nuclear_norm(real, generated))


def kernel_distance(ours):
    for name, (real, generated) in samples.pairs_of_features().items():
        found = ours.values("kid", {"real": real, "generated": generated})
        theirs = poly_mmd(torch.from_numpy(real), torch.from_numpy(generated))
        yield Row("KID, one subset", name, "torchmetrics", found["value"],
                  theirs.item())


def distribution_precision_recall(ours):
    for name, (real, generated) in samples.pairs_of_features().items():
        both = numpy.concatenate([real, generated])
        labels = KMeans(20, n_init=1, random_state=0).fit_predict(both)
        p = numpy.bincount(labels[:len(real)], minlength=20) / len(real)
        q = numpy.bincount(labels[len(real):], minlength=20) / len(generated)
        found = ours.values("prd", {"p": p, "q": q})
        precision, recall = precision_recall.curve(p, q)
        theirs = [precision_recall.largest_f(precision, recall, 1 / 8),
                  precision_recall.largest_f(precision, recall, 8)]
        yield Row("PRD F_1/8, F_8", name + ", 20 clusters", "formula",
                  found["f"], theirs)
        yield Row("PRD curve", name + ", 20 clusters", "formula",
                  found["curve"], numpy.concatenate([precision, recall]))


def nearest_neighbours(ours):
    """Of n = N / 2 rows a side: what latent_map takes of N latents."""
    for name, (real, generated) in samples.pairs_of_features().items():
        real, generated = real[:, :12], 1.1 * generated[:, :12]
        found = ours.values("prior_gap", {"known": real, "draws": generated})
        theirs = prc_features_to_metric(
            torch.from_numpy(generated), torch.from_numpy(real),
            prc_neighborhood=3, prc_batch_size=10000, save_cpu_ram=False,
            verbose=False)
        yield Row("1 - prior gap, k = 3", name + ", first 12", "torch-fidelity",
                  1 - found["prior_gap"], theirs["precision"])
        yield Row("1 - posterior gap, k = 3", name + ", first 12",
                  "torch-fidelity", 1 - found["posterior_gap"], theirs["recall"])


def inception_features(ours):
    state = inception.state_dict()
    weights = ours.folder / "inception.safetensors"
    save_file(state, weights)
    for size, (height, width, a, b) in inception.IMAGES.items():
        x = inception.image(3, height, width, a, b).astype(numpy.float32)[None]
        found = ours.values("inception", {"images": x}, weights)
        name = f"{size} picture {height}x{width}, random weights"
        for tool, by_tool in [("pytorch-fid", inception.by_pytorch_fid),
                              ("torch-fidelity", inception.by_torch_fidelity)]:
            yield Row("Inception features", name, tool,
                      found[tool.replace("-", "_")],
                      by_tool(state, torch.from_numpy(x)), 1e-4)


def linear_probe(ours):
    x = samples.picture_features(samples.fashion_pictures()[:2000], 7)
    y = samples.fashion_labels()[:2000]
    fitted = LogisticRegression(C=1.0, tol=1e-12, max_iter=100000)
    fitted.fit(x[:500], y[:500])
    found = ours.values("linear_probe", {"x": x[:500], "y": y[:500],
                                         "other_x": x[500:]})
    name = "Fashion-MNIST, 500 rows of 49"
    yield Row("linear probe, weights", name, "scikit-learn",
              numpy.append(found["weight"], found["bias"]),
              numpy.append(fitted.coef_, fitted.intercept_), SINGLE)
    yield Row("linear probe, accuracy", name, "scikit-learn",
              (found["classes"] == y[500:]).mean(),
              fitted.score(x[500:], y[500:]))


def log_likelihood(ours):
    model = samples.linear_gaussian()
    found = ours.values("log_likelihood", model)
    covariance = (model["weight"] @ model["weight"].T +
                  model["noise"][0] ** 2 * numpy.eye(len(model["bias"])))
    exact = multivariate_normal(model["bias"], covariance).logpdf(model["x"])
    yield Row("log p(x), 20 weights", "linear Gaussian, 200 tuples", "scipy",
              found["value"], exact.mean(), SINGLE)


CHECKS = [image_quality, frechet_distance, kernel_distance,
          distribution_precision_recall, nearest_neighbours, inception_features,
          linear_probe, log_likelihood]


def shown(values):
    text = f"{values.mean():.9g}"
    return text if values.size == 1 else f"mean of {values.size}: {text}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    torch.set_num_threads(parser.parse_args().threads)
    form = "{:25} {:42} {:18} {:>25} {:>25} {:>8} {:>6}"
    print(form.format("metric", "samples", "tool", "ours", "the tool's",
                      "differ", "bound"))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for check in CHECKS:
            for row in check(Ours(folder)):
                failed += not row.agrees
                print(form.format(
                    row.metric, row.samples, row.tool, shown(row.ours),
                    shown(row.theirs), f"{row.difference:.1e}",
                    f"{row.bound:.0e}") + ("" if row.agrees else "  FAILED"),
                    flush=True)
    print(", ".join(f"{name} {importlib.metadata.version(name)}"
                    for name in PACKAGES))
    if failed:
        print(f"{failed} rows differ by more than their bound", file=sys.stderr)
        sys.exit(8)


if __name__ == "__main__":
    main()
