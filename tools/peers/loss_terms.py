"""Loss terms of MultiVae for the weights and the batch that shalab exported,
every random draw replaced by the mean.

    tools/peers/loss_terms.py FOLDER [-o FILE]

FOLDER holds systems.json, batch.safetensors and NAME.safetensors for each
system. Writes {versions, systems: {name: {term: number}}} as JSON to FILE, by
default FOLDER/multivae.json. docs/peers.md says what the terms are.
"""

import argparse
import importlib.metadata
import json
import math
import pathlib
import platform

import multivae.models.mvae.mvae_model as mvae_model
import numpy
import torch
from networks import networks, one_hot
from safetensors.torch import load_file
from systems import SYSTEMS

PACKAGES = ["multivae", "torch", "pythae", "numpy"]


def mean_draw(self, sample_shape=torch.Size()):
    return self.loc.expand(self._extended_shape(torch.Size(sample_shape)))


def first_choice(options, size, replace):
    return options[:size]


def replace_draws():
    """Normal and Laplace draws become the mean; the random subsets of MVAE
    become the first ones. MoPoE on complete data draws no subset: it cuts the
    batch into equal chunks."""
    torch.distributions.Normal.rsample = mean_draw
    torch.distributions.Laplace.rsample = mean_draw
    mvae_model.choice = first_choice


def read_batch(folder, sizes):
    data = load_file(folder / "batch.safetensors")
    return {
        m["name"]: one_hot(data[m["name"]], m["symbols"])
        if m["kind"] == "tokens"
        else data[m["name"]]
        for m in sizes["modalities"]
    }


def gradient_norms(model):
    """Of the loss over encoders with their heads, decoders, and priors; none
    where a norm is zero."""
    squares = {}
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            continue
        part = name.split(".")[0]
        part = part if part in ("encoders", "decoders") else "priors"
        norm = parameter.grad.square().sum()
        squares[part] = squares.get(part, 0.0) + float(norm)
    return {f"gradient.{p}": math.sqrt(s) for p, s in squares.items() if s > 0}


def terms_of(name, sizes, folder):
    settings = sizes["systems"][name]
    make, measure = SYSTEMS[name]
    weights = load_file(folder / f"{name}.safetensors")
    private = settings.get("private", {}).get("size", 0)
    encoders, decoders = networks(sizes, private, weights)
    model = make(sizes, settings, encoders, decoders, weights)
    assert not weights, f"unused: {list(weights)}"
    terms = measure(model, read_batch(folder, sizes), settings)
    terms["loss"].backward()
    terms.update(gradient_norms(model))
    return {k: float(torch.as_tensor(v).detach()) for k, v in terms.items()}


def versions():
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **found}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("-o", "--output", type=pathlib.Path)
    arguments = parser.parse_args()
    sizes = json.loads((arguments.folder / "systems.json").read_text())
    torch.set_num_threads(1)
    replace_draws()
    terms = {name: terms_of(name, sizes, arguments.folder) for name in SYSTEMS}
    output = arguments.output or arguments.folder / "multivae.json"
    result = {"versions": versions(), "systems": terms}
    output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
