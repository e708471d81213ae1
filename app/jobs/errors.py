"""Reprojection errors of every person and frame, measured in the background as poses change."""

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float
from PySide6.QtCore import QObject, QTimer, Signal

from app.workbench import Workbench
from avatarpose.body.pose import PoseSequence
from avatarpose.evaluate.reprojection import reprojection_errors
from avatarpose.scene.people import Person
from avatarpose.scene.scene import Scene

log = logging.getLogger(__name__)

FRAMES_AT_ONCE = 48
FRAMES_WHILE_DRAGGING = 6
LIVE_EVERY_MS = 1000
LEAST_DOUBT_PX = 5.0  # at 1080 rows; smaller errors are never called doubtful
DOUBT_FACTOR = 2.0  # times the error of the better frames (their lower quartile) is doubtful


@dataclass(frozen=True, eq=False)
class PersonErrors:
    """Distances between a person's body and the detections, per frame, camera and joint.

    Attributes:
        source: where the poses came from: the person as they were, or a run in progress.
        poses: the poses it was measured for.
        px: distances in recorded pixels; NaN where nothing was detected or nothing measured yet.
        is_stale: frames whose poses have changed since they were measured.
    """

    source: Person | PoseSequence
    poses: PoseSequence
    px: Float[np.ndarray, "frames cameras joints=19"]
    is_stale: Bool[np.ndarray, " frames"]

    @cached_property
    def mean_px(self) -> Float[np.ndarray, " frames"]:
        """Mean over joints and cameras; NaN where nothing was detected."""
        known = np.isfinite(self.px)
        count = known.sum(axis=(1, 2))
        total = np.where(known, self.px, 0.0).sum(axis=(1, 2))
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    @cached_property
    def worst_px(self) -> Float[np.ndarray, " frames"]:
        """The worst joint, each joint being judged by the median over its cameras.

        The median lets one camera be wrong (a swapped or hidden keypoint) without crying wolf.
        """
        filled = np.where(np.isfinite(self._joint_px), self._joint_px, -1.0).max(axis=1)
        return np.where(filled >= 0, filled, np.nan)

    def worst_joint(self, index: int) -> int:
        """The skel19 joint that `worst_px` speaks of."""
        known = np.isfinite(self._joint_px[index])
        return int(np.argmax(np.where(known, self._joint_px[index], -1.0)))

    @cached_property
    def _joint_px(self) -> np.ndarray:
        return _median_of_known(self.px.swapaxes(1, 2))

    def camera_px(self, index: int) -> Float[np.ndarray, " cameras"]:
        """Root mean square over the joints of one frame, per camera; NaN without detections."""
        known = np.isfinite(self.px[index])
        square = np.where(known, self.px[index], 0.0) ** 2
        count = known.sum(axis=1)
        return np.where(count > 0, np.sqrt(square.sum(axis=1) / np.maximum(count, 1)), np.nan)


