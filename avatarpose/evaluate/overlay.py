"""People drawn over photos without a window: meshes, outlines, skeletons, keypoints, avatars.

Everything is drawn at twice the size and averaged down, so that edges are smooth and the photo
itself stays as it was, pixel by pixel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import BONES, SKEL19_LIMBS, Joint
from avatarpose.evaluate.lettering import Line, write_lines
from avatarpose.formats.pictures import distortion_maps
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rasteriser import rasterise
from avatarpose.scene.scene import Scene

Colour = tuple[int, int, int]

_FINER = 2  # drawn pixels per picture pixel, along each side
_SUBPIXEL_BITS = 4
_DARK = (18, 20, 24)
_PALE = (255, 255, 255)
_LIGHT_UP = 0.6  # share of light from above; the rest comes from the camera
_SHORTEST_OUTLINE_PX = 12
# The spine's joints between hips and chest would only clutter a small picture.
_DOTS = tuple(j for j in Joint if j not in (Joint.SPINE1, Joint.SPINE2, Joint.SPINE3))


@dataclass(frozen=True, slots=True, eq=False)
class DrawnPerson:
    """Somebody as they stand in one frame.

    Attributes:
        name: for legends.
        colour: RGB.
        vertices_world: surface (m).
        joints_world: SMPL joints (m).
        faces: triangles of the surface.
    """

    name: str
    colour: Colour
    vertices_world: Float[np.ndarray, "vertices 3"]
    joints_world: Float[np.ndarray, "joints=24 3"]
    faces: Int[np.ndarray, "faces 3"]


def drawn_people(
    scene: Scene, poses: Mapping[int, PoseSequence], index: int
) -> tuple[DrawnPerson, ...]:
    """Everybody who is present at a position of the time base."""
    people = []
    for pid, sequence in sorted(poses.items()):
        if not sequence.valid[index]:
            continue
        person = scene.person(pid)
        body = scene.body.posed_sequence(sequence, np.array([index]))
        people.append(
            DrawnPerson(
                person.name,
                person.colour,
                body.vertices_world[0].astype(np.float64),
                body.joints_world[0].astype(np.float64),
                scene.body.faces,
            )
        )
    return tuple(people)


class Overlay:
    """A photo that people are drawn on, one kind of thing after the other.

    Args:
        photo: the recorded, distorted picture; it is not changed.
        camera: its camera, resized to the photo's size.
    """

    def __init__(self, photo: UInt8[np.ndarray, "height width 3"], camera: Camera) -> None:
        self._camera = camera
        self._fine = camera.resized(camera.width * _FINER, camera.height * _FINER)
        self._canvas = np.ascontiguousarray(photo.repeat(_FINER, axis=0).repeat(_FINER, axis=1))
        # Widths follow the picture: 1 unit is a hair line at 480 lines.
        self._unit = _FINER * max(1.0, min(camera.width, camera.height) / 480)

    def picture(self) -> UInt8[np.ndarray, "height width 3"]:
        """What has been drawn so far."""
        size = (self._camera.width, self._camera.height)
        return cv2.resize(self._canvas, size, interpolation=cv2.INTER_AREA)

    def mesh(self, people: Sequence[DrawnPerson], opacity: float = 0.6) -> None:
        """Shaded surfaces that hide one another; the photo shines through.

        Args:
            people: who is drawn.
            opacity: 0 nothing is seen, 1 the photo is hidden.
        """
        if not people:
            return
        owner, shade = self._shaded(people)
        colours = np.array([person.colour for person in people], np.float32)
        seen = owner >= 0
        lit = colours[owner[seen]] * shade[seen, None]
        under = self._canvas[seen].astype(np.float32)
        self._canvas[seen] = np.clip(under * (1 - opacity) + lit * opacity, 0, 255)

    def _shaded(self, people: Sequence[DrawnPerson]) -> tuple[np.ndarray, np.ndarray]:
        """Per drawn pixel the place in `people` (-1: nobody) and the light on it."""
        faces, starts, first = [], [], 0
        for person in people:
            starts.append(sum(map(len, faces)))
            faces.append(person.faces + first)
            first += len(person.vertices_world)
        vertices = np.concatenate([person.vertices_world for person in people])
        normals = np.concatenate([_normals(person) for person in people])
        face, weights = self._rasterised(vertices, np.concatenate(faces))
        owner = np.where(face >= 0, np.searchsorted(starts, face, side="right") - 1, -1)
        towards_camera = -self._camera.camera_from_world[2, :3]
        light = _LIGHT_UP * np.array([0.0, 0.0, 1.0]) + (1 - _LIGHT_UP) * towards_camera
        light = light / np.linalg.norm(light)
        lit = (0.5 + 0.6 * np.clip(normals @ light, 0, 1)).astype(np.float32)
        shade = np.zeros(face.shape, np.float32)
        seen = face >= 0
        corners = np.concatenate(faces)[face[seen]]
        shade[seen] = (lit[corners] * weights[seen]).sum(-1)
        return owner, shade

    def _rasterised(self, vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pixels = self._fine.project(vertices).astype(np.float32)
        depth = self._fine.depth(vertices).astype(np.float32)
        face, _, weights = rasterise(pixels, depth, faces, self._fine.width, self._fine.height)
        return face, weights

    def outlines(self, people: Sequence[DrawnPerson]) -> None:
        """A line around each whole body, also where somebody else stands before it."""
        for person in people:
            face, _ = self._rasterised(person.vertices_world, person.faces)
            lines = _contours(face >= 0)
            self._polylines(lines, _DARK, 2.6)
            self._polylines(lines, person.colour, 1.5)

    def _polylines(self, lines: Sequence[np.ndarray], colour: Colour, width: float) -> None:
        thickness = max(1, round(width * self._unit))
        fixed = [np.round(line * 2**_SUBPIXEL_BITS).astype(np.int32) for line in lines]
        cv2.polylines(
            self._canvas, fixed, True, colour, thickness, cv2.LINE_AA, shift=_SUBPIXEL_BITS
        )

    def skeletons(self, people: Sequence[DrawnPerson]) -> None:
        """Bones of the model with dots at the joints; the left side paler than the right."""
        for person in people:
            pixels = self._fine.project(person.joints_world)
            for colour, width in ((_DARK, 4.2), (None, 2.4)):
                for a, b in BONES:
                    side = Joint(b).name.startswith("LEFT")
                    own = _mixed(person.colour, _PALE, 0.45) if side else person.colour
                    self._line(pixels[a], pixels[b], colour or own, width)
            for joint in _DOTS:
                self._dot(pixels[joint], _DARK, 2.9)
                self._dot(pixels[joint], _PALE, 1.9)

    def keypoints(self, xyc: Float[np.ndarray, "joints=19 3"], colour: Colour) -> None:
        """Detected joints as rings, thinner limbs between them; unsure ones are fainter.

        Args:
            xyc: pixel and confidence of the skel19 joints in the picture, NaN where missing.
            colour: of the person.
        """
        pixels = (xyc[:, :2].astype(np.float64) + 0.5) * _FINER - 0.5
        before = self._canvas.copy()
        for a, b in SKEL19_LIMBS:
            self._line(pixels[a], pixels[b], _DARK, 2.2)
            self._line(pixels[a], pixels[b], _mixed(colour, _PALE, 0.3), 1.0)
        for joint, pixel in enumerate(pixels):
            is_sure = xyc[joint, 2] >= 0.5
            self._ring(pixel, _DARK, 3.2, 2.6)
            self._ring(pixel, _PALE if is_sure else _mixed(colour, _DARK, 0.4), 3.2, 1.2)
        cv2.addWeighted(self._canvas, 0.9, before, 0.1, 0, self._canvas)

    def _at(self, pixel: np.ndarray) -> tuple[int, int] | None:
        """A point for OpenCV's fixed-point drawing; None where there is none, or far outside."""
        if not np.isfinite(pixel).all() or np.abs(pixel).max() > 2**20:
            return None
        x, y = np.round(pixel * 2**_SUBPIXEL_BITS).astype(int)
        return int(x), int(y)

    def _line(self, a: np.ndarray, b: np.ndarray, colour: Colour, width: float) -> None:
        start, end = self._at(a), self._at(b)
        if start is not None and end is not None:
            thickness = max(1, round(width * self._unit))
            cv2.line(self._canvas, start, end, colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)

    def _dot(self, pixel: np.ndarray, colour: Colour, radius: float) -> None:
        centre = self._at(pixel)
        if centre is not None:
            fixed = round(radius * self._unit * 2**_SUBPIXEL_BITS)
            cv2.circle(self._canvas, centre, fixed, colour, -1, cv2.LINE_AA, _SUBPIXEL_BITS)

    def _ring(self, pixel: np.ndarray, colour: Colour, radius: float, width: float) -> None:
        centre = self._at(pixel)
        if centre is not None:
            fixed = round(radius * self._unit * 2**_SUBPIXEL_BITS)
            thickness = max(1, round(width * self._unit))
            cv2.circle(self._canvas, centre, fixed, colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)

    def avatars(self, rgba: UInt8[np.ndarray, "height width 4"], opacity: float = 1.0) -> None:
        """Rendered people over the photo.

        Args:
            rgba: straight colour and opacity in the recorded picture (see `recorded`).
            opacity: 1 hides the photo where the avatars are.
        """
        size = (self._fine.width, self._fine.height)
        premultiplied = rgba[..., :3].astype(np.float32) * (rgba[..., 3:] / np.float32(255))
        colour = cv2.resize(premultiplied, size, interpolation=cv2.INTER_CUBIC)
        cover = cv2.resize(rgba[..., 3].astype(np.float32) / 255, size)[..., None]
        under = self._canvas.astype(np.float32)
        blended = under * (1 - cover * opacity) + colour * opacity
        self._canvas[:] = np.clip(np.round(blended), 0, 255)

    def captions(self, texts: Sequence[str]) -> None:
        """Short texts in the upper left corner, on a dark ground."""
        write_lines(self._canvas, [Line(text) for text in texts], self._unit, at_bottom=False)

    def legend(self, people: Sequence[DrawnPerson]) -> None:
        """Names with their colours in the lower left corner."""
        lines = [Line(person.name, person.colour) for person in people]
        write_lines(self._canvas, lines, self._unit, at_bottom=True)


