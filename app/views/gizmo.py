"""The mathematics of the rotation rings and move arrows: what is hit, how far it is turned.

Nothing here draws or knows of Qt; `viewport_tools.py` holds the gizmo in hand.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Float

from app.views.orbit_camera import Viewpoint
from avatarpose.geometry.rotation import matrix_from_rotvec, rotvec_from_matrix

RING_PX = 78.0  # radius of the three rings on screen
VIEW_RING_PX = 96.0
HIT_PX = 6.0  # on either side of the line: 12 px in all
ARROW_PX = 92.0
PLANE_PX = 30.0  # where the corner squares of the move gizmo are centred
PLANE_HALF_PX = 9.0
EDGE_ON = 0.17  # rings seen flatter than this (about 10 degrees) are turned along their tangent
RING_POINTS = 97


class Axes(Enum):
    """Which frame the rings are aligned with."""

    LOCAL = "Local"
    PARENT = "Parent"
    WORLD = "World"
    VIEW = "View"


class Handle(Enum):
    """A part of the gizmo that can be grabbed."""

    X = 0
    Y = 1
    Z = 2
    VIEW = 3  # outer ring: about the line of sight; of the move gizmo: the plane of the picture
    YZ = 4
    ZX = 5
    XY = 6
    BALL = 7  # inside of the rings: as if a ball were rolled


AXIS_HANDLES = (Handle.X, Handle.Y, Handle.Z)
PLANE_HANDLES = (Handle.YZ, Handle.ZX, Handle.XY)


@dataclass(frozen=True, slots=True, eq=False)
class GizmoPlace:
    """Where a gizmo stands.

    Attributes:
        centre_world: its middle (m).
        axes_world: unit axes as columns.
        view: what it is seen through.
    """

    centre_world: Float[np.ndarray, "3"]
    axes_world: Float[np.ndarray, "3 3"]
    view: Viewpoint

    @property
    def size(self) -> float:
        """Share of the usual size: small widgets get a smaller gizmo."""
        return float(np.clip(min(self.view.width, self.view.height) / 440, 0.6, 1.0))

    @property
    def ring_px(self) -> float:
        """Radius of the three rings on screen."""
        return RING_PX * self.size

    @property
    def metres_per_pixel(self) -> float:
        """What a pixel of the usual size is in the world (m); keeps the gizmo's size on screen."""
        return self.size * self.view.metres_per_pixel(self.centre_world)

    @property
    def sight_world(self) -> Float[np.ndarray, "3"]:
        """Unit direction from the eye to the gizmo."""
        sight = self.centre_world - self.view.eye_world
        return sight / max(float(np.linalg.norm(sight)), 1e-9)

    def axis_world(self, handle: Handle) -> Float[np.ndarray, "3"]:
        """Unit axis a handle turns about, moves along, or (planes) stands across."""
        if handle in AXIS_HANDLES:
            return self.axes_world[:, handle.value]
        if handle in PLANE_HANDLES:
            return self.axes_world[:, PLANE_HANDLES.index(handle)]
        return -self.sight_world

    def ring(self, handle: Handle) -> Float[np.ndarray, "points 3"]:
        """The closed circle of a rotation handle in the world (m)."""
        axis = self.axis_world(handle)
        radius_px = VIEW_RING_PX if handle is Handle.VIEW else RING_PX
        across, along = perpendicular_pair(axis)
        angles = np.linspace(0.0, 2 * np.pi, RING_POINTS)[:, None]
        circle = np.cos(angles) * across + np.sin(angles) * along
        return self.centre_world + radius_px * self.metres_per_pixel * circle

    def faces_viewer(self, points_world: Float[np.ndarray, "points 3"]) -> np.ndarray:
        """Which points of a ring lie on the viewer's half of the ball."""
        return (points_world - self.centre_world) @ self.sight_world < 1e-6


def perpendicular_pair(
    axis: Float[np.ndarray, "3"],
) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    """Two unit vectors that make a right-handed frame with `axis` as the third."""
    start = np.eye(3)[int(np.argmin(np.abs(axis)))]
    across = np.cross(start, axis)
    across = across / np.linalg.norm(across)
    return across, np.cross(axis, across)


def joint_axes(
    axes: Axes,
    view: Viewpoint,
    world_from_parent: Float[np.ndarray, "3 3"],
    world_from_joint: Float[np.ndarray, "3 3"],
) -> Float[np.ndarray, "3 3"]:
    """The gizmo's axes as columns."""
    if axes is Axes.LOCAL:
        return np.asarray(world_from_joint, np.float64)
    if axes is Axes.PARENT:
        return np.asarray(world_from_parent, np.float64)
    if axes is Axes.WORLD:
        return np.eye(3)
    return np.stack([view.right_world, -view.down_world, -view.forward_world], axis=1)


