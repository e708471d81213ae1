"""Draws the 3D viewport: floor, cameras, bodies, skeletons, gizmo and words, in this order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter
from vispy import gloo

from app.views.gizmo import VIEW_RING_PX
from app.views.gizmo_lines import AXIS_COLOURS, GizmoLook, Lines, arrow_lines, ring_lines
from app.views.look import Look
from app.views.orbit_camera import Viewpoint
from app.views.picking import frustum_lines
from app.views.visuals import (
    CIRCLE,
    DIAMOND,
    SQUARE,
    BodyVisual,
    Markers,
    MarkersVisual,
    PictureVisual,
    SegmentsVisual,
    VertexNormals,
)
from avatarpose.body.skeleton import BONES, Joint
from avatarpose.body.smpl import SmplModel
from avatarpose.geometry.camera import Camera

FLOOR_REACH_M = 6.0
FLOOR_STEP_M = 0.5
SHAPE_OF_JOINT = np.array(
    [
        CIRCLE
        if joint.name.startswith("LEFT")
        else SQUARE
        if joint.name.startswith("RIGHT")
        else DIAMOND
        for joint in Joint
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class ShownBody:
    """One person as the viewport shows them.

    Attributes:
        pid: identity.
        colour: RGB in 0 to 1.
        vertices: surface to draw (m); None leaves it out.
        joints: skeleton to draw (m); None leaves it out.
        opacity: of the surface.
        is_active: brighter, with larger joints.
        is_dimmed: hardly there (somebody else is solo).
        is_live: as a run in progress sees them.
    """

    pid: int
    colour: tuple[float, float, float]
    vertices: Float[np.ndarray, "vertices 3"] | None
    joints: Float[np.ndarray, "joints 3"] | None
    opacity: float = 1.0
    is_active: bool = False
    is_dimmed: bool = False
    is_live: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Backdrop:
    """A photo behind the bodies: undistorted pixels and where they lie in the widget."""

    pixels: UInt8[np.ndarray, "height width channels"]
    rectangle: tuple[float, float, float, float]
    opacity: float


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Everything that is to be seen at one moment."""

    bodies: tuple[ShownBody, ...] = ()
    cameras: tuple[Camera, ...] = ()
    active_camera: str | None = None
    hovered_camera: str | None = None
    selected: tuple[int, int] | None = None
    hovered: tuple[int, int] | None = None
    frustum_m: float = 0.3
    has_floor: bool = True
    backdrops: tuple[Backdrop, ...] = ()
    gizmo: GizmoLook | None = None