class ErrorSurvey(QObject):
    """Keeps `errors` true; frames near the shown one come first, and the window never waits.

    Args:
        bench: the window's shared objects.
        parent: the owner, which must call `shutdown` before it goes.
    """

    changed = Signal()
    _measured = Signal(object)

    def __init__(self, bench: Workbench, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bench = bench
        self._errors: Mapping[int, PersonErrors] = {}
        self._scene: Scene | None = None
        self._is_busy = self._is_due = self._is_closed = False
        self._threshold_px: float | None = None
        self._worker = ThreadPoolExecutor(1, "error survey")
        self._live_timer = QTimer(self)
        self._live_timer.setSingleShot(True)
        self._live_timer.setInterval(LIVE_EVERY_MS)
        self._live_timer.timeout.connect(self._look)
        self._measured.connect(self._on_measured)
        bench.document.scene_opened.connect(self._forget)
        bench.document.scene_changed.connect(self._look)
        bench.document.preview_changed.connect(self._look)
        bench.bodies.live_changed.connect(self._look_soon)
        self._look()

    @property
    def errors(self) -> Mapping[int, PersonErrors]:
        """What is known per person; while a run is in progress, of the run's poses."""
        return self._errors

    @property
    def is_complete(self) -> bool:
        """True when every frame of everybody has been measured."""
        stale = any(it.is_stale.any() for it in self._errors.values())
        return not (self._is_busy or self._is_due or stale)

    @property
    def threshold_px(self) -> float:
        """Worst-joint error above which a frame is doubtful: set by hand or found from the data."""
        if self._threshold_px is not None:
            return self._threshold_px
        return usual_limit_px(self._bench.document.scene, self._errors)

    @property
    def is_threshold_automatic(self) -> bool:
        """True when the threshold follows the data."""
        return self._threshold_px is None

    def set_threshold(self, threshold_px: float | None) -> None:
        """Set the limit of doubt by hand; None finds it from the data."""
        self._threshold_px = threshold_px
        self.changed.emit()

    def doubtful(self) -> Bool[np.ndarray, " frames"]:
        """Frames in which somebody's worst joint lies beyond the threshold."""
        count = self._bench.playback.frame_count
        found = np.zeros(count, bool)
        for errors in self._errors.values():
            if len(errors.px) == count:
                worst = errors.worst_px
                found |= np.where(np.isfinite(worst), worst, 0.0) > self.threshold_px
        return found

    def shutdown(self) -> None:
        """End the work in the background."""
        self._is_closed = True
        self._live_timer.stop()
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _forget(self) -> None:
        self._errors = {}
        self.changed.emit()

    def _look_soon(self) -> None:
        if self._bench.bodies.live is None:
            self._look()
        elif not self._live_timer.isActive():
            self._live_timer.start()

    def _look(self) -> None:
        if self._is_closed:
            return
        scene = self._bench.document.shown
        if self._is_busy or scene is None:
            self._is_due = scene is not None
            return
        self._is_due, self._is_busy = False, True
        self._scene = self._bench.document.scene
        limit = FRAMES_WHILE_DRAGGING if self._bench.document.has_preview else FRAMES_AT_ONCE
        live, focus = self._bench.bodies.live, self._bench.playback.index
        self._worker.submit(self._work, scene, live, self._errors, focus, limit)

    def _work(
        self,
        scene: Scene,
        live: Mapping[int, PoseSequence] | None,
        known: Mapping[int, PersonErrors],
        focus: int,
        limit: int,
    ) -> None:
        """Runs in the worker; only values come back."""
        try:
            found = survey(scene, live, known, focus, limit)
        except Exception:  # the worker's edge: the strip stays empty, the window goes on
            log.exception("reprojection errors could not be measured")
            found = None
        try:
            self._measured.emit(found)
        except RuntimeError:
            log.debug("the window closed while errors were measured")

    def _on_measured(self, found: Mapping[int, PersonErrors] | None) -> None:
        self._is_busy = False
        scene = self._bench.document.scene
        is_same = (
            scene is not None
            and self._scene is not None
            and scene.capture is self._scene.capture
            and scene.detections == self._scene.detections
        )
        if found is not None and is_same:
            self._errors = found
            self.changed.emit()
        unfinished = any(it.is_stale.any() for it in self._errors.values())
        if self._is_due or not is_same or (found is not None and unfinished):
            self._look()


def survey(
    scene: Scene,
    live: Mapping[int, PoseSequence] | None,
    known: Mapping[int, PersonErrors],
    focus: int,
    limit: int,
) -> dict[int, PersonErrors]:
    """What is known, carried over to the scene's present poses, and up to `limit` frames measured.

    Args:
        scene: what is shown.
        live: poses of a run in progress, which are measured instead.
        known: earlier measurements of the same capture and detections.
        focus: frame index to begin with.
        limit: how many frames per person to measure in this call.
    """
    found: dict[int, PersonErrors] = {}
    for person in scene.people:
        source = person if live is None else live.get(person.pid, person)
        before = known.get(person.pid)
        if before is None or before.source is not source:
            before = _carried_over(scene, before, source)
        stale = np.flatnonzero(before.is_stale)
        picked = np.sort(stale[np.argsort(np.abs(stale - focus), kind="stable")][:limit])
        if len(picked) == 0:
            found[person.pid] = before
            continue
        px, is_stale = before.px.copy(), before.is_stale.copy()
        px[picked] = reprojection_errors(scene, person.pid, before.poses, picked)
        is_stale[picked] = False
        px.flags.writeable = is_stale.flags.writeable = False
        found[person.pid] = PersonErrors(source, before.poses, px, is_stale)
    return found


def usual_limit_px(scene: Scene | None, errors: Mapping[int, PersonErrors]) -> float:
    """The worst-joint error beyond which a frame is doubtful, judged by the better frames here.

    The lower quartile stands for what detector noise alone does; half of the frames may be wrong.
    """
    heights = [] if scene is None else [view.camera.height for view in scene.capture.views]
    least = LEAST_DOUBT_PX * (float(np.median(heights)) / 1080 if heights else 1.0)
    worst = [it.worst_px[np.isfinite(it.worst_px)] for it in errors.values()]
    values = np.concatenate(worst) if worst else np.zeros(0)
    if len(values) < 3:
        return least
    return max(least, DOUBT_FACTOR * float(np.quantile(values, 0.25)))


def _carried_over(
    scene: Scene, before: PersonErrors | None, source: Person | PoseSequence
) -> PersonErrors:
    """Earlier measurements with the frames marked whose poses are others now."""
    poses = source.poses() if isinstance(source, Person) else source
    frames, cameras = len(poses), len(scene.capture.views)
    if before is None or before.px.shape[:2] != (frames, cameras):
        px = np.full((frames, cameras, 19), np.nan, np.float32)
        return PersonErrors(source, poses, px, poses.valid)
    old = before.poses
    is_stale = before.is_stale | (old.valid != poses.valid)
    is_stale |= np.any(old.global_orient != poses.global_orient, axis=1)
    is_stale |= np.any(old.body_pose != poses.body_pose, axis=1)
    is_stale |= np.any(old.transl != poses.transl, axis=1)
    if np.any(old.betas != poses.betas):
        is_stale = np.ones(frames, bool)
    return PersonErrors(source, poses, before.px, is_stale & poses.valid)


def _median_of_known(values: np.ndarray) -> np.ndarray:
    """Median over the last axis, NaN left out; NaN where nothing is known."""
    ordered = np.sort(values, axis=-1)  # NaN comes last
    count = np.isfinite(values).sum(axis=-1)
    upper = np.clip(count // 2, 0, values.shape[-1] - 1)
    lower = np.clip((count - 1) // 2, 0, values.shape[-1] - 1)
    picked = [np.take_along_axis(ordered, at[..., None], -1)[..., 0] for at in (lower, upper)]
    return np.where(count > 0, 0.5 * (picked[0] + picked[1]), np.nan)
