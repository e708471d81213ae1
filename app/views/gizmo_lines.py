"""The gizmo as coloured lines: rotation rings with the angle turned, and move arrows."""

from dataclasses import dataclass

import numpy as np

from app.views.gizmo import (
    ARROW_PX,
    AXIS_HANDLES,
    PLANE_HALF_PX,
    PLANE_HANDLES,
    RING_PX,
    VIEW_RING_PX,
    GizmoPlace,
    Handle,
    perpendicular_pair,
    plane_offset,
)
from app.views.look import Look

AXIS_COLOURS = np.array([[0.93, 0.33, 0.36], [0.49, 0.76, 0.28], [0.30, 0.58, 0.96]])
HELD_COLOUR = np.array([1.0, 0.86, 0.35])
Lines = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # starts, ends, colours, widths


@dataclass(frozen=True, slots=True, eq=False)
class GizmoLook:
    """The gizmo to draw."""

    place: GizmoPlace
    is_rotation: bool
    handle: Handle | None
    angle_rad: float
    readout: str
    is_held: bool
    twist: Handle | None = None  # the ring that turns a limb about its own length


class _LineList:
    """Collects lines of different colours and widths."""

    def __init__(self) -> None:
        self._parts: list[Lines] = []

    def add(self, starts: np.ndarray, ends: np.ndarray, colour: np.ndarray, width: float) -> None:
        count = len(starts)
        self._parts.append((starts, ends, np.tile(colour, (count, 1)), np.full(count, width)))

    def polyline(self, points: np.ndarray, colour: np.ndarray, width: float) -> None:
        self.add(points[:-1], points[1:], colour, width)

    @property
    def lines(self) -> Lines:
        if not self._parts:
            return np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 4)), np.zeros(0)
        columns = zip(*self._parts, strict=True)
        starts, ends, colours, widths = (np.concatenate(column) for column in columns)
        return starts, ends, colours, widths


def ring_lines(gizmo: GizmoLook, look: Look) -> tuple[Lines, Lines]:
    """Far halves faint, near halves strong; while one is turned, the others step back."""
    place, back, front = gizmo.place, _LineList(), _LineList()
    back.polyline(_circle(place, RING_PX), np.array([*look.ink, 0.16]), 1.2)
    for handle in (*AXIS_HANDLES, Handle.VIEW):
        is_marked = handle is gizmo.handle
        if gizmo.is_held and not is_marked and gizmo.handle is not Handle.BALL:
            strength = 0.22
        else:
            strength = 1.0
        rgb = np.asarray(look.ink) * 0.9 if handle is Handle.VIEW else AXIS_COLOURS[handle.value]
        if is_marked:
            rgb = HELD_COLOUR
        ring = place.ring(handle)
        near = place.faces_viewer(0.5 * (ring[:-1] + ring[1:])) | (handle is Handle.VIEW)
        width = 1.6 if handle is Handle.VIEW else 3.8 if handle is gizmo.twist else 2.4
        width = 4.6 if is_marked else width
        back.add(ring[:-1][~near], ring[1:][~near], np.array([*rgb, 0.16 * strength]), 1.4)
        front.add(
            ring[:-1][near], ring[1:][near], np.array([*look.halo, 0.5 * strength]), width + 2
        )
        front.add(ring[:-1][near], ring[1:][near], np.array([*rgb, 0.95 * strength]), width)
    if gizmo.is_held and gizmo.handle is not None and gizmo.handle is not Handle.BALL:
        _add_turned_sector(gizmo, back, front)
    return back.lines, front.lines


def _circle(place: GizmoPlace, radius_px: float) -> np.ndarray:
    across, along = perpendicular_pair(place.axis_world(Handle.VIEW))
    angles = np.linspace(0.0, 2 * np.pi, 65)[:, None]
    ring = np.cos(angles) * across + np.sin(angles) * along
    return place.centre_world + radius_px * place.metres_per_pixel * ring


def _add_turned_sector(gizmo: GizmoLook, back: _LineList, front: _LineList) -> None:
    """How far the held ring is turned: a fan from where it was to where it is."""
    place, handle = gizmo.place, gizmo.handle
    assert handle is not None
    axis = place.axis_world(handle)
    across, along = perpendicular_pair(axis)
    start = -place.sight_world - axis * float(-place.sight_world @ axis)
    length = float(np.linalg.norm(start))
    start = start / length if length > 1e-3 else across
    side = np.cross(axis, start) if length > 1e-3 else along
    radius = (VIEW_RING_PX if handle is Handle.VIEW else RING_PX) * place.metres_per_pixel
    turned = float(np.clip(gizmo.angle_rad, -2 * np.pi, 2 * np.pi))
    angles = np.linspace(0.0, turned, max(3, int(abs(turned) / 0.03)))[:, None]
    arc = place.centre_world + radius * (np.cos(angles) * start + np.sin(angles) * side)
    centre = np.broadcast_to(place.centre_world, arc.shape)
    back.add(centre, arc, np.array([*HELD_COLOUR, 0.12]), 3.0)
    front.polyline(arc, np.array([1.0, 1.0, 1.0, 1.0]), 4.4)
    ends = arc[[0, -1]]
    front.add(centre[:2], ends, np.array([1.0, 1.0, 1.0, 0.85]), 1.6)


def arrow_lines(gizmo: GizmoLook, look: Look) -> tuple[Lines, Lines]:
    """Three arrows, three corner squares and a ring in the picture's plane."""
    place, back, front = gizmo.place, _LineList(), _LineList()
    unit = place.metres_per_pixel
    for handle in AXIS_HANDLES:
        is_marked = handle is gizmo.handle
        strength = 1.0 if is_marked or not gizmo.is_held else 0.25
        rgb = HELD_COLOUR if is_marked else AXIS_COLOURS[handle.value]
        axis = place.axis_world(handle)
        tip = place.centre_world + ARROW_PX * unit * axis
        base = place.centre_world + 10 * unit * axis
        width = 4.0 if is_marked else 2.6
        front.add(base[None], tip[None], np.array([*look.halo, 0.5 * strength]), width + 2)
        front.add(base[None], tip[None], np.array([*rgb, strength]), width)
        sideways = np.cross(axis, place.sight_world)
        length = float(np.linalg.norm(sideways))
        if length > 0.1:
            barb = sideways / length * 6 * unit
            root = tip - 13 * unit * axis
            for share in np.linspace(-1, 1, 7):
                front.add((root + share * barb)[None], tip[None], np.array([*rgb, strength]), 2.4)
    for row, handle in enumerate(PLANE_HANDLES):
        is_marked = handle is gizmo.handle
        strength = 1.0 if is_marked or not gizmo.is_held else 0.25
        rgb = HELD_COLOUR if is_marked else AXIS_COLOURS[row]
        others = [axis for axis in range(3) if axis != row]
        u, v = (place.axes_world[:, axis] * PLANE_HALF_PX * unit for axis in others)
        middle = place.centre_world + unit * plane_offset(place, row)
        square = np.stack(
            [middle - u - v, middle + u - v, middle + u + v, middle - u + v, middle - u - v]
        )
        front.polyline(square, np.array([*rgb, 0.9 * strength]), 2.8 if is_marked else 1.8)
    rgb = HELD_COLOUR if gizmo.handle is Handle.VIEW else np.asarray(look.ink)
    front.polyline(_circle(place, 9.0), np.array([*rgb, 0.95]), 2.4)
    return back.lines, front.lines
