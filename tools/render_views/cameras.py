"""The cameras of SyncDreamer's fixed views (Liu et al. 2023).

The world has z up. An object's box is centred at the origin and its longest
side is 1. The camera of view k of n stands at distance 1.5, azimuth 360 k / n
degrees (counted from +x towards +y), elevation 30 degrees, and looks at the
origin through a 35 mm lens on a square sensor of 32 mm.
"""

import math

import numpy

DISTANCE = 1.5
ELEVATION = 30.0  # degrees
LENS = 35.0  # mm
SENSOR = 32.0  # mm
NEAR, FAR = 0.1, 4.0


def position(azimuth, elevation=ELEVATION):
    """Where the camera stands; angles in degrees."""
    a, e = math.radians(azimuth), math.radians(elevation)
    return DISTANCE * numpy.array(
        [math.cos(a) * math.cos(e), math.sin(a) * math.cos(e), math.sin(e)])


def looking_at_origin(eye):
    """World to camera, 4 x 4: x right, y up, looking along -z."""
    backward = eye / numpy.linalg.norm(eye)
    right = numpy.cross([0.0, 0.0, 1.0], backward)
    right /= numpy.linalg.norm(right)
    matrix = numpy.eye(4)
    matrix[:3, :3] = [right, numpy.cross(backward, right), backward]
    matrix[:3, 3] = -matrix[:3, :3] @ eye
    return matrix


def perspective():
    """Camera to clip coordinates, 4 x 4."""
    focal = LENS / (SENSOR / 2)
    return numpy.array([
        [focal, 0, 0, 0],
        [0, focal, 0, 0],
        [0, 0, -(FAR + NEAR) / (FAR - NEAR), -2 * FAR * NEAR / (FAR - NEAR)],
        [0, 0, -1, 0],
    ])


def views(count, elevation=ELEVATION):
    """World to clip coordinates of each view."""
    return [
        perspective() @ looking_at_origin(position(360.0 * k / count, elevation))
        for k in range(count)
    ]
