"""Fixture of tests/plugins/datasets/multiview_test.cpp, from Pillow.

    python3 -m venv tools/.venv
    tools/.venv/bin/pip install pillow==13.0.0 numpy==2.4.6
    tools/.venv/bin/python tools/oracles/view_pictures.py tests/fixtures/multiview

Writes views/a/000.png (24 x 24 RGBA: waves, opaque within a disc, transparent
outside, soft between) and what loading it should give: over white, then bicubic
to 16 x 16 and to 40 x 40, as SyncDreamer loads its pictures but for one thing:
levels are rounded where that code cuts them off.
"""

import pathlib
import sys

import numpy
import PIL
from PIL import Image

SIDE = 24


def waves():
    y, x = numpy.mgrid[:SIDE, :SIDE]
    colour = numpy.stack([
        127.5 + 127.5 * numpy.sin(0.9 * x + 0.3 * y + phase)
        for phase in (0.0, 2.0, 4.0)], axis=-1)
    radius = numpy.hypot(x - 11.5, y - 11.5)
    alpha = 255 * numpy.clip((11 - radius) / 4, 0, 1)
    return numpy.round(numpy.dstack([colour, alpha])).astype("u1")


def over_white(picture):
    share = picture[..., 3:] / 255
    return numpy.round(picture[..., :3] * share + 255 * (1 - share)).astype("u1")


def main(folder):
    print("Pillow", PIL.__version__, "numpy", numpy.__version__)
    picture = waves()
    (folder / "views" / "a").mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(folder / "views" / "a" / "000.png")
    flat = Image.fromarray(over_white(picture))
    flat.save(folder / "over_white.png")
    for side in (16, 40):
        resized = flat.resize((side, side), resample=Image.Resampling.BICUBIC)
        resized.save(folder / f"bicubic_{side}.png")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
