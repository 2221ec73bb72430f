"""Seeded variants of a model: another paint, other proportions."""

import colorsys
import dataclasses
import math
import zlib

import numpy

LUMA = numpy.array([0.299, 0.587, 0.114])
STRETCH = 0.15  # sides are scaled by exp(u), u uniform in -STRETCH .. STRETCH


@dataclasses.dataclass
class Variant:
    recolouring: numpy.ndarray  # [3, 3], on RGB in 0 .. 1
    scale: numpy.ndarray  # [3]: of length, width, height


ORIGINAL = Variant(numpy.eye(3), numpy.ones(3))


def hue_rotation(angle):
    """Rotation of RGB about the grey axis, in radians."""
    axis = numpy.ones(3) / math.sqrt(3)
    cross = numpy.cross(numpy.eye(3), axis)
    return (math.cos(angle) * numpy.eye(3)
            + (1 - math.cos(angle)) * numpy.outer(axis, axis)
            + math.sin(angle) * cross)


def recolouring(rng):
    """Hues turned by a random angle, then bleached and tinted: the stronger the
    tint's saturation, the less is left of the paint's own colour. Black stays
    black, so tyres and shadows do."""
    angle = rng.uniform(0, 2 * math.pi)
    saturation = rng.uniform(0, 0.85)
    tint = colorsys.hsv_to_rgb(rng.uniform(), saturation, rng.uniform(0.7, 1))
    grey = numpy.outer(numpy.ones(3), LUMA)
    bleached = (1 - saturation) * hue_rotation(angle) + saturation * grey
    return numpy.diag(tint) @ bleached


def variant(seed, body, index):
    """Variant `index` of a body: equal arguments give equal variants, whatever
    else is drawn."""
    rng = numpy.random.default_rng([seed, zlib.crc32(body.encode()), index])
    return Variant(recolouring(rng), numpy.exp(rng.uniform(-STRETCH, STRETCH, 3)))
