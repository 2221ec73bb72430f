"""Golden values of tests/sdk/nn/mobilenet_test.cpp: MobileNetV2 in PyTorch, layer
by layer as the index of a .tflite file lists them, and the labels that
TensorFlow Lite gives to photographs.

    python3 -m venv tools/.venv
    tools/.venv/bin/pip install torch==2.11.0 ai-edge-litert==2.3.0 \\
        pillow==13.0.0 numpy==2.4.6
    tools/.venv/bin/python tools/oracles/mobilenet.py DATA \\
        tests/fixtures/mobilenet/features.npz

DATA has mobilenet/*.tflite, their indices *.layers.json, and cub10/images. The
images of features.npz are those of inception.py.
"""

import json
import pathlib
import sys

import numpy
import torch
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

FOLDERS = ["002.Laysan_Albatross", "009.Brewer_Blackbird",
           "010.Red_winged_Blackbird"]
PHOTOGRAPHS = 20  # of each folder
NETWORKS = {"mobilenet_v2_1.0_224_quant": "imagenet_labels.txt",
            "mobilenet_v2_1.0_224_inat_bird_quant": "inat_bird_labels.txt"}


def image(height, width, a, b):
    c, y, x = numpy.meshgrid(
        numpy.arange(3), numpy.arange(height), numpy.arange(width),
        indexing="ij")
    value = a * (y + 1.0) ** 2 + b * (x + 1.0) + 0.37 * (c + 1.0) + 0.011 * x * y
    return torch.from_numpy(value - numpy.floor(value)).float()[None]


def photograph(file):
    pixels = numpy.asarray(Image.open(file).convert("RGB"))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float()[None] / 255


def network_input(x):
    x = torch.nn.functional.interpolate(
        (x * 255).round(), (224, 224), mode="bilinear", antialias=True)
    return (x - 128) / 128


class Graph:
    """A .tflite file in real numbers, by its index."""

    def __init__(self, stem):
        self.index = json.loads(pathlib.Path(
            str(stem) + ".layers.json").read_text())
        self.bytes = pathlib.Path(str(stem) + ".tflite").read_bytes()
        self.tensors = {t["id"]: t for t in self.index["tensors"]}

    def constant(self, tensor):
        t = self.tensors[tensor]
        kind = numpy.dtype(t["dtype"])
        stored = numpy.frombuffer(
            self.bytes, kind, t["nbytes"] // kind.itemsize, t["byte_offset"])
        numbers = (stored.reshape(t["shape"]).astype(float) -
                   t["zero_point"]) * t["scale"]
        return torch.from_numpy(numbers).float()

    def cut(self, tensor, x):
        t = self.tensors[tensor]
        low, high = ((q - t["zero_point"]) * t["scale"] for q in (0, 255))
        return x.clamp(low, high)

    def convolution(self, layer, x):
        weight = self.constant(layer["inputs"][1])
        groups = 1
        if layer["op"] == "DEPTHWISE_CONV_2D":
            weight, groups = weight.permute(3, 0, 1, 2), x.shape[1]
        else:
            weight = weight.permute(0, 3, 1, 2)
        # At stride 2 and an even size, SAME adds one pixel after the last.
        if weight.shape[-1] == 3:
            x = torch.nn.functional.pad(
                x, (0, 1, 0, 1) if layer["stride"] == [2, 2] else (1, 1, 1, 1))
        return torch.nn.functional.conv2d(
            x, weight, self.constant(layer["inputs"][2]), layer["stride"],
            groups=groups)

    def run(self, x):
        """Features and logits."""
        values = {self.index["input"][0]: x}
        for layer in self.index["layers"]:
            first, out = values.get(layer["inputs"][0]), layer["outputs"][0]
            if "CONV" in layer["op"]:
                values[out] = self.cut(out, self.convolution(layer, first))
            elif layer["op"] == "ADD":
                values[out] = self.cut(out, first + values[layer["inputs"][1]])
            elif layer["op"] == "AVERAGE_POOL_2D":
                values[out] = features = first.mean((2, 3), keepdim=True)
            elif layer["op"] == "RESHAPE":
                return features.flatten(), first.flatten()
        raise ValueError("no end")


def names_of(file):
    """A label a line, some with their number before it."""
    lines = file.read_text().splitlines()
    return [line.split(maxsplit=1)[-1] if line[:1].isdigit() else line
            for line in lines]


def labels_by_tensorflow(file, images):
    interpreter = Interpreter(str(file))
    interpreter.allocate_tensors()
    given, found = [], interpreter.get_output_details()[0]["index"]
    for x in images:
        bytes_ = (network_input(x) * 128 + 128).round().to(torch.uint8)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"],
                               bytes_.permute(0, 2, 3, 1).numpy())
        interpreter.invoke()
        given.append(int(interpreter.get_tensor(found)[0].argmax()))
    return given


def main():
    data = pathlib.Path(sys.argv[1])
    folder = data / "mobilenet"
    graph = Graph(folder / "mobilenet_v2_1.0_224_quant")
    arrays = {}
    for name, x in {"small": image(28, 28, 0.013, 0.071),
                    "large": image(320, 310, 0.029, 0.053)}.items():
        features, logits = graph.run(network_input(x))
        arrays[name + "_features"] = features.numpy()
        arrays[name + "_logits"] = logits.numpy()
        print(name, "features to", float(features.max()), "logits to",
              float(logits.max()))
    pathlib.Path(sys.argv[2]).parent.mkdir(parents=True, exist_ok=True)
    numpy.savez(sys.argv[2], **arrays)
    for stem, labels in NETWORKS.items():
        names = names_of(folder / labels)
        for kind in FOLDERS:
            files = sorted((data / "cub10/images" / kind).iterdir())
            given = labels_by_tensorflow(folder / (stem + ".tflite"),
                                         map(photograph, files[:PHOTOGRAPHS]))
            print(stem, kind, given)
            print("   ", {names[i]: given.count(i) for i in set(given)})


if __name__ == "__main__":
    main()
