"""What the 2D keypoints say about bodies: one common order of points, undistorted, per person.

The common order, "evidence points", is skel19 followed by eyes, small toes and heels, which tell
how heads and feet are turned.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from avatarpose.body.skeleton import keypoint_set, skel19_from
from avatarpose.scene.people import Detections2D
from avatarpose.scene.scene import Scene

# Beyond skel19, by the names body files give their vertices.
EXTRA_POINTS = ("reye", "leye", "LSmallToe", "LHeel", "RSmallToe", "RHeel")
POINT_COUNT = 19 + len(EXTRA_POINTS)
EXTRA_OF_BODY25 = (15, 16, 20, 21, 23, 24)
# Where each keypoint set holds the extra points; None where it has none.
_EXTRA_OF_SET: dict[str, tuple[int | None, ...]] = {
    "body25": EXTRA_OF_BODY25,
    "body25b": (2, 1, 20, 21, 23, 24),
    "coco17": (2, 1, None, None, None, None),
    "coco18": (14, 15, None, None, None, None),
    "halpe26": (2, 1, 22, 24, 23, 25),
}


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Keypoints of known people over some frames, in undistorted pixels.

    Attributes:
        pids: the people, in the order of the first axis.
        indices: positions of the frames on the time base, in the order of the second axis.
        cameras: camera names, in the order of the third axis.
        pixels: ideal pixels; NaN where not seen.
        confidence: in [0, 1]; 0 where not seen.
    """

    pids: tuple[int, ...]
    indices: Int[np.ndarray, " frames"]
    cameras: tuple[str, ...]
    pixels: Float[np.ndarray, "people frames cameras points=25 2"]
    confidence: Float[np.ndarray, "people frames cameras points=25"]


def evidence_points(
    detections: Detections2D,
) -> Float[np.ndarray, "frames detections points=25 3"]:
    """The keypoints of a view in the common order (x, y, confidence); NaN, NaN, 0 where missing.

    Joints a set only has as means of others (COCO's neck and mid hip) are left out: such a middle
    lies centimetres from the body's joint, and tells nothing the others do not.
    """
    out = np.full((*detections.xyc.shape[:2], POINT_COUNT, 3), np.nan)
    out[..., 2] = 0.0
    out[..., :19, :] = skel19_from(detections.xyc, detections.keypoint_set)
    out[..., _means(detections.keypoint_set), :] = (np.nan, np.nan, 0.0)
    extra = _EXTRA_OF_SET.get(detections.keypoint_set, ())
    for row, source in enumerate(extra, start=19):
        if source is not None:
            out[..., row, :] = detections.xyc[..., source, :]
    missing = ~np.isfinite(out).all(-1) | (out[..., 2] <= 0)
    out[missing] = (np.nan, np.nan, 0.0)
    return out


def _means(name: str) -> list[int]:
    return [joint for joint, sources in enumerate(keypoint_set(name).skel19) if len(sources) > 1]


def gather_evidence(
    scene: Scene,
    pids: Sequence[int],
    indices: Int[np.ndarray, " frames"],
    cameras: Sequence[str] | None = None,
) -> Evidence:
    """The labelled keypoints of `pids`; of two detections of one person the surer counts."""
    names = tuple(scene.detections) if cameras is None else tuple(cameras)
    names = tuple(name for name in scene.capture.rig.names if name in names)
    names = tuple(name for name in names if name in scene.detections)
    shape = (len(pids), len(indices), len(names), POINT_COUNT)
    pixels = np.full((*shape, 2), np.nan)
    confidence = np.zeros(shape)
    for column, name in enumerate(names):
        camera = scene.capture.rig[name]
        detections = scene.detections[name]
        if detections.xyc.shape[1] == 0:
            continue
        points = evidence_points(detections)[indices]
        labels = detections.pid[indices]
        ideal = camera.undistort(points[..., :2])
        for row, pid in enumerate(pids):
            score = np.where(labels == pid, points[..., 2].sum(-1), -1.0)
            best = score.argmax(1)
            seen = np.flatnonzero(score.max(1) > 0)
            pixels[row, seen, column] = ideal[seen, best[seen]]
            confidence[row, seen, column] = points[seen, best[seen], :, 2]
    return Evidence(tuple(pids), np.asarray(indices), names, pixels, np.clip(confidence, 0.0, 1.0))


def body_points(
    scene: Scene, pid: int, indices: Int[np.ndarray, " frames"], layer: str | None = None
) -> Float[np.ndarray, "frames joints=19 3"]:
    """The person's skel19 (m) in a layer (the shown one by default); NaN where absent."""
    poses = scene.person(pid).poses(layer)
    points = scene.body.skel19_sequence(poses, indices).astype(np.float64)
    points[~poses.valid[indices]] = np.nan
    return points
