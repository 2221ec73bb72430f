"""The renderer against geometry that can be worked out by hand.

    cd tools/render_views && .venv/bin/python -m unittest test_render_views
"""

import math
import os
import pathlib
import tempfile
import unittest

import numpy
import trimesh
from PIL import Image

import cameras
import meshes
import rasteriser
import render_views
import variants

SIZE = 64


def plain(mesh, colour):
    """A mesh painted in one colour."""
    return meshes.Part(
        numpy.asarray(mesh.vertices), numpy.asarray(mesh.face_normals)[0]
        * numpy.ones((len(mesh.vertices), 1)), numpy.zeros((len(mesh.vertices), 2)),
        numpy.asarray(mesh.faces), Image.new("RGB", (1, 1), colour))


def square(axis, side, colour):
    """The face of the unit cube at +-0.5 of one axis, seen from outside."""
    corners = numpy.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    points = numpy.insert(corners, axis, side / 2, axis=1)
    faces = numpy.array([[0, 1, 2], [0, 2, 3]])
    if (side > 0) == (axis == 1):
        faces = faces[:, ::-1]
    return plain(trimesh.Trimesh(points, faces, process=False), colour)


class Cameras(unittest.TestCase):
    def test_stand_where_data_sheets_say(self):
        self.assertTrue(numpy.allclose(
            cameras.position(0), [1.5 * math.cos(math.pi / 6), 0, 0.75]))
        self.assertTrue(numpy.allclose(
            cameras.position(90), [0, 1.5 * math.cos(math.pi / 6), 0.75]))

    def test_look_at_the_origin_with_49_degrees(self):
        for matrix in cameras.views(16):
            clip = matrix @ [0, 0, 0, 1]
            self.assertTrue(numpy.allclose(clip[:2], 0))
            self.assertAlmostEqual(clip[3], 1.5)
        half = math.atan(1 / cameras.perspective()[0, 0])
        self.assertAlmostEqual(2 * math.degrees(half), 49.1, 1)


