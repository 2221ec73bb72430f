"""Times ShaLa's first-stage step and a bare LibTorch loop over the same
networks alternately, and prints the ratio. Called by scripts/bench step."""

import argparse
import json
import statistics
import subprocess

CONFIG = "experiments/reproduce/table2/shala.ini"


def run(command):
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    steps = str(options.steps)
    ours, bare = [], []
    for index in range(options.rounds):
        report = run(["build/bin/shalab", "bench", CONFIG, "--steps", steps,
                      "encoder.plugin=conv28", "train.batch_size=128",
                      "latent.shared=64", "run.precision=fp32"])
        ours.append(report["step_seconds"]["median"])
        plain = run(["build/bin/bare_step", "128", steps])
        bare.append(plain["step_seconds"]["median"])
        print(f"round {index + 1}: shalab {ours[-1]:.4f} s, "
              f"bare loop {bare[-1]:.4f} s, ratio {ours[-1] / bare[-1]:.3f}",
              flush=True)
    ratios = [a / b for a, b in zip(ours, bare)]
    print(f"threads {report['threads']}, precision {report['precision']}, "
          f"batch {report['batch_size']}, peak {report['peak_memory_gib']:.2f} GiB")
    print(f"median ratio {statistics.median(ratios):.3f} "
          f"(spread {min(ratios):.3f} .. {max(ratios):.3f})")


if __name__ == "__main__":
    main()