def wide_ideal_camera(camera: Camera) -> tuple[Camera, np.ndarray, np.ndarray]:
    """An undistorted camera that sees all `camera` sees, and where recorded pixels lie in it.

    Returns:
        The ideal camera; x and y of every recorded pixel in its picture.
    """
    x, y = distortion_maps(camera)
    left, top = np.floor(x.min()), np.floor(y.min())
    width, height = int(np.ceil(x.max()) - left) + 1, int(np.ceil(y.max()) - top) + 1
    k = camera.pixel_from_camera.copy()
    k[:2, 2] -= (left, top)
    wide = Camera(camera.name, width, height, k, camera.camera_from_world)
    return wide, x - np.float32(left), y - np.float32(top)


def recorded(
    rgba: UInt8[np.ndarray, "height width 4"],
    x: Float[np.ndarray, "rows columns"],
    y: Float[np.ndarray, "rows columns"],
) -> UInt8[np.ndarray, "rows columns 4"]:
    """A picture of the ideal camera as the lens would record it, by the maps of that camera."""
    cover = rgba[..., 3:].astype(np.float32) / 255
    layers = np.concatenate([rgba[..., :3] * cover, 255 * cover], -1).astype(np.float32)
    bent = cv2.remap(layers, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    straight = bent[..., :3] * 255 / np.maximum(bent[..., 3:], 1e-3)
    return np.round(np.clip(np.concatenate([straight, bent[..., 3:]], -1), 0, 255)).astype(np.uint8)


def _normals(person: DrawnPerson) -> np.ndarray:
    """Unit normals of the vertices, weighted by area."""
    vertices, faces = person.vertices_world, person.faces
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    out = np.zeros_like(vertices)
    for corner in range(3):
        for axis in range(3):
            out[:, axis] += np.bincount(faces[:, corner], across[:, axis], len(vertices))
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)


def _contours(mask: np.ndarray) -> list[np.ndarray]:
    """Closed lines around a mask; a running mean takes the stairs of the raster out of them."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    lines = []
    for contour in found:
        if len(contour) < _SHORTEST_OUTLINE_PX:
            continue
        points = contour[:, 0].astype(np.float64)
        reach = 2
        wrapped = np.concatenate([points[-reach:], points, points[:reach]])
        count = len(points)
        lines.append(sum(wrapped[i : i + count] for i in range(2 * reach + 1)) / (2 * reach + 1))
    return lines


def _mixed(colour: Colour, other: Colour, share: float) -> Colour:
    """`colour` with a share of another."""
    red, green, blue = (
        round(a * (1 - share) + b * share) for a, b in zip(colour, other, strict=True)
    )
    return red, green, blue
