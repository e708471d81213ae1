"""Where a joint must be when the user has placed it in several views."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from avatarpose.body.skeleton import SMPL_OF_SKEL19, skel19_from
from avatarpose.geometry.triangulation import largest_ray_angle, triangulate
from avatarpose.scene.layers import ViewPin
from avatarpose.scene.scene import Scene

HELD_WEIGHT = 5.0
PIN_WEIGHT = 1.0
DETECTION_WEIGHT = 0.2  # times the detection's confidence
SMALLEST_ANGLE_DEG = 5.0

_SKEL19_OF_SMPL = {int(joint): int(measured) for measured, joint in SMPL_OF_SKEL19.items()}


@dataclass(frozen=True, slots=True, eq=False)
class PinnedTarget:
    """A joint's place as seen by the user in several views.

    Attributes:
        point_world: the place (m); None when the views do not decide the depth.
        residuals_px: per camera with a pin, how far the place projects from the pin.
        note: a sentence for the user, "" when all is well.
    """

    point_world: Float[np.ndarray, "3"] | None
    residuals_px: dict[str, float]
    note: str


def detected_pixel(
    scene: Scene, pid: int, frame_index: int, joint: int, camera: str
) -> Float[np.ndarray, "3"] | None:
    """The person's detection (x, y, confidence) of an SMPL joint in one view, if any."""
    measured = _SKEL19_OF_SMPL.get(int(joint))
    found = scene.detections.get(camera)
    if measured is None or found is None or frame_index >= len(found.xyc):
        return None
    for slot in np.flatnonzero(found.pid[frame_index] == pid):
        row = skel19_from(found.xyc[frame_index, slot], found.keypoint_set)[measured]
        if row[2] > 0 and np.isfinite(row).all():
            return row
    return None


def detected_point(
    scene: Scene, pid: int, frame_index: int, joint: int
) -> tuple[Float[np.ndarray, "3"] | None, int]:
    """Where the detections of an SMPL joint in all views meet (m), and how many views have one.

    None with fewer than two views.
    """
    rig = scene.capture.rig
    found = {
        camera: seen
        for camera in scene.detections
        if camera in rig
        and (seen := detected_pixel(scene, pid, frame_index, joint, camera)) is not None
    }
    if len(found) < 2:
        return None, len(found)
    rows = np.stack(list(found.values())).astype(np.float64)
    point = triangulate([rig[camera] for camera in found], rows[:, :2], rows[:, 2])
    return (point if np.isfinite(point).all() else None), len(found)


def triangulated_target(
    scene: Scene, pid: int, frame_index: int, joint: int, held: ViewPin
) -> PinnedTarget:
    """The place that explains the held pixel and the pins of other views best.

    The held view counts 5, other pins 1, detections of the joint 0.2 times their confidence, with
    Huber weights beyond 10 px. With pins in one view only, or rays closer than 5 degrees, there is
    no place: the caller keeps the depth it has.
    """
    pins = {held.camera: (np.asarray(held.pixel, np.float64), HELD_WEIGHT)}
    for pin in scene.person(pid).edit().view_pins:
        same = pin.frame_index == frame_index and pin.joint == joint
        if same and pin.camera not in pins:
            pins[pin.camera] = (np.asarray(pin.pixel, np.float64), PIN_WEIGHT)
    if len(pins) < 2:
        return PinnedTarget(None, {}, "")
    rig = scene.capture.rig
    rays = np.stack([rig[camera].rays(pixel) for camera, (pixel, _) in pins.items()])
    angle_deg = np.rad2deg(largest_ray_angle(rays))
    if angle_deg < SMALLEST_ANGLE_DEG:
        note = f"The pinned views look almost the same way ({angle_deg:.0f}°): depth kept"
        return PinnedTarget(None, {}, note)
    evidence = dict(pins)
    for camera in scene.detections:
        if camera not in evidence and camera in rig:
            seen = detected_pixel(scene, pid, frame_index, joint, camera)
            if seen is not None:
                pixel = seen[:2].astype(np.float64)
                evidence[camera] = (pixel, DETECTION_WEIGHT * float(seen[2]))
    point = triangulate(
        [rig[camera] for camera in evidence],
        np.stack([pixel for pixel, _ in evidence.values()]),
        np.array([weight for _, weight in evidence.values()]),
    )
    if not np.isfinite(point).all():
        return PinnedTarget(None, {}, "The pins do not meet in front of the cameras: depth kept")
    residuals = {
        camera: float(np.linalg.norm(rig[camera].project(point) - pixel))
        for camera, (pixel, _) in pins.items()
    }
    note = f"{len(pins)} views" if len(pins) > 2 else "Two views: a third would confirm the depth"
    return PinnedTarget(point, residuals, note)
