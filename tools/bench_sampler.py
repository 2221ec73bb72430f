"""Prints quality against network evaluations for the diffusion prior of a
trained run, and draws it. Called by scripts/bench sampler.

    scripts/bench sampler RUN [--prior NAME] [--samples N] [--db FILE]
                          [--runs DIR] [--autoguidance S] [--guidance G]
                          [--only SAMPLER ...] [-o PICTURE.png]

Every row is measured on the same first stage and prior: joint coherence,
conditional coherence given one modality, Fréchet distance in the judges'
features, and seconds for 10,000 joint draws with decoding and judging; the row
N(0, I) is decoding and judging alone. The first line tells what the evaluations
would take at the machine's rate of large products. Guidance comes twice: without
and with the values asked for. A student (student_steps in the prior's section)
is measured where the run has one.
"""

import argparse
import json
import subprocess
import sys

SOLVERS = {
    "unipc2 uniform": (["sampler=unipc2", "grid=uniform"], [4, 6, 8, 10, 20]),
    "unipc2 quadratic": (["sampler=unipc2", "grid=quadratic"], [4, 6, 8, 10, 20]),
    "unipc2 alpha": (["sampler=unipc2", "grid=alpha"], [4, 6, 8, 10, 20]),
    "dpmpp2m uniform": (["sampler=dpmpp2m", "grid=uniform"], [4, 10]),
    "ddim uniform": (["sampler=ddim", "grid=uniform"], [4, 10]),
    "heun uniform": (["sampler=heun", "grid=uniform"], [2, 5]),
    "ddpm": (["sampler=ddpm"], [250]),
}
COLUMNS = ["sampler", "guided", "NFE", "joint", "se", "given one", "se",
           "FD joint", "s / 10,000"]  # fmt: skip


def shalab(options, *arguments):
    store = ["--db", options.db, "--runs", options.runs, "-q", "--json"]
    done = subprocess.run(["build/bin/shalab", *store, *arguments], text=True,
                          capture_output=True, check=False)  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"shalab {' '.join(arguments)}\n{done.stderr}")
    return json.loads(done.stdout)


def guided_keys(options):
    return [f"guidance={options.guidance}", f"autoguidance={options.autoguidance}",
            "guidance_null=early"]  # fmt: skip


def sources(options):
    """{latent source: (sampler's name, guided, overrides)}"""
    result = {"training_prior": ("N(0, I)", "", [])}
    for name, (keys, counts) in SOLVERS.items():
        for steps in counts:
            for guided in (False, True):
                source = f"{name}_{steps}_{guided:d}".replace(" ", "_")
                own = [f"of={options.prior}", f"steps={steps}", *keys]
                own += guided_keys(options) if guided else []
                result[source] = (name, "yes" if guided else "",
                                  [f"+latent_source.{source}.{k}" for k in own])  # fmt: skip
    if has_student(options):
        own = [f"of={options.prior}", "sampler=student"]
        result["student"] = ("student", "folded in",
                             [f"+latent_source.student.{k}" for k in own])  # fmt: skip
    return result


def has_student(options):
    rows = shalab(options, "sql", f"""SELECT value FROM run_config
        WHERE run_id LIKE '{options.run}%'
          AND key = 'fitted_prior.{options.prior}.student_steps'""")
    return bool(rows) and int(rows[0]["value"]) > 0


def ceiling(options):
    """What ten evaluations of 10,000 draws would take at the machine's measured
    rate of large products: a step is forward and twice that backward."""
    rows = shalab(options, "sql", f"SELECT id FROM runs WHERE id LIKE '{options.run}%'")
    config = f"{options.runs}/{rows[0]['id']}/config.ini"
    stage = f"fitted_prior.{options.prior}"
    report = shalab(options, "bench", config, "--steps", "5", "--stage", stage,
                    f"{stage}.student_steps=0")  # fmt: skip
    mflop = 1e3 * report["gflop_per_step"] / 3 / report["batch_size"]
    rate = report["ceilings"]["gemm_gflops"]
    return (f"one evaluation of one draw: {mflop:.1f} MFLOP; 10 of 10,000 draws at "
            f"the machine's {rate:.0f} GFLOP/s: {1e2 * mflop / rate:.1f} s")  # fmt: skip


