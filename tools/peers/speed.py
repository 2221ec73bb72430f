"""Times one training step of shalab and of its Python peers on the same
networks, batch and precision, alternately, and prints the ratios.

    scripts/bench peers [--rounds N] [--steps N] [--batch N] [--threads N]
                        [--precision fp32|bf16] [--only SYSTEM ...]

Five modalities of PolyMNIST's shapes, POLY-CONV networks. MultiVae runs MVTCAE,
MVAE, MoPoE, MMVAE (K = 1), MMVAE+ and CMVAE (K = 1); plain eager PyTorch ShaLa's
first stage and its diffusion prior (MLP of width 512, batch 255). MMVAE+ and CMVAE
with their published residual networks (mmvae_plus_resnet, cmvae_resnet; MultiVae's
put the activations after the convolutions) are slow on a CPU, which is why they are
run where asked for alone: `--batch 16 --only mmvae_plus_resnet`. A ratio is the
peer's time divided by shalab's: above 1, shalab is faster. With bf16 shalab alone
runs in it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from importlib.metadata import version

TABLE = "experiments/reproduce/table2/"
CONV = ["~encoder", "encoder.plugin=conv28", "encoder.features=512",
        "encoder.feature_activation=relu"]  # fmt: skip
# Config and overrides; the least ratio that is wanted in fp32 and bf16.
SYSTEMS = {
    "mvtcae": ("mvtcae.ini", [], (1.15, 1.8)),
    "mvae": ("mvae.ini", [], (1.3, 1.8)),
    "mopoe": ("mopoe.ini", [], (2.0, 3.0)),
    "mmvae": ("mmvae.ini", ["objective.num_samples=1"], (1.2, 1.8)),
    "mmvae_plus": ("mmvae_plus.ini", CONV, (1.3, 1.8)),
    "cmvae": ("cmvae.ini", CONV, (1.3, 1.8)),
    "mmvae_plus_resnet": ("mmvae_plus.ini", [], (1.0, 1.0)),
    "cmvae_resnet": ("cmvae.ini", [], (1.0, 1.0)),
    "shala": ("shala.ini", [], (1.0, 1.0)),
    "prior": ("shala_plus.ini", ["--stage", "fitted_prior.diffusion"], (1.2, 1.2)),
}
PRIOR_BATCH = 255


def run(command):
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return json.loads(done.stdout)


def shalab(system, options):
    config, own, _ = SYSTEMS[system]
    batch = [] if system == "prior" else [f"train.batch_size={options.batch}"]
    return run([
        "build/bin/shalab", "bench", TABLE + config, "--steps", str(options.steps),
        "--warmup", "3", f"run.threads={options.threads}",
        f"run.precision={options.precision}", *batch, *own,
    ])  # fmt: skip


def peer(system, options):
    batch = PRIOR_BATCH if system == "prior" else options.batch
    script = os.path.join(os.path.dirname(__file__), "peer_step.py")
    return run([
        sys.executable, script, system, "--batch", str(batch), "--steps",
        str(options.steps), "--threads", str(options.threads),
    ])  # fmt: skip


def line(*cells):
    print("  ".join(str(cell).ljust(width) for cell, width in
                    zip(cells, (17, 12, 9, 9, 19, 7, 16))).rstrip(), flush=True)


def compare(system, options):
    """One line of the table; the median ratio."""
    ours, theirs = [], []
    for _ in range(options.rounds):
        ours.append(shalab(system, options))
        theirs.append(peer(system, options))
    mine, other = ([r["step_seconds"]["median"] for r in side] for side in (ours, theirs))
    ratios = [b / a for a, b in zip(mine, other)]
    wanted = SYSTEMS[system][2][options.precision == "bf16"]
    if ours[0]["parameters"] != theirs[0]["parameters"]:
        print(f"{system}: {ours[0]['parameters']:,} parameters here, "
              f"{theirs[0]['parameters']:,} at the peer")  # fmt: skip
    share = ours[0].get("share_of_ceiling")
    line(system, f"{ours[0]['parameters']:,}", f"{statistics.median(mine):.4f}",
         f"{statistics.median(other):.4f}",
         f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})",
         wanted, "" if share is None else f"{share:.2f}")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--only", nargs="*", choices=SYSTEMS,
                        default=[s for s in SYSTEMS if not s.endswith("_resnet")])  # fmt: skip
    options = parser.parse_args()
    print(f"MultiVae {version('multivae')}, PyTorch {version('torch')}; batch "
          f"{options.batch}, {options.threads} threads, {options.precision}, median of "
          f"{options.steps} steps, {options.rounds} rounds in turn")  # fmt: skip
    line("system", "parameters", "ours s", "peer s", "ratio (spread)", "wanted",
         "of the ceiling")  # fmt: skip
    for system in options.only:
        compare(system, options)


if __name__ == "__main__":
    main()