def distance_to_polyline(
    pixel: Float[np.ndarray, "2"], line: Float[np.ndarray, "points 2"]
) -> float:
    """Smallest distance (px) from a pixel to the pieces of a line; NaN points break it."""
    start, step = line[:-1], np.diff(line, axis=0)
    usable = np.isfinite(start).all(-1) & np.isfinite(step).all(-1)
    if not usable.any():
        return float("inf")
    start, step = start[usable], step[usable]
    share = ((pixel - start) * step).sum(-1) / np.maximum((step * step).sum(-1), 1e-12)
    nearest = start + np.clip(share, 0.0, 1.0)[:, None] * step
    return float(np.linalg.norm(nearest - pixel, axis=-1).min())


def hit_ring(place: GizmoPlace, pixel: Float[np.ndarray, "2"]) -> Handle | None:
    """The rotation handle under a pixel: the nearest ring within reach, else the ball inside."""
    best, found = HIT_PX, None
    for handle in (*AXIS_HANDLES, Handle.VIEW):
        ring = place.ring(handle)
        line = place.view.project(ring)
        if handle is not Handle.VIEW:
            line = np.where(place.faces_viewer(ring)[:, None], line, np.nan)
        away = distance_to_polyline(pixel, line)
        if away <= best:
            best, found = away, handle
    if found is None:
        centre = place.view.project(place.centre_world)
        if np.linalg.norm(pixel - centre) < place.ring_px - HIT_PX:
            return Handle.BALL
    return found


def hit_arrow(place: GizmoPlace, pixel: Float[np.ndarray, "2"]) -> Handle | None:
    """The move handle under a pixel: centre disc, corner squares, then arrows."""
    view, scale = place.view, place.metres_per_pixel
    centre = view.project(place.centre_world)
    if np.linalg.norm(pixel - centre) < HIT_PX + 3:
        return Handle.VIEW
    for row, handle in enumerate(PLANE_HANDLES):
        corner = view.project(place.centre_world + scale * plane_offset(place, row))
        if np.linalg.norm(pixel - corner, ord=np.inf) < PLANE_HALF_PX + 2:
            return handle
    best, found = HIT_PX, None
    for handle in AXIS_HANDLES:
        tip = place.centre_world + ARROW_PX * scale * place.axis_world(handle)
        away = distance_to_polyline(pixel, np.stack([centre, view.project(tip)]))
        if away <= best:
            best, found = away, handle
    return found


def plane_offset(place: GizmoPlace, row: int) -> Float[np.ndarray, "3"]:
    """From the centre to the square of plane `row`, per metre of a pixel."""
    others = [axis for axis in range(3) if axis != row]
    return PLANE_PX * (place.axes_world[:, others[0]] + place.axes_world[:, others[1]])


def angle_on_ring(place: GizmoPlace, handle: Handle, pixel: Float[np.ndarray, "2"]) -> float | None:
    """Angle (rad) of the cursor around a ring's axis; None where its ray misses the plane."""
    axis = place.axis_world(handle)
    ray = place.view.ray(pixel)
    steep = float(ray @ axis)
    if abs(steep) < 1e-6:
        return None
    along = float((place.centre_world - place.view.eye_world) @ axis) / steep
    if along <= 0:
        return None
    local = place.view.eye_world + along * ray - place.centre_world
    across, upwards = perpendicular_pair(axis)
    return float(np.arctan2(local @ upwards, local @ across))


