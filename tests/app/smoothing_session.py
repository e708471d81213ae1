"""A small but real refinement for tests: it smooths the poses over time by gradient descent.

It keeps the whole protocol of a session, so that the window's side can be tried with short runs.
The preset says how long: "preview" 40 steps, "standard" 400, "full" until it is stopped.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from app.jobs.session import SessionStart
from avatarpose.errors import OptimizationError
from avatarpose.optimize.snapshot import Preview, RunResult, Snapshot, StageBand
from avatarpose.scene.scene import Scene

STEPS = {"preview": 40, "standard": 400, "full": 10_000_000}
SNAPSHOT_S = 0.02


class SmoothingSession:
    """Pulls every frame's pose towards the mean of its neighbours'."""

    def __init__(self, start: SessionStart) -> None:
        self._scene, self._request = start.scene, start.request
        self._steps = STEPS[start.request.preset]
        self._gate = threading.Condition()
        self._is_paused = self._is_stopped = self._is_cancelled = False
        self._posted: Scene | None = None
        self._watched = (start.preview_cameras, start.preview_frame)
        self._losses: list[tuple[int, float]] = []
        pids = start.request.pids or start.scene.pids
        self._poses = {pid: start.scene.person(pid).poses() for pid in pids}
        half = self._steps // 2
        self._bands = (
            StageBand("first poses", 0, half - 1),
            StageBand("last poses", half, self._steps - 1),
        )
        self._step = 0
        if start.request.seed < 0:
            raise OptimizationError("The seed is negative.", remedy="Choose a seed from 0 on.")

    @property
    def is_paused(self) -> bool:
        return self._is_paused

    def pause(self) -> None:
        self._set(is_paused=True)

    def resume(self) -> None:
        self._set(is_paused=False)

    def stop(self) -> None:
        self._set(is_stopped=True)

    def cancel(self) -> None:
        self._set(is_cancelled=True)

    def post(self, scene: Scene) -> None:
        with self._gate:
            self._posted = scene

    def watch(self, cameras: Sequence[str], frame_index: int) -> None:
        with self._gate:
            self._watched = (tuple(cameras), frame_index)

    def set_share(self, share: float) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"a share of {share}")

    def run(self) -> Iterator[Snapshot]:
        started, last = time.monotonic(), -1.0
        while self._step < self._steps:
            with self._gate:
                while self._is_paused and not (self._is_stopped or self._is_cancelled):
                    self._gate.wait()
                if self._is_stopped or self._is_cancelled:
                    break
            self._take_in()
            self._losses.append((self._step, self._descend()))
            self._step += 1
            now = time.monotonic()
            if now - last > SNAPSHOT_S:
                last = now
                yield self._snapshot(now - started)
        if not self._is_cancelled:
            yield self._snapshot(time.monotonic() - started)

    def result(self) -> RunResult:
        if self._is_cancelled:
            raise OptimizationError("The run was cancelled.", remedy="Start it again.")
        frames = self._scene.capture.frames
        return RunResult(
            self._poses, self._request.frames or (int(frames[0]), int(frames[-1])), 1.0,
            {"smoothness": tuple(self._losses[-500:])}, self._bands, not self._is_stopped,
        )  # fmt: skip

    def _set(self, **flags: bool) -> None:
        with self._gate:
            for name, value in flags.items():
                setattr(self, f"_{name}", value)
            self._gate.notify_all()

    def _take_in(self) -> None:
        with self._gate:
            scene, self._posted = self._posted, None
        if scene is not None:
            self._scene = scene
            self._poses = {pid: scene.person(pid).poses() for pid in self._poses}

    def _descend(self) -> float:
        loss = 0.0
        for pid, poses in self._poses.items():
            middle = 0.5 * (poses.transl[:-2] + poses.transl[2:])
            away = middle - poses.transl[1:-1]
            transl = poses.transl.copy()
            transl[1:-1] += 0.2 * away
            loss += float(np.square(away).sum())
            self._poses[pid] = replace(poses, transl=transl)
        return loss + 1e-9

    def _snapshot(self, elapsed_s: float) -> Snapshot:
        stage = int(self._step >= self._steps // 2)
        cameras, frame = self._watched
        return Snapshot(
            step=self._step, step_count=self._steps, stage=self._bands[stage].name,
            stage_index=stage, stage_count=2, elapsed_s=elapsed_s,
            remaining_s=elapsed_s / max(self._step, 1) * (self._steps - self._step),
            steps_per_s=self._step / max(elapsed_s, 1e-6),
            losses={"smoothness": self._losses[-1][1] if self._losses else 1.0},
            revision=self._scene.revision, poses=dict(self._poses),
            previews=tuple(
                Preview(camera, frame, np.full((4, 4, 4), 128, np.uint8)) for camera in cameras
            ),
            bands=self._bands,
        )  # fmt: skip


def open_smoothing(start: SessionStart) -> SmoothingSession:
    """What a job centre is given."""
    return SmoothingSession(start)


class DeafSession(SmoothingSession):
    """Does not listen to a cancel: what a hung driver looks like."""

    def cancel(self) -> None:
        """Ignored."""


def open_deaf(start: SessionStart) -> DeafSession:
    """A session that only force ends."""
    return DeafSession(start)


def open_and_die(_start: SessionStart) -> SmoothingSession:
    """The process goes away while the session is being made."""
    import os

    os._exit(3)
