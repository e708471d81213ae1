"""Who is who: which person each 2D detection belongs to."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from avatarpose.estimation.evidence import body_points, evidence_points
from avatarpose.geometry.camera import Camera
from avatarpose.scene.scene import Scene

# Distances are metres at the depth of the person, so that near and far people count alike.
DISTANCE_CAP_M = 0.5  # one keypoint counts no more than this: it may lie on somebody else
GATE_M = 0.3  # a detection farther than this on average is nobody we know
MIN_SHARED_POINTS = 4


def has_labels(scene: Scene) -> bool:
    """True when any 2D detection knows its person."""
    return any(bool((found.pid >= 0).any()) for found in scene.detections.values())


def label_detections(scene: Scene, layer: str | None = None) -> Scene:
    """Gives every 2D detection the person it fits best, or -1 when it fits nobody.

    Per frame and view the assignment of detections to people minimises the summed robust distance
    between detected and projected joints; nobody gets two detections of one view. A scene without
    poses is returned unchanged.

    Args:
        scene: people with poses, and detections.
        layer: the layer the detections are compared with; the shown one when None.
    """
    people = [who for who in scene.people if layer is None or who.has_layer(layer)]
    people = [who for who in people if who.layers]
    if not people or not scene.detections:
        return scene
    indices = np.arange(scene.capture.frame_count)
    bodies = np.stack([body_points(scene, who.pid, indices, layer) for who in people])
    labelled = {}
    for name, detections in scene.detections.items():
        points = evidence_points(detections)[:, :, :19]
        cost = label_cost(scene.capture.rig[name], points, bodies)
        pid = np.full(detections.pid.shape, -1)
        for frame in np.flatnonzero((cost < GATE_M).any((1, 2))):
            rows, columns = _assign(cost[frame])
            pid[frame, rows] = [people[column].pid for column in columns]
        labelled[name] = replace(detections, pid=pid)
    return scene.changed(detections=labelled)


def label_cost(
    camera: Camera,
    points: Float[np.ndarray, "frames detections joints=19 3"],
    bodies: Float[np.ndarray, "people frames joints=19 3"],
) -> Float[np.ndarray, "frames detections people"]:
    """Mean capped distance (m at the person's depth) of detections to people; inf where unknown."""
    focal_px = float(np.sqrt(camera.pixel_from_camera[0, 0] * camera.pixel_from_camera[1, 1]))
    projected = camera.project_ideal(bodies)
    depth_m = np.nanmean(np.where(np.isfinite(bodies[..., 0]), camera.depth(bodies), 0.0), axis=-1)
    ideal = camera.undistort(points[..., :2])
    gap_px = ideal[:, :, None] - projected.swapaxes(0, 1)[:, None]
    gap_m = np.linalg.norm(gap_px, axis=-1) * (depth_m.T / focal_px)[:, None, :, None]
    both = np.isfinite(gap_m)
    weight = np.where(both, points[:, :, None, :, 2], 0.0)
    capped = np.minimum(np.where(both, gap_m, 0.0), DISTANCE_CAP_M)
    total = weight.sum(-1)
    mean = (weight * capped).sum(-1) / np.maximum(total, 1e-9)
    enough = both.sum(-1) >= MIN_SHARED_POINTS
    return np.where(enough & (total > 0), mean, np.inf)


def _assign(
    cost: Float[np.ndarray, "detections people"],
) -> tuple[Int[np.ndarray, " matched"], Int[np.ndarray, " matched"]]:
    """Pairs below the gate that minimise the summed distance, with the gate as price of no pair."""
    bounded = np.minimum(cost, GATE_M)
    rows, columns = linear_sum_assignment(bounded)
    kept = cost[rows, columns] < GATE_M
    return rows[kept], columns[kept]
