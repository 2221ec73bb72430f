"""Trains MVAE, MoPoE and MVTCAE with shalab and with MultiVae at equal budget
and prints their coherences side by side.

    tools/peers/equal_budget.py [--epochs N] [--seeds N] [--samples N]

Same on both sides: three modalities of poly_mnist (the very tuples, exported
by `shalab data export`), the POLY-CONV networks from He initialisation, latent
of 64, normal likelihood of variance 1/20, batches of 32, Adam, learning rate,
beta, number of epochs; the official classifiers as judges, in eval mode. Each
side draws its own initial weights, orders and noise, and is measured by its own
evaluator under the protocol `multivae`. Exit code 8 where a mean over the seeds
differs by more than 3 points.

The published settings (Laplace of scale 0.75, latent of 512, batches of 256)
stay at chance for dozens of epochs, where equal numbers say nothing.
"""

import argparse
import json
import logging
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import torch
from multivae.data.datasets.base import MultimodalBaseDataset
from multivae.metrics import CoherenceEvaluator, CoherenceEvaluatorConfig
from multivae.models import (
    MVAE,
    MVTCAE,
    MoPoE,
    MoPoEConfig,
    MVAEConfig,
    MVTCAEConfig,
)
from poly_conv import FEATURES, Decoder, Encoder, start_he
from torch import nn

BACKGROUNDS = [
    "03milky-way-2695569_1280.jpg",
    "the_scream_512x652.jpg",
    "08pink-324175_1280.jpg",
]
NAMES = ["m0", "m1", "m2"]
LATENT = 64
SCALE = 0.2236068
BATCH = 32
RATE = 1e-3
BETA = 2.5
TOLERANCE = 0.03
SYSTEMS = {
    "mvae": (MVAE, MVAEConfig, dict(use_subsampling=True, k=0, warmup=0)),
    "mopoe": (MoPoE, MoPoEConfig, {}),
    "mvtcae": (MVTCAE, MVTCAEConfig, dict(alpha=5 / 6)),
}
COLUMNS = {"one": "mean_coherence_1", "two": "mean_coherence_2"}
NUMBERS = ["given one", "given two", "joint"]


class Judge(nn.Module):
    """The official PolyMNIST classifier, its dropout left out. Images are
    clamped to [0, 1], as shalab judges them."""

    def __init__(self, file):
        super().__init__()
        layers = [nn.Conv2d(3, 10, 4, 2, 1), nn.ReLU(), nn.Conv2d(10, 20, 4, 2, 1)]
        layers += [nn.ReLU(), nn.Flatten(), nn.Linear(980, 128), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(128, 10))
        weights = numpy.load(file)
        for ours, theirs in zip((0, 2, 5, 7), (0, 3, 7, 10)):
            for part in ("weight", "bias"):
                value = torch.from_numpy(weights[f"encoder.{theirs}.{part}"])
                getattr(self.layers[ours], part).data = value

    def forward(self, x):
        return self.layers(x.reshape(-1, 3, 28, 28).clamp(0, 1))


def shalab(*arguments):
    done = subprocess.run(
        ["build/bin/shalab", *arguments], text=True, capture_output=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"shalab {' '.join(arguments)}\n{done.stderr}")
    return done.stdout


def data_keys(options):
    keys = ["dataset.backgrounds=" + ",".join(BACKGROUNDS)]
    if options.tuples:
        keys.append(f"dataset.train_limit={options.tuples}")
    return keys


def exported(folder, split, options):
    file = f"{folder}/{split}.npz"
    shalab("data", "export", "poly_mnist", *data_keys(options), "--split", split,
           "-o", file)  # fmt: skip
    arrays = numpy.load(file)
    images = {name: torch.from_numpy(arrays[name]) for name in NAMES}
    return images, torch.from_numpy(arrays["labels"]).long()


def train_shalab(system, seed, folder, options):
    started = time.monotonic()
    report = shalab(
        "--db", f"{folder}/peers.db", "--runs", f"{folder}/runs", "-q", "--json",
        "run", f"experiments/reproduce/table2/{system}.ini", f"run.seed={seed}",
        *data_keys(options), f"train.epochs={options.epochs}",
        f"train.batch_size={BATCH}", f"train.learning_rate={RATE}",
        f"latent.shared={LATENT}", f"encoder.features={FEATURES}",
        "encoder.init=he", "encoder.likelihood=normal",
        f"encoder.likelihood_scale={SCALE}",
        f"objective.kl_weight={BETA}", f"evaluate.max_samples={options.samples}",
        "metric.coherence.protocol=multivae", "~metric.frechet_distance",
        "~metric.reconstruction", f"run.threads={options.threads}",
    )  # fmt: skip
    rows = json.loads(report)["measurements"]

    def find(name, source, subset):
        return next(
            row["value"]
            for row in rows
            if row["name"] == name
            and row["latent_source"] == source
            and row["source_subset"] == subset
            and row["target_modality"] == ""
        )

    numbers = [find("conditional_coherence", "posterior", s) for s in COLUMNS]
    numbers.append(find("joint_coherence", "training_prior", ""))
    return numbers, time.monotonic() - started