class RingTurn:
    """A ring in hand: turns cursor movements into an angle that may pass full turns."""

    def __init__(self, place: GizmoPlace, handle: Handle, pixel: Float[np.ndarray, "2"]) -> None:
        self._place, self.handle = place, handle
        self._start = np.asarray(pixel, np.float64)
        self._is_edge_on = abs(float(place.sight_world @ place.axis_world(handle))) < EDGE_ON
        self._before = angle_on_ring(place, handle, self._start)
        self._angle_rad = 0.0
        self._last = self._start

    @property
    def place(self) -> GizmoPlace:
        """Where the gizmo stood when it was grabbed."""
        return self._place

    def turned_to(self, pixel: Float[np.ndarray, "2"], share: float = 1.0) -> float:
        """Angle (rad) since the grab, after the cursor went on to `pixel`.

        Args:
            pixel: where the cursor is.
            share: part of this step that counts (less than 1 for fine work).
        """
        pixel = np.asarray(pixel, np.float64)
        if self._is_edge_on:
            tangent = self._tangent_px()
            self._angle_rad += share * float((pixel - self._last) @ tangent) / self._place.ring_px
        else:
            now = angle_on_ring(self._place, self.handle, pixel)
            if now is not None and self._before is not None:
                step = (now - self._before + np.pi) % (2 * np.pi) - np.pi
                self._angle_rad += share * step
            self._before = now if now is not None else self._before
        self._last = pixel
        return self._angle_rad

    def rotation_world(self, angle_rad: float) -> Float[np.ndarray, "3 3"]:
        """The turn by an angle about the ring's axis."""
        return matrix_from_rotvec(angle_rad * self._place.axis_world(self.handle))

    def _tangent_px(self) -> np.ndarray:
        """Direction on screen in which the near side of an edge-on ring moves when it turns."""
        place = self._place
        near = -place.sight_world * RING_PX * place.metres_per_pixel
        moved = np.cross(place.axis_world(self.handle), near)
        here = place.view.project(place.centre_world + near)
        there = place.view.project(place.centre_world + near + 0.01 * moved)
        step = there - here
        return step / max(float(np.linalg.norm(step)), 1e-9)


class BallTurn:
    """The inside of the rings in hand: dragging by the rings' radius is one radian."""

    handle = Handle.BALL

    def __init__(self, place: GizmoPlace, pixel: Float[np.ndarray, "2"]) -> None:
        self._place = place
        self._last = np.asarray(pixel, np.float64)
        self._rotation = np.eye(3)

    @property
    def place(self) -> GizmoPlace:
        """Where the gizmo stood when it was grabbed."""
        return self._place

    def turned_to(
        self, pixel: Float[np.ndarray, "2"], share: float = 1.0
    ) -> Float[np.ndarray, "3 3"]:
        """The turn in the world since the grab, after the cursor went on to `pixel`."""
        step = share * (np.asarray(pixel, np.float64) - self._last) / self._place.ring_px
        self._last = np.asarray(pixel, np.float64)
        view = self._place.view
        rotvec = step[0] * -view.down_world + step[1] * view.right_world
        self._rotation = matrix_from_rotvec(rotvec) @ self._rotation
        return self._rotation


class HandleMove:
    """An arrow or plane in hand: turns cursor movements into a way in the world (m)."""

    def __init__(self, place: GizmoPlace, handle: Handle, pixel: Float[np.ndarray, "2"]) -> None:
        self._place, self.handle = place, handle
        self._last = self._on_handle(np.asarray(pixel, np.float64))
        self._way = np.zeros(3)

    @property
    def place(self) -> GizmoPlace:
        """Where the gizmo stood when it was grabbed."""
        return self._place

    def moved_to(self, pixel: Float[np.ndarray, "2"], share: float = 1.0) -> Float[np.ndarray, "3"]:
        """Way (m) since the grab, after the cursor went on to `pixel`."""
        now = self._on_handle(np.asarray(pixel, np.float64))
        if now is not None and self._last is not None:
            self._way = self._way + share * (now - self._last)
        self._last = now if now is not None else self._last
        return self._way

    def _on_handle(self, pixel: np.ndarray) -> np.ndarray | None:
        """The point of the handle's line or plane under a pixel."""
        place = self._place
        eye, ray, axis = place.view.eye_world, place.view.ray(pixel), place.axis_world(self.handle)
        normal = axis
        if self.handle in AXIS_HANDLES:  # the plane through the axis that faces the viewer most
            normal = np.cross(axis, np.cross(place.sight_world, axis))
        steep = float(ray @ normal)
        if abs(steep) < 1e-4 * max(float(np.linalg.norm(normal)), 1e-9):
            return None
        along = float((place.centre_world - eye) @ normal) / steep
        if not 0 < along < 1000:
            return None
        point = eye + along * ray - place.centre_world
        return axis * float(point @ axis) if self.handle in AXIS_HANDLES else point


def turned_locally(
    rotation_world: Float[np.ndarray, "3 3"],
    world_from_parent: Float[np.ndarray, "3 3"],
    rotvec: Float[np.ndarray, "3"],
) -> Float[np.ndarray, "3"]:
    """The joint's local rotation (rad, in its parent's frame) after a turn in the world.

    A joint stands at G = P L in the world; the turn makes it W P L = P (P' W P) L.
    """
    local = matrix_from_rotvec(np.asarray(rotvec, np.float64))
    parent = np.asarray(world_from_parent, np.float64)
    return rotvec_from_matrix(parent.T @ rotation_world @ parent @ local)
