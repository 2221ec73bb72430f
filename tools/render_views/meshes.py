"""Vehicle models as triangles with a texture: z up, front towards +x.

Reads the folders of the data set's cars/: torcs/ (y up, front +x, no wheels),
trigger-rally/ (z up, front +y, wheels of their own placed by the .vehicle
file) and kenney/ (glTF, y up, front +z).
"""

import dataclasses
import pathlib
import xml.etree.ElementTree

import numpy
import trimesh
from PIL import Image

TORCS_TO_WORLD = numpy.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
TRIGGER_RALLY_TO_WORLD = numpy.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
KENNEY_TO_WORLD = numpy.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])

GPL_OF_TORCS = ("155-DTM", "buggy", "p406")
SAME_BODY = {"car1-trb1": "car1-trb", "car1-trb3": "car1-trb"}


@dataclasses.dataclass
class Part:
    """Triangles of one texture; V vertices, F faces, counter-clockwise."""

    vertices: numpy.ndarray  # [V, 3]
    normals: numpy.ndarray  # [V, 3], length 1
    uv: numpy.ndarray  # [V, 2], v upwards
    faces: numpy.ndarray  # [F, 3]
    image: Image.Image

    def transformed(self, matrix, offset=(0.0, 0.0, 0.0)):
        normals = self.normals @ numpy.linalg.inv(matrix)
        normals /= numpy.linalg.norm(normals, axis=1, keepdims=True)
        faces = self.faces if numpy.linalg.det(matrix) > 0 else self.faces[:, ::-1]
        return dataclasses.replace(
            self, vertices=self.vertices @ matrix.T + offset, normals=normals,
            faces=faces)


@dataclasses.dataclass
class Model:
    """One vehicle. Models of one body differ in their liveries only."""

    name: str
    body: str
    licence: str
    parts: list


def fitted(parts):
    """The same with the box centred and its longest side 1."""
    points = numpy.concatenate([part.vertices for part in parts])
    low, high = points.min(0), points.max(0)
    scale = 1 / (high - low).max()
    return [
        part.transformed(scale * numpy.eye(3), -scale * (low + high) / 2)
        for part in parts
    ]


def read_parts(file, image=None):
    """The parts of an OBJ or GLB file, in the file's axes. `image` replaces
    the textures that the file names."""
    scene = trimesh.load_scene(file, process=False)
    parts = []
    for node in sorted(scene.graph.nodes_geometry):
        placement, name = scene.graph[node]
        mesh = scene.geometry[name]
        material = mesh.visual.material
        texture = image or getattr(material, "image", None) or getattr(
            material, "baseColorTexture", None)
        if texture is None or mesh.visual.uv is None:
            raise ValueError(f"{file}: '{name}' has no texture")
        part = Part(
            numpy.asarray(mesh.vertices), unit(mesh.vertex_normals),
            numpy.asarray(mesh.visual.uv), numpy.asarray(mesh.faces), texture)
        parts.append(part.transformed(placement[:3, :3], placement[:3, 3]))
    return parts


def unit(normals):
    length = numpy.linalg.norm(normals, axis=1, keepdims=True)
    return numpy.where(length > 0, normals / numpy.maximum(length, 1e-12),
                       [0.0, 0.0, 1.0])


def in_world(parts, axes):
    return [part.transformed(axes) for part in parts]


def torcs(folder):
    parts = read_parts(folder / f"{folder.name}.obj")
    licence = "GPL-2+" if folder.name in GPL_OF_TORCS else "Free Art License"
    return Model(folder.name, SAME_BODY.get(folder.name, folder.name), licence,
                 in_world(parts, TORCS_TO_WORLD))


def trigger_rally(folder):
    name = folder.name
    vehicle = xml.etree.ElementTree.parse(folder / f"{name}.vehicle").getroot()
    part = vehicle.find("part")
    image = Image.open(folder / f"{name}.png")
    scale = float(part.get("scale")) * numpy.eye(3)
    parts = [p.transformed(scale) for p in
             read_parts(folder / f"{name}.obj", image)]
    genparams = vehicle.find("genparams")
    wheel = read_parts(folder / genparams.get("wheelmodel"), image)
    for place in part.iter("wheel"):
        centre = numpy.array([float(x) for x in place.get("pos").split(",")])
        size = float(genparams.get("wheelscale")) * float(place.get("radius"))
        side = numpy.sign(centre[0])  # the wheel's outside is at its +x
        turned = size * numpy.diag([side, side, 1.0])
        parts += [p.transformed(turned, centre) for p in wheel]
    return Model(name, name.split("_")[0], "GPL-2+",
                 in_world(parts, TRIGGER_RALLY_TO_WORLD))


def kenney(file):
    name = file.stem.removeprefix("vehicle-")
    return Model(name, "truck", "CC0", in_world(read_parts(file),
                                                KENNEY_TO_WORLD))


def models(folder):
    """All cars and trucks under `folder`, sorted by name."""
    folder = pathlib.Path(folder)
    found = [torcs(child) for child in folder.glob("torcs/*/")]
    found += [trigger_rally(child) for child in folder.glob("trigger-rally/*/")]
    found += [kenney(child) for child in folder.glob("kenney/vehicle-truck-*.glb")]
    if not found:
        raise SystemExit(
            f"render_views: no models under {folder}\n"
            "hint: name a folder that holds torcs/, trigger-rally/ or kenney/")
    return sorted(found, key=lambda model: model.name)
