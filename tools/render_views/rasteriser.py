"""Pictures of textured triangles by OpenGL without a display.

Mesa's llvmpipe draws where there is no GPU. Back faces are culled: some bodies
have an inner and an outer shell that would otherwise flicker.
"""

import moderngl
import numpy

VERTEX_SHADER = """
#version 330
uniform mat4 to_clip;
in vec3 position;
in vec3 normal;
in vec2 uv;
out vec3 world_normal;
out vec2 texture_uv;
void main() {
  world_normal = normal;
  texture_uv = uv;
  gl_Position = to_clip * vec4(position, 1.0);
}
"""

# Light of a pale sky and one lamp, fixed to the world, so that all views of an
# object show one lit object. Texels that are nearly transparent are holes.
FRAGMENT_SHADER = """
#version 330
uniform sampler2D image;
uniform mat3 recolouring;
in vec3 world_normal;
in vec2 texture_uv;
out vec4 colour;
const vec3 kLamp = normalize(vec3(0.5, 0.35, 0.8));
void main() {
  vec4 texel = texture(image, texture_uv);
  if (texel.a < 0.2) discard;
  vec3 n = normalize(world_normal);
  float sky = 0.5 + 0.5 * n.z;
  float light = 0.5 + 0.15 * sky + 0.35 * max(0.0, dot(n, kLamp));
  vec3 paint = clamp(recolouring * texel.rgb, 0.0, 1.0);
  colour = vec4(light * paint, 1.0);
}
"""


def make_context():
    libraries = {"libgl": "libGL.so.1", "libegl": "libEGL.so.1"}
    try:
        return moderngl.create_context(
            standalone=True, backend="egl", require=330, **libraries)
    except Exception as error:
        raise SystemExit(
            f"render_views: no OpenGL 3.3 without a display: {error}\n"
            "hint: run tools/render_views/setup; it installs Mesa's renderer")


class Rasteriser:
    """Draws pictures of size x size pixels, each the mean of samples x samples
    points."""

    def __init__(self, size, samples=4):
        self.size, self.samples = size, samples
        self.context = make_context()
        self.context.enable(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        self.program = self.context.program(VERTEX_SHADER, FRAGMENT_SHADER)
        side = size * samples
        self.frame = self.context.framebuffer(
            [self.context.texture((side, side), 4)],
            self.context.depth_renderbuffer((side, side)))
        self.textures = {}

    def name(self):
        return self.context.info["GL_RENDERER"]

    def texture(self, image):
        key = id(image)
        if key not in self.textures:
            pixels = image.convert("RGBA").transpose(1)  # row 0 at the bottom
            texture = self.context.texture(pixels.size, 4, pixels.tobytes())
            texture.build_mipmaps()
            self.textures[key] = (texture, image)
        return self.textures[key][0]

    def forget_textures(self):
        for texture, _ in self.textures.values():
            texture.release()
        self.textures = {}

    def render(self, parts, to_clip, recolouring=numpy.eye(3)):
        """uint8 [view, size, size, 4], straight alpha, for each 4 x 4 matrix of
        `to_clip`. `recolouring` maps the texture's RGB in 0 .. 1."""
        self.program["recolouring"].write(column_major(recolouring))
        arrays = [self.upload(part) for part in parts]
        pictures = [self.draw(arrays, parts, matrix) for matrix in to_clip]
        for array, buffers in arrays:
            for resource in (array, *buffers):
                resource.release()
        return numpy.stack(pictures)

    def upload(self, part):
        attributes = numpy.concatenate(
            [part.vertices, part.normals, part.uv], axis=1).astype("f4")
        vertices = self.context.buffer(attributes.tobytes())
        faces = self.context.buffer(
            numpy.ascontiguousarray(part.faces, "i4").tobytes())
        array = self.context.vertex_array(
            self.program, [(vertices, "3f 3f 2f", "position", "normal", "uv")],
            faces)
        return array, (vertices, faces)

    def draw(self, arrays, parts, to_clip):
        self.frame.use()
        self.context.clear(0.0, 0.0, 0.0, 0.0)
        self.program["to_clip"].write(column_major(to_clip))
        for (array, _), part in zip(arrays, parts):
            self.texture(part.image).use()
            array.render()
        side = self.size * self.samples
        points = numpy.frombuffer(self.frame.read(components=4), "u1")
        points = points.reshape(side, side, 4)[::-1]
        return averaged(points, self.samples)


def column_major(matrix):
    return numpy.ascontiguousarray(numpy.asarray(matrix).T, "f4").tobytes()


def averaged(points, samples):
    """Means of samples x samples points. Points are covered or empty; a pixel's
    colour is the mean of its covered ones, its alpha their share."""
    size = points.shape[0] // samples
    cells = points.reshape(size, samples, size, samples, 4).astype("f8")
    covered = cells[..., 3:] / 255
    share = covered.mean((1, 3))
    colour = (cells[..., :3] * covered).mean((1, 3)) / numpy.maximum(share, 1e-9)
    pixels = numpy.concatenate([colour, 255 * share], axis=2)
    return numpy.floor(pixels + 0.5).astype("u1")