def multivae_model(system):
    model, config, own = SYSTEMS[system]
    encoders = {name: Encoder(LATENT) for name in NAMES}
    for encoder in encoders.values():
        encoder.tower.apply(start_he)
    settings = config(
        n_modalities=len(NAMES),
        latent_dim=LATENT,
        input_dims={name: (3, 28, 28) for name in NAMES},
        decoders_dist={name: "normal" for name in NAMES},
        decoder_dist_params={name: {"scale": SCALE} for name in NAMES},
        beta=BETA,
        **own,
    )
    decoders = {name: Decoder(LATENT).apply(start_he) for name in NAMES}
    return model(settings, encoders, decoders)


def batches(images, labels, epochs):
    """One dataset object per batch of a random order, as floats."""
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(labels))
        for which in order.split(BATCH):
            data = {name: x[which].float() / 255 for name, x in images.items()}
            yield epoch, MultimodalBaseDataset(data, labels[which])


def train_multivae(system, seed, data, test, judges, options):
    torch.manual_seed(seed)
    numpy.random.seed(seed)
    started = time.monotonic()
    model = multivae_model(system)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    model.train()
    for epoch, batch in batches(*data, options.epochs):
        optimiser.zero_grad()
        model(batch, epoch=epoch, batch_ratio=0).loss.backward()
        optimiser.step()
    images, labels = test
    tuples = MultimodalBaseDataset(
        {name: x[: options.samples].float() / 255 for name, x in images.items()},
        labels[: options.samples],
    )
    config = CoherenceEvaluatorConfig(
        batch_size=500, nb_samples_for_joint=options.samples
    )
    with torch.no_grad():
        found = CoherenceEvaluator(model, judges, tuples, eval_config=config).eval()
    numbers = [float(found[key]) for key in COLUMNS.values()]
    numbers.append(float(found["joint_coherence_prior"]))
    return numbers, time.monotonic() - started


def judge_accuracies(judges, test):
    images, labels = test
    with torch.no_grad():
        return [
            float((judges[n](images[n].float() / 255).argmax(1) == labels).float().mean())
            for n in NAMES
        ]


def summary(runs):
    """(mean, standard deviation over seeds) of each number."""
    return [
        (statistics.mean(v), statistics.stdev(v) if len(v) > 1 else 0.0)
        for v in zip(*runs)
    ]


def print_line(*cells):
    print("  ".join(str(cell).ljust(15) for cell in cells).rstrip(), flush=True)


def compare(system, ours, theirs, seconds):
    """One line a side and one of differences; the largest difference."""
    shown = {"shalab": summary(ours), "MultiVae": summary(theirs)}
    for (side, numbers), spent in zip(shown.items(), seconds):
        cells = [f"{m:.4f} ({s:.4f})" for m, s in numbers]
        print_line(system, side, *cells, f"{spent:.0f}")
    gaps = [a[0] - b[0] for a, b in zip(*shown.values())]
    print_line("", "difference", *[f"{gap:+.4f}" for gap in gaps])
    return max(abs(gap) for gap in gaps)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=5000, help="draws, tuples")
    parser.add_argument("--tuples", type=int, default=20000, help="to train on, 0 = all")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", nargs="*", default=list(SYSTEMS))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    logging.disable(logging.INFO)
    folders = os.environ.get("SHALAB_DATA", "../shared/data").split(":")
    stores = [pathlib.Path(f) / "classifiers" for f in folders]
    store = next((s for s in stores if s.exists()), None)
    if store is None:
        sys.exit(f"no folder classifiers/ in {folders}: set SHALAB_DATA")
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        train = exported(folder, "train", options)
        test = exported(folder, "test", options)
        judges = {n: Judge(store / f"polymnist_{n}.npz").eval() for n in NAMES}
        shown = ", ".join(f"{a:.4f}" for a in judge_accuracies(judges, test))
        print(f"{len(train[1])} tuples, {options.epochs} epochs, {options.seeds} "
              f"seeds, {options.samples} draws; judges {shown}")  # fmt: skip
        print("mean (standard deviation over seeds); seconds of the last run")
        print_line("system", "by", *NUMBERS, "s")
        for system in options.only:
            ours, theirs, seconds = [], [], [0.0, 0.0]
            for seed in range(1, options.seeds + 1):
                numbers, seconds[0] = train_shalab(system, seed, folder, options)
                ours.append(numbers)
                numbers, seconds[1] = train_multivae(
                    system, seed, train, test, judges, options
                )
                theirs.append(numbers)
                print(f"{system} seed {seed}: shalab {ours[-1]}, MultiVae "
                      f"{theirs[-1]}", file=sys.stderr, flush=True)  # fmt: skip
            worst = max(worst, compare(system, ours, theirs, seconds))
    return 8 if worst > TOLERANCE else 0


if __name__ == "__main__":
    sys.exit(main())
