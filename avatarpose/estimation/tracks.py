"""People found in 2D detections of unknown identity: across views, then over time.

People already known are looked for first, near where they were last; only detections that nobody
explains start new people. A new person is a hypothesis (two detections in two views, triangulated)
that must look like a human and be confirmed by the other views.
"""

from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from avatarpose.body.skeleton import SKEL19_LIMBS
from avatarpose.estimation.association import GATE_M, label_cost
from avatarpose.estimation.evidence import evidence_points
from avatarpose.estimation.triangulated import triangulate_many
from avatarpose.geometry.camera import Camera
from avatarpose.scene.scene import Scene

_LEAST_JOINTS = 6  # of a detection, and shared by two that start a person
_LOST_S = 0.5  # a person unseen for longer is looked for anew
_JOIN_GAP_S = 1.0  # pieces of a track at most this far apart ...
_JOIN_DISTANCE_M = 0.5  # ... and this near are one person
_LEAST_LIFE_S = 0.2  # shorter tracks are noise
_DAMPING = 0.8  # of the velocity in predictions
_HEIGHT_M = (0.5, 2.3)
_LIMB_M = (0.04, 0.75)  # any limb of skel19, from a child's foot to a tall man's trunk


@dataclass(slots=True, eq=False)
class Track:
    """One person over time, in the making.

    Attributes:
        joints: skel19 (m) per frame index; NaN joints where unseen.
        labels: per frame index, which detection of which view is this person.
    """

    joints: dict[int, Float[np.ndarray, "joints=19 3"]] = field(default_factory=dict)
    labels: dict[int, dict[str, int]] = field(default_factory=dict)

    @property
    def first(self) -> int:
        """First frame index."""
        return min(self.joints)

    @property
    def last(self) -> int:
        """Last frame index."""
        return max(self.joints)

    def predicted(self) -> Float[np.ndarray, "joints=19 3"]:
        """Where the joints should be in the frame after the last: damped constant velocity."""
        now = self._filled(self.last)
        if self.last - 1 not in self.joints:
            return now
        velocity = now - self._filled(self.last - 1)
        return now + _DAMPING * np.where(np.isfinite(velocity), velocity, 0.0)

    def _filled(self, index: int) -> np.ndarray:
        """Joints at a frame, missing ones from the frame before."""
        now = self.joints[index].copy()
        before = self.joints.get(index - 1)
        if before is not None:
            now = np.where(np.isfinite(now), now, before)
        return now


def track_people(scene: Scene) -> Scene:
    """The scene with every detection labelled by a person found across views and time.

    People are numbered from 0 in the order of how much was seen of them; no `Person` is added.
    """
    recorded = [camera for camera in scene.capture.rig if camera.name in scene.detections]
    points: dict[str, np.ndarray] = {}
    for camera in recorded:
        xyc = evidence_points(scene.detections[camera.name])[:, :, :19]
        xyc[(xyc[..., 2] > 0).sum(-1) < _LEAST_JOINTS] = (np.nan, np.nan, 0.0)
        xyc[..., :2] = camera.undistort(xyc[..., :2])
        points[camera.name] = xyc
    cameras = [camera.undistorted() for camera in recorded]
    ended: list[Track] = []
    live: list[Track] = []
    numbers = scene.capture.frames
    for index in range(scene.capture.frame_count):
        age = [(numbers[index] - numbers[t.last]) / scene.capture.fps for t in live]
        ended += [t for t, seconds in zip(live, age, strict=True) if seconds > _LOST_S]
        live = [t for t, seconds in zip(live, age, strict=True) if seconds <= _LOST_S]
        now = {name: xyc[index] for name, xyc in points.items()}
        taken = _follow(cameras, now, live, index)
        live += _births(cameras, now, taken, index)
    tracks = _joined([*ended, *live], numbers / scene.capture.fps)
    return _labelled(scene, tracks)


def _follow(
    cameras: list[Camera], now: dict[str, np.ndarray], live: list[Track], index: int
) -> dict[str, set[int]]:
    """Known people get their detections; twice, the second time from this frame's own joints."""
    taken: dict[str, set[int]] = {camera.name: set() for camera in cameras}
    if not live:
        return taken
    bodies = np.stack([track.predicted() for track in live])
    labels: list[dict[str, int]] = []
    for _ in range(2):
        labels = [{} for _ in live]
        for camera in cameras:
            cost = label_cost(camera, now[camera.name][None], bodies[:, None])[0]
            rows, columns = linear_sum_assignment(np.minimum(cost, GATE_M))
            for row, column in zip(rows, columns, strict=True):
                if cost[row, column] < GATE_M:
                    labels[column][camera.name] = int(row)
        for row, label in enumerate(labels):
            joints = _joints_of(cameras, now, label)
            bodies[row] = np.where(np.isfinite(joints), joints, bodies[row])
    for track, label in zip(live, labels, strict=True):
        joints = _joints_of(cameras, now, label)
        if np.isfinite(joints).all(-1).sum() >= _LEAST_JOINTS:
            track.joints[index], track.labels[index] = joints, label
            for name, row in label.items():
                taken[name].add(row)
    return taken


