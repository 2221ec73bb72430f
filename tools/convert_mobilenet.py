"""Turns TensorFlow's 8-bit MobileNetV2 (width 1, 224 x 224) into the
safetensors file that the metrics' `extractor = mobilenet_v2` reads.

    python3 tools/convert_mobilenet.py \\
        DATA/mobilenet/mobilenet_v2_1.0_224_quant.tflite \\
        DATA/mobilenet/mobilenet_v2_1.0_224.safetensors

The .tflite is in google-coral/test_data, as is the one of 964 birds
(mobilenet_v2_1.0_224_inat_bird_quant.tflite), which may be taken as well. DATA
is a data folder of shalab. Needs nothing but Python 3.

A weight q becomes (q - zero point) * scale, in the order [out, in, height,
width]; <layer>.range is the least and the largest value that the layer's 8-bit
output can hold.
"""

import argparse
import array
import hashlib
import json
import pathlib
import struct
import sys

STAGES = [(1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3),
          (6, 160, 3), (6, 320, 1)]  # expansion, channels, blocks
ADD, CONV, DEPTHWISE, FULL = 0, 3, 4, 9  # builtin operators of schema.fbs
UINT8, INT32 = 3, 2  # tensor types


class Table:
    """A table of a FlatBuffers file."""

    def __init__(self, data, place):
        self.data, self.place = data, place

    def number(self, form, place):
        return struct.unpack_from("<" + form, self.data, place)[0]

    def field(self, index):
        """The place of a field; None where it has its default."""
        table = self.place - self.number("i", self.place)
        if 4 + 2 * index >= self.number("H", table):
            return None
        offset = self.number("H", table + 4 + 2 * index)
        return self.place + offset if offset else None

    def value(self, index, form, default=0):
        place = self.field(index)
        return default if place is None else self.number(form, place)

    def vector(self, index):
        """Number of elements and the place of the first."""
        place = self.field(index)
        if place is None:
            return 0, 0
        place += self.number("I", place)
        return self.number("I", place), place + 4

    def values(self, index, form):
        count, place = self.vector(index)
        return list(struct.unpack_from(f"<{count}{form}", self.data, place))

    def tables(self, index):
        count, place = self.vector(index)
        return [Table(self.data, place + 4 * i +
                      self.number("I", place + 4 * i)) for i in range(count)]

    def table(self, index):
        place = self.field(index)
        return Table(self.data, place + self.number("I", place))


class Model:
    """What is needed of a .tflite file; numbers of fields as in schema.fbs."""

    def __init__(self, data):
        model = Table(data, struct.unpack_from("<I", data, 0)[0])
        graph = model.tables(2)[0]
        self.data = data
        self.kinds = [max(code.value(0, "b"), code.value(3, "i"))
                      for code in model.tables(1)]
        self.buffers = model.tables(4)
        self.tensors = graph.tables(0)
        self.operators = graph.tables(3)

    def steps(self):
        """(kind, inputs, outputs) of each operator, in order."""
        return [(self.kinds[operator.value(0, "I")], operator.values(1, "i"),
                 operator.values(2, "i")) for operator in self.operators]

    def shape(self, tensor):
        return self.tensors[tensor].values(0, "i")

    def quantisation(self, tensor):
        table = self.tensors[tensor].table(4)
        scales, zeros = table.values(2, "f"), table.values(3, "q")
        if len(scales) != 1 or len(zeros) != 1:
            sys.exit(f"tensor {tensor}: expected one scale")
        return scales[0], zeros[0]

    def numbers(self, tensor):
        """The real numbers of a constant."""
        scale, zero = self.quantisation(tensor)
        kind = self.tensors[tensor].value(1, "b")
        count, place = self.buffers[self.tensors[tensor].value(2, "I")].vector(0)
        stored = self.data[place:place + count]
        if kind == UINT8:
            table = [(q - zero) * scale for q in range(256)]
            return array.array("f", [table[q] for q in stored])
        if kind == INT32:
            whole = struct.unpack(f"<{count // 4}i", stored)
            return array.array("f", [(q - zero) * scale for q in whole])
        sys.exit(f"tensor {tensor}: of another type than uint8 and int32")

    def output_range(self, tensor):
        scale, zero = self.quantisation(tensor)
        return array.array("f", [(q - zero) * scale for q in (0, 255)])


def layer_names(last_kind):
    """Names of convolutions and of sums, in the order of the graph. The
    classifier is of either kind."""
    names, channels, block = [("stem", CONV)], 32, 0
    for expansion, width, count in STAGES:
        for _ in range(count):
            name = f"block_{block}."
            if expansion > 1:
                names.append((name + "expand", CONV))
            names += [(name + "depthwise", DEPTHWISE), (name + "project", CONV)]
            # The first block of a stage changes the width.
            if channels == width:
                names.append((name + "sum", ADD))
            channels, block = width, block + 1
    return names + [("last", CONV), ("classifier", last_kind)]


def ordered(numbers, shape, kind):
    """[out, height, width, in], [1, height, width, out] or [out, in] as [out,
    in, height, width]."""
    if kind == FULL:
        return numbers, shape + [1, 1]
    first, height, width, last = shape
    if kind == DEPTHWISE:
        parts = [numbers[c::last] for c in range(last)]
        return array.array("f", b"".join(map(bytes, parts))), [
            last, 1, height, width]
    if height * width > 1:
        size = height * width * last
        parts = [numbers[o * size + c:(o + 1) * size:last]
                 for o in range(first) for c in range(last)]
        numbers = array.array("f", b"".join(map(bytes, parts)))
    return numbers, [first, last, height, width]


def weights_of(model):
    steps = [step for step in model.steps()
             if step[0] in (ADD, CONV, DEPTHWISE, FULL)]
    names = layer_names(steps[-1][0])
    if [kind for kind, _, _ in steps] != [kind for _, kind in names]:
        sys.exit("the layers are not those of MobileNetV2 of width 1")
    weights = {}
    for (name, _), (kind, inputs, outputs) in zip(names, steps):
        weights[name + ".range"] = model.output_range(outputs[0]), [2]
        if kind == ADD:
            continue
        weights[name + ".weight"] = ordered(
            model.numbers(inputs[1]), model.shape(inputs[1]), kind)
        weights[name + ".bias"] = (model.numbers(inputs[2]),
                                   model.shape(inputs[2]))
    return weights


def safetensors(weights, metadata):
    header, begin = {"__metadata__": metadata}, 0
    for name, (numbers, shape) in weights.items():
        end = begin + 4 * len(numbers)
        header[name] = {"dtype": "F32", "shape": shape,
                        "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    parts = [bytes(numbers) for numbers, _ in weights.values()]
    return struct.pack("<Q", len(text)) + text + b"".join(parts)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    options = parser.parse_args()
    data = options.source.read_bytes()
    if data[4:8] != b"TFL3":
        sys.exit(f"{options.source}: no TensorFlow Lite file")
    weights = weights_of(Model(data))
    options.target.parent.mkdir(parents=True, exist_ok=True)
    options.target.write_bytes(safetensors(weights, {
        "source": options.source.name,
        "source_sha256": hashlib.sha256(data).hexdigest()}))
    print(f"{options.target}: {len(weights)} tensors")


if __name__ == "__main__":
    main()
