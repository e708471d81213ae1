"""What the 3D viewport is drawn with: one class per kind of thing, each a small OpenGL program.

All are drawn through a `Viewpoint`; sizes are in widget pixels, colours RGBA in 0 to 1.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8
from scipy import sparse
from vispy import gloo

from app.views import shaders
from app.views.orbit_camera import Viewpoint

CIRCLE, SQUARE, DIAMOND = 0, 1, 2
LIGHT_WORLD = np.array([-0.35, -0.25, 0.9], np.float32) / np.float32(
    np.linalg.norm([-0.35, -0.25, 0.9])
)
_CORNERS = np.array([[0, -1], [1, -1], [1, 1], [0, 1]], np.float32)
_QUAD = np.array([0, 1, 2, 0, 2, 3], np.uint32)
_SEGMENT = np.dtype(
    [
        ("a_start", np.float32, 3),
        ("a_end", np.float32, 3),
        ("a_colour", np.float32, 4),
        ("a_width", np.float32),
        ("a_corner", np.float32, 2),
    ]
)
_MARKER = np.dtype(
    [
        ("a_position", np.float32, 3),
        ("a_colour", np.float32, 4),
        ("a_edge", np.float32, 4),
        ("a_size", np.float32),
        ("a_shape", np.float32),
    ]
)
Colour = tuple[float, float, float, float]


class VertexNormals:
    """Normals of a surface whose triangles stay the same while its points move."""

    def __init__(self, faces: Int[np.ndarray, "faces 3"], vertex_count: int) -> None:
        self._faces = faces
        rows = faces.reshape(-1)
        columns = np.repeat(np.arange(len(faces)), 3)
        ones = np.ones(len(rows), np.float32)
        self._gather = sparse.csr_matrix((ones, (rows, columns)), (vertex_count, len(faces)))

    def __call__(
        self, vertices: Float[np.ndarray, "vertices 3"]
    ) -> Float[np.ndarray, "vertices 3"]:
        """Outward directions, weighted by area; not of unit length (the shader takes care)."""
        a, b, c = (vertices[self._faces[:, corner]] for corner in range(3))
        u, v = b - a, c - a
        across = np.empty_like(u)
        across[:, 0] = u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1]
        across[:, 1] = u[:, 2] * v[:, 0] - u[:, 0] * v[:, 2]
        across[:, 2] = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
        normals = np.asarray(self._gather @ across)
        length = np.sqrt(np.einsum("ij,ij->i", normals, normals))[:, None]
        return (normals / np.maximum(length, 1e-20)).astype(np.float32)


class BodyVisual:
    """A shaded surface; changing the pose only refills two vertex buffers."""

    def __init__(self, faces: Int[np.ndarray, "faces 3"], normals: VertexNormals) -> None:
        self._normals = normals
        self._program = gloo.Program(shaders.BODY_VERTEX, shaders.BODY_FRAGMENT)
        self._shadow = gloo.Program(shaders.SHADOW_VERTEX, shaders.PLAIN_FRAGMENT)
        self._triangles = gloo.IndexBuffer(np.ascontiguousarray(faces.astype(np.uint32)))
        self._points: gloo.VertexBuffer | None = None
        self._directions: gloo.VertexBuffer | None = None
        self._shown: np.ndarray | None = None

    def set_vertices(self, vertices: Float[np.ndarray, "vertices 3"]) -> None:
        """Show the surface with these points (m, world); the same memory again costs nothing."""
        if self._shown is not None and vertices.ctypes.data == self._shown.ctypes.data:
            return
        self._shown = vertices  # kept, so that its memory cannot be given to another array
        points = np.ascontiguousarray(vertices, np.float32)
        normals = self._normals(points)
        if self._points is None or self._directions is None:
            self._points, self._directions = gloo.VertexBuffer(points), gloo.VertexBuffer(normals)
            self._program["a_position"] = self._points
            self._program["a_normal"] = self._directions
            self._shadow["a_position"] = self._points
        else:
            self._points.set_data(points)
            self._directions.set_data(normals)

    def draw(self, view: Viewpoint, colour: Colour, rim: float) -> None:
        """Draw it; translucent ones show their nearest surface only."""
        program = self._program
        program["u_clip_from_world"] = view.clip_from_world.T.astype(np.float32)
        program["u_eye"] = view.eye_world.astype(np.float32)
        light = LIGHT_WORLD - 0.5 * view.forward_world - 0.25 * view.right_world
        program["u_light"] = (light / np.linalg.norm(light)).astype(np.float32)
        program["u_rim"] = rim
        program["u_colour"] = colour
        gloo.set_state(depth_test=True, blend=colour[3] < 1, cull_face=True)
        gloo.set_depth_func("lequal")
        if colour[3] < 1:
            gloo.set_color_mask(False, False, False, False)
            program.draw("triangles", self._triangles)
            gloo.set_color_mask(True, True, True, True)
        program.draw("triangles", self._triangles)

    def draw_shadow(self, view: Viewpoint, colour: Colour) -> None:
        """The shadow it casts on the floor, in one flat colour."""
        self._shadow["u_clip_from_world"] = view.clip_from_world.T.astype(np.float32)
        self._shadow["u_light"] = LIGHT_WORLD
        self._shadow["u_colour"] = colour
        gloo.set_state(depth_test=False, blend=False, cull_face=True)
        self._shadow.draw("triangles", self._triangles)


class SegmentsVisual:
    """Straight lines of any width with smooth edges."""

    def __init__(self) -> None:
        self._program = gloo.Program(shaders.SEGMENT_VERTEX, shaders.SEGMENT_FRAGMENT)
        self._buffer: gloo.VertexBuffer | None = None
        self._triangles: gloo.IndexBuffer | None = None
        self._count = 0

    def set_segments(
        self,
        starts: Float[np.ndarray, "segments 3"],
        ends: Float[np.ndarray, "segments 3"],
        colours: Float[np.ndarray, "segments 4"],
        widths_px: Float[np.ndarray, " segments"],
    ) -> None:
        """Replace all lines."""
        count = len(starts)
        corners = np.zeros((count, 4), _SEGMENT)
        corners["a_start"], corners["a_end"] = starts[:, None], ends[:, None]
        corners["a_colour"], corners["a_width"] = colours[:, None], widths_px[:, None]
        corners["a_corner"] = _CORNERS
        flat = corners.reshape(-1)
        if count and count == self._count and self._buffer is not None:
            self._buffer.set_data(flat)
        elif count:
            self._buffer = gloo.VertexBuffer(flat)
            self._program.bind(self._buffer)
            order = np.arange(count, dtype=np.uint32)[:, None] * 4 + _QUAD
            self._triangles = gloo.IndexBuffer(order.reshape(-1))
        self._count = count

    def draw(
        self,
        view: Viewpoint,
        scale: float,
        *,
        depth_test: bool = True,
        fade: Colour = (0.0, 0.0, 0.0, 0.0),
    ) -> None:
        """Draw all lines.

        Args:
            view: what they are seen through.
            scale: device pixels per widget pixel.
            depth_test: hide what lies behind surfaces drawn before.
            fade: centre x, y (m) and the radii (m) between which lines vanish.
        """
        if not self._count or self._triangles is None:
            return
        self._program["u_clip_from_world"] = view.clip_from_world.T.astype(np.float32)
        self._program["u_size"] = (view.width * scale, view.height * scale)
        self._program["u_scale"] = scale
        self._program["u_fade"] = fade
        _blend(depth_test)
        self._program.draw("triangles", self._triangles)


@dataclass(frozen=True, slots=True, eq=False)
class Markers:
    """Points on screen: position (m), fill, edge, diameter (px), shape."""

    positions: Float[np.ndarray, "points 3"]
    fills: Float[np.ndarray, "points 4"]
    edges: Float[np.ndarray, "points 4"]
    sizes_px: Float[np.ndarray, " points"]
    shapes: Int[np.ndarray, " points"]


class MarkersVisual:
    """Circles, squares and diamonds of constant size on screen."""

    def __init__(self) -> None:
        self._program = gloo.Program(shaders.MARKER_VERTEX, shaders.MARKER_FRAGMENT)
        self._buffer: gloo.VertexBuffer | None = None
        self._count = 0

    def set_markers(self, markers: Markers) -> None:
        """Replace all points."""
        count = len(markers.positions)
        packed = np.zeros(count, _MARKER)
        packed["a_position"], packed["a_colour"] = markers.positions, markers.fills
        packed["a_edge"], packed["a_size"] = markers.edges, markers.sizes_px
        packed["a_shape"] = markers.shapes
        if count and count == self._count and self._buffer is not None:
            self._buffer.set_data(packed)
        elif count:
            self._buffer = gloo.VertexBuffer(packed)
            self._program.bind(self._buffer)
        self._count = count

    def draw(self, view: Viewpoint, scale: float, *, depth_test: bool = False) -> None:
        """Draw all points."""
        if not self._count:
            return
        self._program["u_clip_from_world"] = view.clip_from_world.T.astype(np.float32)
        self._program["u_scale"] = scale
        _blend(depth_test)
        self._program.draw("points")


class PictureVisual:
    """A picture in a rectangle of the widget: a photo behind everything, or text before it."""

    def __init__(self) -> None:
        self._program = gloo.Program(shaders.PICTURE_VERTEX, shaders.PICTURE_FRAGMENT)
        self._program["a_corner"] = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
        self._texture: gloo.Texture2D | None = None
        self._shown: np.ndarray | None = None

    def set_picture(self, rgba: UInt8[np.ndarray, "height width channels"]) -> None:
        """Show other pixels (RGB or RGBA); the same array again costs nothing."""
        if rgba is self._shown:
            return
        self._shown = rgba
        pixels = np.ascontiguousarray(rgba)
        if self._texture is None or self._texture.shape != pixels.shape:
            self._texture = gloo.Texture2D(pixels, interpolation="linear")
            self._program["u_picture"] = self._texture
        else:
            self._texture.set_data(pixels)

    def draw(
        self,
        view: Viewpoint,
        rectangle: tuple[float, float, float, float],
        opacity: float,
        *,
        depth: float | None = None,
    ) -> None:
        """Draw it at left, top, width, height (widget pixels).

        Args:
            view: what is drawn through.
            rectangle: its place.
            opacity: 0 to 1.
            depth: normalised device coordinate at which surfaces drawn before hide it; None puts
                it over them.
        """
        if self._texture is None:
            return
        left, top, wide, high = rectangle
        across, down = 2 / view.width, 2 / view.height
        self._program["u_rectangle"] = (
            left * across - 1,
            1 - (top + high) * down,
            (left + wide) * across - 1,
            1 - top * down,
        )
        self._program["u_opacity"] = opacity
        self._program["u_depth"] = 0.0 if depth is None else depth
        _blend(depth_test=depth is not None)
        self._program.draw("triangle_strip")


def _blend(depth_test: bool) -> None:
    gloo.set_state(depth_test=depth_test, blend=True, cull_face=False)
    gloo.set_blend_func("src_alpha", "one_minus_src_alpha", "zero", "one")
    if depth_test:
        gloo.set_depth_func("lequal")