def measure(options, source, overrides):
    """One row of the table."""
    report = shalab(
        options, "evaluate", options.run, *overrides,
        f"evaluate.latent_sources={source}", f"evaluate.max_samples={options.samples}",
    )  # fmt: skip
    rows = report["measurements"] if isinstance(report, dict) else report

    def find(name, subset):
        return next((r for r in rows if r["name"] == name and r["latent_source"] == source
                     and r["source_subset"] == subset and r["target_modality"] == ""),
                    None)  # fmt: skip

    joint, given = find("joint_coherence", ""), find("conditional_coherence", "one")
    frechet = find("frechet_distance", "")
    return {
        "nfe": joint["nfe"],
        "joint": joint["value"], "joint_se": joint["spread"],
        "given": given and given["value"], "given_se": given and given["spread"],
        "frechet": frechet and frechet["value"],
        "seconds": joint["seconds"] / joint["num_samples"] * 10000,
    }  # fmt: skip


def cells(name, guided, row):
    def shown(value, digits=4):
        return "" if value is None else f"{value:.{digits}f}"

    return [name, guided, str(row["nfe"]), shown(row["joint"]), shown(row["joint_se"]),
            shown(row["given"]), shown(row["given_se"]), shown(row["frechet"], 1),
            shown(row["seconds"], 1)]  # fmt: skip


def line(values):
    widths = (18, 10, 5, 7, 7, 9, 7, 9, 10)
    print("  ".join(str(v).ljust(w) for v, w in zip(values, widths)).rstrip(), flush=True)


def draw(table, path):
    """Joint coherence and Fréchet distance against NFE, one curve a sampler."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4))
    for axis in axes:
        axis.set_prop_cycle(color=pyplot.get_cmap("tab20").colors)
    for axis, key, label in zip(axes, ("joint", "frechet"),
                                ("joint coherence", "FD of joint draws")):  # fmt: skip
        curves = {}
        for name, guided, row in table:
            if name != "N(0, I)" and row[key] is not None:
                curves.setdefault((name, guided), []).append((row["nfe"], row[key]))
        for (name, guided), points in curves.items():
            points.sort()
            style = "-" if guided else "--"
            axis.plot(*zip(*points), style, marker="o", markersize=3,
                      label=f"{name}{', guided' if guided == 'yes' else ''}")  # fmt: skip
        axis.set(xscale="log", xlabel="network evaluations a sample", ylabel=label)
    axes[0].legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="id of a run, or the beginning of it")
    parser.add_argument("--prior", default="diffusion")
    parser.add_argument("--samples", type=int, default=10000)
    parser.add_argument("--guidance", type=float, default=2)
    parser.add_argument("--autoguidance", type=float, default=3)
    parser.add_argument("--db", default="shalab.db")
    parser.add_argument("--runs", default="runs")
    parser.add_argument("--only", nargs="*", help="samplers; all if not given")
    parser.add_argument("-o", "--picture")
    options = parser.parse_args()
    print(f"run {options.run}, prior {options.prior}; guided: guidance "
          f"{options.guidance}, autoguidance {options.autoguidance}; "
          f"{options.samples} samples")  # fmt: skip
    print(ceiling(options))
    line(COLUMNS)
    table = []
    for source, (name, guided, overrides) in sources(options).items():
        if options.only and name not in options.only:
            continue
        table.append((name, guided, measure(options, source, overrides)))
        line(cells(*table[-1]))
    if options.picture:
        draw(table, options.picture)


if __name__ == "__main__":
    main()
