"""Trains every system of experiments/reproduce/table2 for the same few hundred
steps on poly_mnist and prints one table. Called by scripts/bench baselines.

The figures compare cost and check that every system learns; they are no
ranking: nothing is trained to the end.
"""

import argparse
import configparser
import json
import pathlib
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path("experiments/reproduce/table2")
# Samplers of hundreds of evaluations are shortened for the same reason as the
# training; the table's NFE shows it.
SHORTER = {
    "shala": ["fitted_prior.diffusion.sampler=unipc2",
              "fitted_prior.diffusion.steps=10"],
    "shala_plus": ["latent_source.guided.tune="],
    "mld": ["evaluate.latent_sources=fast"],
}
COLUMNS = {"system": 24, "latent source": 18, "parameters": 11, "step s": 7,
           "joint": 5, "conditional": 11, "FD joint": 9, "NFE": 4,
           "s / 1,000": 9, "loss terms": 0}


def shalab(*arguments):
    done = subprocess.run(["build/bin/shalab", *arguments], text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"shalab {' '.join(arguments)}\n{done.stderr}")
    return done.stdout


def sections(path):
    """Section names of a config and of its bases."""
    text = path.read_text()
    parser = configparser.ConfigParser(allow_no_value=True, strict=False,
                                       interpolation=None)
    parser.read_string("[base]\n" + text)
    names = set(parser.sections()) - {"base"}
    base = parser["base"].get("base")
    return names | (sections(path.parent / base) if base else set())


def overrides(path, options):
    result = [f"train.max_steps={options.steps}",
              f"train.batch_size={options.batch}",
              f"run.threads={options.threads}",
              f"evaluate.max_samples={options.samples}"]
    for name in sections(path):
        if name.startswith("fitted_prior.") and "mixture" not in name:
            result.append(f"{name}.max_steps={options.steps}")
    return result + SHORTER.get(path.stem, [])


def value(rows, name, source, **where):
    for row in rows:
        if (row["name"] == name and row["latent_source"] == source and
                row["target_modality"] == "" and
                all(row[key] == wanted for key, wanted in where.items())):
            return row
    return None


def loss_terms(store, run):
    rows = json.loads(shalab(*store, "sql", "--json", f"""
        SELECT name, value FROM curves WHERE run_id = '{run}'
          AND stage = 'first_stage' AND step = (SELECT MAX(step) FROM curves
            WHERE run_id = '{run}' AND stage = 'first_stage')"""))
    return {row["name"]: row["value"] for row in rows}


def shown_terms(terms):
    fits = [v for n, v in terms.items() if n.startswith("log_likelihood.")]
    rest = {n: v for n, v in terms.items()
            if not n.startswith("log_likelihood.")}
    if fits:
        rest["log_likelihood"] = sum(fits)
    return " ".join(f"{n}={v:.4g}" for n, v in rest.items())


def number(row, digits=3):
    return "" if row is None else f"{row['value']:.{digits}f}"


def lines_of(path, options, store):
    cost = json.loads(shalab("bench", str(path), "--steps", "5",
                             "--warmup", "2",
                             f"train.batch_size={options.batch}",
                             f"run.threads={options.threads}"))
    report = json.loads(shalab(*store, "--json", "run", str(path),
                               *overrides(path, options)))
    run = json.loads(shalab(*store, "sql", "--json",
                            "SELECT id FROM runs ORDER BY id DESC LIMIT 1"))
    terms = shown_terms(loss_terms(store, run[0]["id"]))
    rows = report["measurements"]
    cells = [f"{cost['parameters']:,}",
             f"{cost['step_seconds']['median']:.3f}"]
    for source in dict.fromkeys(row["latent_source"] for row in rows):
        joint = value(rows, "joint_coherence", source, split="test")
        conditional = value(rows, "conditional_coherence", source,
                            source_subset="one")
        frechet = value(rows, "frechet_distance", source)
        any_row = joint or conditional
        if any_row is None:
            continue
        seconds = any_row["seconds"] / any_row["num_samples"] * 1000
        yield [path.stem, source, *cells, number(joint), number(conditional),
               number(frechet, 1), str(any_row["nfe"]), f"{seconds:.2f}",
               terms]


def print_line(cells):
    print("  ".join(cell.ljust(width) for cell, width in
                    zip(cells, COLUMNS.values())).rstrip(), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=0, help="0 = all cores")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--only", nargs="*", help="names of config files")
    options = parser.parse_args()
    print(f"{options.steps} steps of each stage, batch {options.batch} in the "
          f"first, {options.samples} samples")
    print_line(COLUMNS)
    with tempfile.TemporaryDirectory() as folder:
        store = ["--db", f"{folder}/baselines.db", "--runs", f"{folder}/runs",
                 "-q"]
        for path in sorted(FOLDER.glob("*.ini")):
            if options.only and path.stem not in options.only:
                continue
            print(f"bench: {path}", file=sys.stderr, flush=True)
            for cells in lines_of(path, options, store):
                print_line(cells)


if __name__ == "__main__":
    main()