class ViewportPainter:
    """Owns what lies on the graphics card; `draw` needs its context to be current."""

    def __init__(self) -> None:
        self._bodies: dict[tuple[int, bool], BodyVisual] = {}
        self._model: SmplModel | None = None
        self._normals: VertexNormals | None = None
        self._floor = SegmentsVisual()
        self._floor_look: Look | None = None
        self._frusta = SegmentsVisual()
        self._frusta_key: tuple | None = None
        self._bones = SegmentsVisual()
        self._joints = MarkersVisual()
        self._gizmo_back, self._gizmo_front = SegmentsVisual(), SegmentsVisual()
        self._photos: list[PictureVisual] = []
        self._words: dict[tuple[str, tuple[float, float, float], float], _Word] = {}

    def set_model(self, model: SmplModel) -> None:
        """Take the triangles of another body model."""
        if model is not self._model:
            self._model = model
            self._normals = VertexNormals(model.faces, model.vertex_count)
            self._bodies.clear()

    def draw(self, view: Viewpoint, scale: float, picture: Picture, look: Look) -> None:
        """Draw everything; `scale` is device pixels per widget pixel."""
        gloo.set_viewport(0, 0, round(view.width * scale), round(view.height * scale))
        gloo.set_state(depth_test=True, blend=False)
        gloo.set_depth_mask(True)
        gloo.clear(color=(*look.background, 1.0), depth=True)
        self._draw_backdrops(view, picture)
        if picture.has_floor:
            self._draw_floor(view, scale, picture, look)
        self._draw_cameras(view, scale, picture, look)
        self._draw_bodies(view, picture, look)
        self._draw_camera_names(view, scale, picture, look)
        gloo.clear(color=False, depth=True)
        self._draw_skeletons(view, scale, picture, look)
        if picture.gizmo is not None:
            self._draw_gizmo(view, scale, picture.gizmo, look)
        self._draw_words(view, scale, picture, look)

    def _draw_backdrops(self, view: Viewpoint, picture: Picture) -> None:
        while len(self._photos) < len(picture.backdrops):
            self._photos.append(PictureVisual())
        for visual, backdrop in zip(self._photos, picture.backdrops, strict=False):
            visual.set_picture(backdrop.pixels)
            visual.draw(view, backdrop.rectangle, backdrop.opacity)

    def _draw_floor(self, view: Viewpoint, scale: float, picture: Picture, look: Look) -> None:
        if look is not self._floor_look:
            self._floor_look = look
            self._floor.set_segments(*_floor_lines(look))
        is_over_photo = bool(picture.backdrops)
        if view.eye_world[2] > 0 and not is_over_photo:
            for body in picture.bodies:
                visual = self._bodies.get((body.pid, body.is_live))
                if visual is not None and body.vertices is not None and not body.is_dimmed:
                    visual.set_vertices(body.vertices)
                    visual.draw_shadow(view, (*look.shadow, 1.0))
        self._floor.draw(view, scale, fade=(0.0, 0.0, 2.0, FLOOR_REACH_M))

    def _draw_cameras(self, view: Viewpoint, scale: float, picture: Picture, look: Look) -> None:
        if not picture.cameras:
            return
        key = (
            tuple(id(camera) for camera in picture.cameras), picture.frustum_m,
            picture.active_camera, picture.hovered_camera, look,
        )  # fmt: skip
        if key != self._frusta_key:
            self._frusta_key = key
            self._fill_frusta(picture, look)
        self._frusta.draw(view, scale)

    def _fill_frusta(self, picture: Picture, look: Look) -> None:
        lines = [frustum_lines(camera, picture.frustum_m) for camera in picture.cameras]
        colours, widths = [], []
        for camera, (starts, _) in zip(picture.cameras, lines, strict=True):
            is_hovered = camera.name == picture.hovered_camera
            is_active = camera.name == picture.active_camera
            rgb = look.accent if is_active or is_hovered else look.ink
            alpha = 1.0 if is_hovered else 0.9 if is_active else 0.62
            colours.append(np.tile([*rgb, alpha], (len(starts), 1)))
            widths.append(np.full(len(starts), 2.2 if is_hovered else 1.6 if is_active else 1.2))
        self._frusta.set_segments(
            np.concatenate([starts for starts, _ in lines]),
            np.concatenate([ends for _, ends in lines]),
            np.concatenate(colours),
            np.concatenate(widths),
        )

    def _draw_bodies(self, view: Viewpoint, picture: Picture, look: Look) -> None:
        assert self._normals is not None or not picture.bodies
        shown = [body for body in picture.bodies if body.vertices is not None]
        for body in sorted(shown, key=lambda body: (body.is_dimmed, -_distance(view, body))):
            key = (body.pid, body.is_live)
            if key not in self._bodies and self._model is not None and self._normals is not None:
                self._bodies[key] = BodyVisual(self._model.faces, self._normals)
            visual = self._bodies[key]
            assert body.vertices is not None
            visual.set_vertices(body.vertices)
            rgb = np.asarray(body.colour)
            if not body.is_active:
                grey = rgb.mean()
                rgb = 0.86 * (0.82 * rgb + 0.18 * grey)
            opacity = 0.16 if body.is_dimmed else body.opacity
            rim = look.rim * (1.0 if body.is_active else 0.6) + (0.25 if body.is_live else 0.0)
            visual.draw(view, (float(rgb[0]), float(rgb[1]), float(rgb[2]), opacity), rim)

    def _draw_skeletons(self, view: Viewpoint, scale: float, picture: Picture, look: Look) -> None:
        shown = [body for body in picture.bodies if body.joints is not None]
        if not shown:
            return
        pairs = np.array(BONES)
        size = _skeleton_size(view, shown)
        starts, ends, colours, widths = [], [], [], []
        for body in shown:
            assert body.joints is not None
            rgb = np.asarray(body.colour)
            bright = rgb + (1 - rgb) * (0.45 if body.is_active else 0.15)
            alpha = 0.14 if body.is_dimmed else 0.95 if body.is_active else 0.7
            width = size * (2.6 if body.is_active else 2.0)
            for colour, strength, more in ((look.halo, 0.55 * alpha, 2.2), (bright, alpha, 0.0)):
                starts.append(body.joints[pairs[:, 0]])
                ends.append(body.joints[pairs[:, 1]])
                colours.append(np.tile([*colour, strength], (len(pairs), 1)))
                widths.append(np.full(len(pairs), width + size * more))
        self._bones.set_segments(
            np.concatenate(starts), np.concatenate(ends), np.concatenate(colours),
            np.concatenate(widths),
        )  # fmt: skip
        self._bones.draw(view, scale, depth_test=False)
        self._joints.set_markers(_joint_markers(shown, picture, look, size))
        self._joints.draw(view, scale)

    def _draw_gizmo(self, view: Viewpoint, scale: float, gizmo: GizmoLook, look: Look) -> None:
        back, front = ring_lines(gizmo, look) if gizmo.is_rotation else arrow_lines(gizmo, look)
        for visual, lines in ((self._gizmo_back, back), (self._gizmo_front, front)):
            visual.set_segments(*lines)
            visual.draw(view, scale, depth_test=False)

    def _draw_camera_names(
        self, view: Viewpoint, scale: float, picture: Picture, look: Look
    ) -> None:
        """The names hide behind bodies as the cameras do."""
        for camera in picture.cameras:
            at = view.project(camera.centre_world)
            if np.isfinite(at).all():
                is_marked = camera.name in (picture.active_camera, picture.hovered_camera)
                rgb = look.accent if is_marked else look.ink
                to_eye = view.eye_world - camera.centre_world
                nearer = 1.5 * picture.frustum_m / max(float(np.linalg.norm(to_eye)), 1e-6)
                in_front = camera.centre_world + min(nearer, 0.5) * to_eye
                clip = view.clip_from_world @ np.append(in_front, 1.0)
                depth = float(clip[2] / clip[3])
                self._draw_word(view, scale, camera.name, rgb, look, at[0], at[1] - 15, depth)

    def _draw_words(self, view: Viewpoint, scale: float, picture: Picture, look: Look) -> None:
        if picture.gizmo is not None and picture.gizmo.readout:
            at = view.project(picture.gizmo.place.centre_world)
            if np.isfinite(at).all():
                reach = VIEW_RING_PX * picture.gizmo.place.size + 20
                self._draw_word(
                    view, scale, picture.gizmo.readout, look.ink, look, at[0], at[1] - reach
                )

    def _draw_word(
        self,
        view: Viewpoint,
        scale: float,
        text: str,
        rgb: tuple[float, float, float],
        look: Look,
        x: float,
        y: float,
        depth: float | None = None,
    ) -> None:
        """Words centred at a widget position; the textures of recent words are kept."""
        key = (text, rgb, scale)
        if key not in self._words:
            if len(self._words) > 64:
                self._words.clear()
            self._words[key] = _Word(text, rgb, look, scale)
        word = self._words[key]
        left, top = round(x - 0.5 * word.width), round(y - 0.5 * word.height)
        rectangle = (float(left), float(top), word.width, word.height)
        word.visual.draw(view, rectangle, 1.0, depth=depth)


