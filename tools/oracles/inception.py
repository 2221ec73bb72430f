"""Golden values of tests/sdk/nn/inception_test.cpp, from the networks of
pytorch-fid and torch-fidelity on weights made by a formula.

    python3 -m venv tools/.venv
    tools/.venv/bin/pip install torch==2.11.0 torchvision==0.26.0 \\
        pytorch-fid==0.3.0 torch-fidelity==0.4.0 numpy==2.4.6
    tools/.venv/bin/python tools/oracles/inception.py \\
        tests/fixtures/inception/features.npz [weights.pth]

Weight i of the tensor called `name` is a number u in [-0.5, 0.5) of hashed
bits (see `uniform`), scaled by what the tensor is (see `weight`). Pixel
(c, y, x) of an image is
frac(a (y + 1)^2 + b (x + 1) + 0.37 (c + 1) + 0.011 x y).
weights.pth, if named, gets the state dict: what to try
tools/convert_inception.py --other-weights on.
"""

import sys
import tempfile

import numpy
import pytorch_fid.inception
import torch
import torch_fidelity
import torchvision
from torch_fidelity.feature_extractor_inceptionv3 import (
    FeatureExtractorInceptionV3,
)

IMAGES = {"small": (28, 28, 0.013, 0.071), "large": (320, 310, 0.029, 0.053)}
LOW = 0xFFFFFFFF


def image(channels, height, width, a, b):
    c, y, x = numpy.meshgrid(
        numpy.arange(channels), numpy.arange(height), numpy.arange(width),
        indexing="ij")
    value = a * (y + 1.0) ** 2 + b * (x + 1.0) + 0.37 * (c + 1.0) + 0.011 * x * y
    return value - numpy.floor(value)


def fnv1a(name):
    digest = 2166136261
    for letter in name.encode():
        digest = ((digest ^ letter) * 16777619) & LOW
    return digest


def uniform(name, count):
    i = numpy.arange(count, dtype=numpy.uint64)
    h = (i * numpy.uint64(2654435761) + numpy.uint64(fnv1a(name))) & LOW
    h ^= h >> numpy.uint64(15)
    h = (h * numpy.uint64(2246822519)) & LOW
    h ^= h >> numpy.uint64(13)
    return h / 2.0**32 - 0.5


def weight(name, shape):
    u = uniform(name, int(numpy.prod(shape))).reshape(shape)
    if name.endswith("conv.weight"):
        u *= numpy.sqrt(24.0 / numpy.prod(shape[1:]))
    elif name.endswith((".bn.weight", ".running_var")):
        u = 1 + 0.4 * u
    else:
        u *= 0.4
    return torch.from_numpy(u).to(torch.float32)


def state_dict():
    network = torchvision.models.inception_v3(
        weights=None, num_classes=1008, aux_logits=False, init_weights=False)
    return {name: weight(name, tuple(tensor.shape))
            for name, tensor in network.state_dict().items()
            if not name.endswith("num_batches_tracked")}


def by_pytorch_fid(state, x):
    pytorch_fid.inception.load_state_dict_from_url = lambda *_, **__: state
    network = pytorch_fid.inception.InceptionV3([3]).eval()
    with torch.no_grad():
        return network(x)[0][:, :, 0, 0].numpy()


def by_torch_fidelity(state, x):
    with tempfile.NamedTemporaryFile(suffix=".pth") as file:
        torch.save(state, file.name)
        network = FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048"],
            feature_extractor_weights_path=file.name)
    return network((x * 255).round().to(torch.uint8))[0].numpy()


def main():
    print("torch", torch.__version__, "torchvision", torchvision.__version__,
          "torch-fidelity", torch_fidelity.__version__)
    torch.use_deterministic_algorithms(True)
    state = state_dict()
    if len(sys.argv) > 2:
        torch.save(state, sys.argv[2])
    arrays = {}
    for size, (height, width, a, b) in IMAGES.items():
        x = torch.from_numpy(image(3, height, width, a, b)).float()[None]
        arrays["pytorch_fid_" + size] = by_pytorch_fid(state, x)[0]
        arrays["torch_fidelity_" + size] = by_torch_fidelity(state, x)[0]
    for name, array in arrays.items():
        print(name, array.shape, "mean", array.mean(), "largest", array.max(),
              "zeros", (array == 0).sum())
    numpy.savez(sys.argv[1], **arrays)


if __name__ == "__main__":
    main()
