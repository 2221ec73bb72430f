"""Renders views of vehicle models for the dataset `multiview`.

    tools/render_views/setup
    tools/render_views/.venv/bin/python tools/render_views/render_views.py \\
        CARS -o DATA/cars_views

CARS holds torcs/, trigger-rally/ and kenney/ (meshes.py); DATA is one of the
data folders (SHALAB_DATA), where the dataset looks for cars_views. As it stands
that is 20 bodies in 48 variants of 16 pictures, 64 MB on disk. Written are

    OBJECT/000.png ... 015.png   RGBA, straight alpha, cameras as in cameras.py
    train.txt validation.txt test.txt   the bodies of each split, one a line
    note.txt                     the sentence printed under measurements
    objects.tsv                  which model, licence and variant an object is
    cameras.json                 intrinsics, azimuths, elevation, distance

An object is named BODY.NUMBER. Its first variants are the models as they are,
one for each livery; the others are recoloured and rescaled (variants.py). Equal
arguments give equal pictures on one machine. One thread is enough: LP_NUM_THREADS
tells Mesa's renderer how many to use.
"""

import argparse
import collections
import json
import pathlib
import sys
import time

import numpy
from PIL import Image

import cameras
import meshes
import rasteriser
import variants

TEST = ["car1-stock2", "car4-trb1", "fox", "p406"]
VALIDATION = ["car6-trb1", "cordo"]


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cars", type=pathlib.Path)
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    parser.add_argument("--size", type=int, default=64, help="pixels a side")
    parser.add_argument("--views", type=int, default=16)
    parser.add_argument("--elevation", type=float, default=cameras.ELEVATION,
                        help="degrees")
    parser.add_argument("--variants", type=int, default=48, help="objects a body")
    parser.add_argument("--samples", type=int, default=4,
                        help="points a pixel's side")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--test", type=names, default=TEST,
                        help="bodies held out, with commas between")
    parser.add_argument("--validation", type=names, default=VALIDATION)
    return checked(parser, parser.parse_args())


def names(text):
    return [name.strip() for name in text.split(",") if name.strip()]


def checked(parser, given):
    for key in ("size", "views", "variants", "samples"):
        if getattr(given, key) < 1:
            parser.error(f"--{key} must be at least 1")
    if given.seed < 0:
        parser.error("--seed must be at least 0")
    if abs(given.elevation) >= 90:
        parser.error("--elevation must lie between -90 and 90 degrees")
    if given.output.exists() and any(given.output.iterdir()):
        parser.error(f"{given.output} is not empty")
    return given


def bodies_of(models):
    """Models by body, both sorted."""
    bodies = collections.defaultdict(list)
    for model in models:
        bodies[model.body].append(model)
    return dict(sorted(bodies.items()))


def splits_of(bodies, test, validation):
    """The bodies of each split; refuses names that are not there."""
    unknown = sorted(set(test + validation) - set(bodies))
    if unknown or set(test) & set(validation):
        raise SystemExit(
            f"render_views: --test and --validation must name different bodies "
            f"of {', '.join(bodies)}; got {', '.join(test)} and "
            f"{', '.join(validation)}")
    train = [body for body in bodies if body not in test + validation]
    if not train:
        raise SystemExit("render_views: no body is left to train on")
    return {"train": train, "validation": sorted(validation),
            "test": sorted(test)}


def variant_of(body, index, num_liveries, seed):
    if index < num_liveries:
        return variants.ORIGINAL
    return variants.variant(seed, body, index)


def render_object(renderer, model, variant, to_clip, folder):
    parts = [part.transformed(numpy.diag(variant.scale)) for part in model.parts]
    pictures = renderer.render(meshes.fitted(parts), to_clip, variant.recolouring)
    folder.mkdir(parents=True)
    for k, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{k:03d}.png")


def render_body(renderer, body, models, given):
    """One row of objects.tsv for each object."""
    to_clip = cameras.views(given.views, given.elevation)
    rows = []
    for index in range(given.variants):
        model = models[index % len(models)]
        variant = variant_of(body, index, len(models), given.seed)
        name = f"{body}.{index:03d}"
        render_object(renderer, model, variant, to_clip, given.output / name)
        rows.append([name, model.name, model.licence,
                     " ".join(f"{x:.4f}" for x in variant.scale),
                     " ".join(f"{x:.4f}" for x in variant.recolouring.ravel())])
    renderer.forget_textures()
    return rows


def write_texts(given, splits, rows, num_models):
    for split, bodies in splits.items():
        (given.output / f"{split}.txt").write_text("\n".join(bodies) + "\n")
    (given.output / "note.txt").write_text(
        f"multiview: {num_models} free vehicle models in recoloured and rescaled "
        "variants, not ShapeNet: not comparable with published tables\n")
    header = ["object", "model", "licence", "length width height", "recolouring"]
    (given.output / "objects.tsv").write_text(
        "\n".join("\t".join(row) for row in [header] + rows) + "\n")
    focal = cameras.LENS / cameras.SENSOR * given.size
    (given.output / "cameras.json").write_text(json.dumps({
        "intrinsics": [[focal, 0, given.size / 2], [0, focal, given.size / 2],
                       [0, 0, 1]],
        "azimuths": [360 * k / given.views for k in range(given.views)],
        "elevation": given.elevation,
        "distance": cameras.DISTANCE,
    }, indent=1) + "\n")


def main():
    given = arguments()
    start = time.monotonic()
    models = meshes.models(given.cars)
    bodies = bodies_of(models)
    splits = splits_of(bodies, given.test, given.validation)
    renderer = rasteriser.Rasteriser(given.size, given.samples)
    print(f"render_views: {len(models)} models of {len(bodies)} bodies, drawn by "
          f"{renderer.name()}", file=sys.stderr)
    given.output.mkdir(parents=True, exist_ok=True)
    rows = []
    for body, liveries in bodies.items():
        rows += render_body(renderer, body, liveries, given)
        print(f"render_views: {body}: {given.variants} objects, "
              f"{time.monotonic() - start:.1f} s", file=sys.stderr)
    write_texts(given, splits, rows, len(models))


if __name__ == "__main__":
    main()