class _Word:
    """A short text as a texture: ink on a rounded, half transparent ground."""

    def __init__(
        self, text: str, rgb: tuple[float, float, float], look: Look, scale: float
    ) -> None:
        font = QFont()
        font.setPixelSize(12)
        font.setWeight(QFont.Weight.DemiBold)
        metrics = QFontMetricsF(font)
        self.width = float(np.ceil(metrics.horizontalAdvance(text)) + 10)
        self.height = float(np.ceil(metrics.height()) + 3)
        device = QImage(
            round(self.width * scale), round(self.height * scale), QImage.Format.Format_RGBA8888
        )
        device.setDevicePixelRatio(scale)
        device.fill(Qt.GlobalColor.transparent)
        painter = QPainter(device)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = QColor.fromRgbF(*look.halo, 0.66)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(QRectF(0, 0, self.width, self.height), 4.0, 4.0)
        painter.setFont(font)
        painter.setPen(QColor.fromRgbF(*rgb))
        painter.drawText(QPointF(5.0, 1.5 + metrics.ascent()), text)
        painter.end()
        packed = np.frombuffer(device.constBits(), np.uint8)
        packed = packed.reshape(device.height(), device.bytesPerLine() // 4, 4)
        self.visual = PictureVisual()
        self.visual.set_picture(packed[:, : device.width()].copy())


def _distance(view: Viewpoint, body: ShownBody) -> float:
    assert body.vertices is not None
    return float(np.linalg.norm(body.vertices[::97].mean(axis=0) - view.eye_world))


def _floor_lines(look: Look) -> Lines:
    """Half-metre squares on the floor, whole metres stronger, and the two axes."""
    steps = np.arange(-FLOOR_REACH_M, FLOOR_REACH_M + 0.01, FLOOR_STEP_M)
    starts, ends, colours, widths = [], [], [], []
    pieces = np.linspace(-FLOOR_REACH_M, FLOOR_REACH_M, 7)  # short pieces fade smoothly
    for axis in (0, 1):
        for at in steps:
            is_axis, is_metre = abs(at) < 1e-9, abs(at - round(at)) < 1e-9
            line = np.zeros((len(pieces), 3))
            line[:, axis], line[:, 1 - axis] = pieces, at
            rgb = AXIS_COLOURS[axis] if is_axis else np.asarray(look.grid)
            alpha = 0.85 if is_axis else 0.42 if is_metre else 0.18
            starts.append(line[:-1])
            ends.append(line[1:])
            colours.append(np.tile([*rgb, alpha], (len(pieces) - 1, 1)))
            widths.append(np.full(len(pieces) - 1, 1.8 if is_axis else 1.1))
    up = np.array([[0.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 0.35]])
    starts.append(up[0])
    ends.append(up[1])
    colours.append(np.array([[*AXIS_COLOURS[2], 0.9]]))
    widths.append(np.array([1.8]))
    return (
        np.concatenate(starts), np.concatenate(ends), np.concatenate(colours),
        np.concatenate(widths),
    )  # fmt: skip


def _skeleton_size(view: Viewpoint, shown: Sequence[ShownBody]) -> float:
    """Share of the usual size of joints and bones: far away they must not hide each other."""
    pelves = np.array([body.joints[0] for body in shown if body.joints is not None])
    depth = float(np.median(view.depth(pelves)))
    pixels_per_metre = view.pixel_from_camera[1, 1] / max(depth, 0.1)
    return float(np.clip(pixels_per_metre / 220, 0.6, 1.0))


def _joint_markers(
    shown: Sequence[ShownBody], picture: Picture, look: Look, scale: float
) -> Markers:
    positions, fills, edges, sizes = [], [], [], []
    for body in shown:
        assert body.joints is not None
        rgb = np.asarray(body.colour)
        alpha = 0.2 if body.is_dimmed else 1.0 if body.is_active else 0.85
        bright = rgb + (1 - rgb) * (0.3 if body.is_active else 0.0)
        fill = np.tile([*bright, alpha], (24, 1))
        edge = np.tile([*look.halo, alpha], (24, 1))
        size = np.full(24, scale * (10.0 if body.is_active else 8.0))
        if picture.hovered is not None and picture.hovered[0] == body.pid:
            size[picture.hovered[1]] += 5.0
            edge[picture.hovered[1]] = (*look.accent, 1.0)
        if picture.selected is not None and picture.selected[0] == body.pid:
            fill[picture.selected[1]] = (1.0, 1.0, 1.0, 1.0)
            edge[picture.selected[1]] = (*look.accent, 1.0)
            size[picture.selected[1]] = max(8.0 + 7.0 * scale, size[picture.selected[1]])
        positions.append(body.joints)
        fills.append(fill)
        edges.append(edge)
        sizes.append(size)
    return Markers(
        np.concatenate(positions), np.concatenate(fills), np.concatenate(edges),
        np.concatenate(sizes), np.tile(SHAPE_OF_JOINT, len(shown)),
    )  # fmt: skip