class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.renderer = rasteriser.Rasteriser(SIZE)

    def centre_of_view(self, parts, view, **keys):
        to_clip = cameras.views(16, elevation=0)[view:view + 1]
        picture = self.renderer.render(parts, to_clip, **keys)[0]
        return picture[SIZE // 2, SIZE // 2]

    def test_a_ball_covers_its_disc(self):
        ball = plain(trimesh.creation.icosphere(4, 0.3), (200, 100, 0))
        pictures = self.renderer.render([ball], cameras.views(16))
        radius = (cameras.LENS / 16) * math.tan(math.asin(0.3 / 1.5)) * SIZE / 2
        for picture in pictures:
            area = (picture[..., 3] / 255).sum()
            self.assertAlmostEqual(area / (math.pi * radius ** 2), 1, 2)

    def test_views_turn_from_x_to_y(self):
        cube = [square(0, 1, (255, 0, 0)), square(1, 1, (0, 255, 0)),
                square(0, -1, (0, 0, 255)), square(1, -1, (255, 255, 0))]
        self.assertGreater(self.centre_of_view(cube, 0)[0], 100)
        self.assertGreater(self.centre_of_view(cube, 4)[1], 100)
        self.assertGreater(self.centre_of_view(cube, 8)[2], 100)
        self.assertEqual(self.centre_of_view(cube, 12)[2], 0)
        self.assertEqual(self.centre_of_view(cube, 0)[1], 0)

    def test_up_is_up(self):
        top = plain(trimesh.creation.icosphere(2, 0.1), (255, 255, 255))
        top = top.transformed(numpy.eye(3), (0, 0, 0.3))
        picture = self.renderer.render([top], cameras.views(1))[0]
        rows = numpy.nonzero(picture[..., 3].any(1))[0]
        self.assertLess(rows.max(), SIZE // 2)

    def test_back_faces_are_culled(self):
        face = square(0, 1, (255, 0, 0))
        inside_out = meshes.dataclasses.replace(face, faces=face.faces[:, ::-1])
        self.assertEqual(self.centre_of_view([face], 0)[3], 255)
        self.assertEqual(self.centre_of_view([inside_out], 0)[3], 0)

    def test_mirroring_keeps_the_outside_outside(self):
        mirrored = square(0, -1, (255, 0, 0)).transformed(
            numpy.diag([-1.0, 1.0, 1.0]))
        self.assertEqual(self.centre_of_view([mirrored], 0)[3], 255)

    def test_an_edge_keeps_its_colour(self):
        ball = plain(trimesh.creation.icosphere(3, 0.3), (200, 100, 0))
        picture = self.renderer.render([ball], cameras.views(1))[0]
        edge = (picture[..., 3] > 0) & (picture[..., 3] < 255)
        self.assertGreater(edge.sum(), 20)
        full = picture[picture[..., 3] == 255]
        self.assertLessEqual(numpy.ptp(picture[edge][:, 0]),
                             numpy.ptp(full[:, 0]) + 1)

    def test_recolouring_is_a_matrix_on_rgb(self):
        face = [square(0, 1, (200, 0, 0))]
        swap = numpy.array([[0, 0, 0], [1, 0, 0], [0, 0, 1]])
        red = self.centre_of_view(face, 0)
        green = self.centre_of_view(face, 0, recolouring=swap)
        self.assertEqual(red[0], green[1])
        self.assertEqual(green[0], 0)


class Variants(unittest.TestCase):
    def test_depend_on_their_name_only(self):
        one = variants.variant(1, "fox", 5)
        for other, equal in [(variants.variant(1, "fox", 5), True),
                             (variants.variant(2, "fox", 5), False),
                             (variants.variant(1, "evo", 5), False),
                             (variants.variant(1, "fox", 6), False)]:
            self.assertEqual(numpy.array_equal(one.scale, other.scale), equal)
            self.assertEqual(
                numpy.array_equal(one.recolouring, other.recolouring), equal)

    def test_hues_turn_about_grey(self):
        third = variants.hue_rotation(2 * math.pi / 3)
        self.assertTrue(numpy.allclose(third @ [1, 0, 0], [0, 1, 0]))
        self.assertTrue(numpy.allclose(third @ [0.5, 0.5, 0.5], 0.5))

    def test_black_stays_black_and_nothing_gets_brighter_than_white(self):
        for index in range(50):
            matrix = variants.variant(3, "fox", index).recolouring
            white = matrix @ numpy.ones(3)
            self.assertTrue((white > 0).all() and (white <= 1 + 1e-9).all())

    def test_sides_change_by_at_most_a_seventh(self):
        for index in range(50):
            scale = variants.variant(3, "fox", index).scale
            self.assertTrue((numpy.abs(numpy.log(scale)) <= 0.15).all())


class Models(unittest.TestCase):
    def test_are_centred_with_a_longest_side_of_one(self):
        box = plain(trimesh.creation.box((4, 2, 1)), (9, 9, 9))
        moved = box.transformed(numpy.eye(3), (7, 8, 9))
        points = meshes.fitted([moved])[0].vertices
        self.assertTrue(numpy.allclose(points.max(0), [0.5, 0.25, 0.125]))
        self.assertTrue(numpy.allclose(points.min(0), [-0.5, -0.25, -0.125]))

    def test_bodies_never_straddle_splits(self):
        models = [meshes.Model(name, body, "", []) for name, body in
                  [("a1", "a"), ("a2", "a"), ("b", "b"), ("c", "c")]]
        bodies = render_views.bodies_of(models)
        self.assertEqual(
            render_views.splits_of(bodies, ["a"], ["c"]),
            {"train": ["b"], "validation": ["c"], "test": ["a"]})
        for test, validation in [(["a1"], []), (["a"], ["a"]), (["a", "b"], ["c"])]:
            with self.assertRaises(SystemExit):
                render_views.splits_of(bodies, test, validation)

    def test_no_models_is_said(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaises(SystemExit):
                meshes.models(folder)

    def test_all_real_cars_are_read(self):
        folders = os.environ.get("SHALAB_DATA", "").split(":")
        cars = next((pathlib.Path(folder) / "cars" for folder in folders
                     if folder and (pathlib.Path(folder) / "cars").is_dir()), None)
        if cars is None:
            self.skipTest("no cars/ in SHALAB_DATA")
        models = meshes.models(cars)
        self.assertEqual(len(models), 30)
        self.assertEqual(len(render_views.bodies_of(models)), 20)
        renderer = rasteriser.Rasteriser(32, 2)
        for model in models:
            self.assertGreater(min(part.image.width for part in model.parts), 2)
            pictures = renderer.render(meshes.fitted(model.parts),
                                       cameras.views(4))
            covered = (pictures[..., 3] / 255).mean((1, 2))
            self.assertTrue((covered > 0.04).all() and (covered < 0.5).all(),
                            f"{model.name}: {covered}")


if __name__ == "__main__":
    unittest.main()