def _births(
    cameras: list[Camera], now: dict[str, np.ndarray], taken: dict[str, set[int]], index: int
) -> list[Track]:
    """New people among the detections that nobody explains, the best confirmed first."""
    hypotheses: list[tuple[float, dict[str, int]]] = []
    free = {
        camera.name: [
            row
            for row in range(len(now[camera.name]))
            if row not in taken[camera.name] and (now[camera.name][row, :, 2] > 0).any()
        ]
        for camera in cameras
    }
    for first, second in combinations(cameras, 2):
        for a in free[first.name]:
            for b in free[second.name]:
                found = _confirmed(cameras, now, free, {first.name: a, second.name: b})
                if found is not None:
                    hypotheses.append(found)
    born: list[Track] = []
    used = {name: set(rows) for name, rows in taken.items()}
    for _, label in sorted(hypotheses, key=lambda found: -found[0]):
        if any(row in used[name] for name, row in label.items()):
            continue
        joints = _joints_of(cameras, now, label)
        if not _looks_human(joints):
            continue
        for name, row in label.items():
            used[name].add(row)
        born.append(Track({index: joints}, {index: label}))
    return born


def _confirmed(
    cameras: list[Camera],
    now: dict[str, np.ndarray],
    free: dict[str, list[int]],
    pair: dict[str, int],
) -> tuple[float, dict[str, int]] | None:
    """Support of a hypothesis and all detections that belong to it; None when it is implausible."""
    joints = _joints_of(cameras, now, pair)
    if not _looks_human(joints):
        return None
    label, support = {}, 0.0
    for camera in cameras:
        cost = label_cost(camera, now[camera.name][None], joints[None, None])[0, :, 0]
        rows = [pair[camera.name]] if camera.name in pair else free[camera.name]
        rows = [row for row in rows if cost[row] < 0.5 * GATE_M]
        if rows:
            best = min(rows, key=lambda row: cost[row])
            label[camera.name] = best
            support += 1.0 - cost[best] / GATE_M
    if len(label) < min(3, len(cameras)):
        return None
    return support, label


def _joints_of(
    cameras: list[Camera], now: dict[str, np.ndarray], label: dict[str, int]
) -> Float[np.ndarray, "joints=19 3"]:
    """Robustly triangulated joints of the labelled detections; NaN where views disagree."""
    used = [camera for camera in cameras if camera.name in label]
    if len(used) < 2:
        return np.full((19, 3), np.nan)
    xyc = np.stack([now[camera.name][label[camera.name]] for camera in used], axis=1)
    return triangulate_many(used, xyc[..., :2], xyc[..., 2]).points


def _looks_human(joints: Float[np.ndarray, "joints=19 3"]) -> bool:
    """Enough joints, limbs of human length, and not larger than a person."""
    seen = np.all(np.isfinite(joints), axis=-1)
    if seen.sum() < _LEAST_JOINTS:
        return False
    start, end = np.array(SKEL19_LIMBS).T
    both = seen[start] & seen[end]
    limbs = np.linalg.norm(joints[start] - joints[end], axis=-1)[both]
    extent = float((joints[seen].max(0) - joints[seen].min(0)).max())
    fits = (limbs > _LIMB_M[0]) & (limbs < _LIMB_M[1])
    # the ends of limbs may be wrong in one view; most limbs must be right
    return bool(len(limbs) > 0 and fits.mean() > 0.7 and _HEIGHT_M[0] < extent < _HEIGHT_M[1])


def _joined(tracks: list[Track], times_s: Float[np.ndarray, " frames"]) -> list[Track]:
    """Pieces of the same person put together, noise left out, the longest first."""
    ordered = sorted(tracks, key=lambda track: track.first)
    whole: list[Track] = []
    for piece in ordered:
        for track in whole:
            gap = times_s[piece.first] - times_s[track.last]
            if 0 < gap <= _JOIN_GAP_S and _is_near(track, piece):
                track.joints.update(piece.joints)
                track.labels.update(piece.labels)
                break
        else:
            whole.append(piece)
    step = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 0.0
    least = min(_LEAST_LIFE_S, 0.5 * len(times_s) * step)
    whole = [track for track in whole if len(track.joints) * step >= least]
    return sorted(whole, key=lambda track: -len(track.joints))


def _is_near(track: Track, piece: Track) -> bool:
    gap = np.linalg.norm(track.joints[track.last] - piece.joints[piece.first], axis=-1)
    return bool(np.isfinite(gap).any() and np.nanmedian(gap) < _JOIN_DISTANCE_M)


def _labelled(scene: Scene, tracks: list[Track]) -> Scene:
    detections = {}
    for name, found in scene.detections.items():
        pid = np.full(found.pid.shape, -1)
        for identity, track in enumerate(tracks):
            for index, label in track.labels.items():
                if name in label:
                    pid[index, label[name]] = identity
        detections[name] = replace(found, pid=pid)
    return scene.changed(detections=detections)
