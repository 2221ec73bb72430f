"""Turns the public FID weights of Inception-v3 into the safetensors file that
the metrics' `extractor = inception` reads.

    python3 -m venv tools/.venv
    tools/.venv/bin/pip install torch==2.11.0 safetensors==0.8.0 numpy==2.4.6
    tools/.venv/bin/python tools/convert_inception.py \\
        pt_inception-2015-12-05-6726825d.pth \\
        DATA/inception/pt_inception-2015-12-05.safetensors

The .pth is an asset of the release "fid_weights" of mseitzer/pytorch-fid;
torch-fidelity's weights-inception-2015-12-05-6726825d.pth holds the same. DATA
is a data folder of shalab. The classifier and the counters of batches are left
out.
"""

import argparse
import hashlib
import pathlib
import sys

import torch
from safetensors.torch import save_file

SHA256_BEGINS = "6726825d"  # as the file's name says
CONVOLUTIONS = 94
PARTS = ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean",
         "bn.running_var")


def sha256(file):
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_used(name):
    return not (name.startswith("fc.") or name.endswith(".num_batches_tracked"))


def used_weights(file):
    state = torch.load(file, map_location="cpu", weights_only=True)
    weights = {name: tensor.detach().to(torch.float32).contiguous()
               for name, tensor in state.items() if is_used(name)}
    strange = [name for name in weights if not name.endswith(PARTS)]
    if strange or len(weights) != CONVOLUTIONS * len(PARTS):
        sys.exit(f"{file}: {len(weights)} tensors, expected "
                 f"{CONVOLUTIONS * len(PARTS)} of Inception-v3 {strange[:3]}")
    return weights


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--other-weights", action="store_true",
                        help="take weights that are not the public ones")
    options = parser.parse_args()
    digest = sha256(options.source)
    if not digest.startswith(SHA256_BEGINS) and not options.other_weights:
        sys.exit(f"{options.source}: SHA-256 begins {digest[:8]}, the public "
                 f"file's {SHA256_BEGINS}: truncated, or another file")
    weights = used_weights(options.source)
    options.target.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, options.target,
              {"source": options.source.name, "source_sha256": digest})
    options.target.chmod(0o644)  # the library leaves it to its owner alone
    print(f"{options.target}: {len(weights)} tensors")


if __name__ == "__main__":
    main()
