"""A refinement that can be watched, paused, fed with edits, stopped and cancelled from outside."""

import ctypes
import itertools
import logging
import math
import sys
import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from threading import Event, Lock

import torch

from avatarpose.avatar.avatar import save_avatar
from avatarpose.errors import AvatarPoseError, OptimizationError
from avatarpose.optimize.checkpoint import (
    Progress,
    fingerprint,
    load_checkpoint,
    prepare_folder,
    save_checkpoint,
)
from avatarpose.optimize.pictures import working_size
from avatarpose.optimize.previews import render_avatars
from avatarpose.optimize.refinement import Refinement
from avatarpose.optimize.run_folder import CHECKPOINT, save_exposure
from avatarpose.optimize.schedule import Plan, Stage, Update, plan
from avatarpose.optimize.settings import RunRequest
from avatarpose.optimize.snapshot import Preview, RunResult, Snapshot, StageBand
from avatarpose.scene.scene import Scene

log = logging.getLogger(__name__)

_SNAPSHOT_S = 0.2
_PREVIEW_S = 2.0
_PREVIEW_PX = 200
_PLOT_POINTS = 400
# First guesses of seconds per step, replaced by measurement as soon as a kind of stage has run.
_GUESS_S = {"keypoints": 0.03, "avatar": 0.06, "pose": 0.35, "load": 0.02}


class OptimizationSession:
    """One run; `run` does the work in the calling thread, everything else may come from any thread.

    Args:
        scene: what to refine; never changed.
        request: which part, how thoroughly, where.
        folder: where checkpoints and avatars are kept; None keeps nothing.
        preview_cameras: cameras whose avatars are rendered from time to time.
        preview_frame: position on the time base the previews show.
        resume: go on from the folder's checkpoint when there is one.
        schedule: another plan than the preset's.
    """

    def __init__(
        self,
        scene: Scene,
        request: RunRequest,
        *,
        folder: Path | None = None,
        preview_cameras: Sequence[str] = (),
        preview_frame: int = 0,
        resume: bool = False,
        schedule: Plan | None = None,
    ) -> None:
        self._plan = schedule or plan(request.preset)
        self._request, self._folder, self._resume = request, folder, resume
        self._mark = fingerprint(scene, request, self._plan)
        _calm_allocator()
        # Two threads per small operation cost more in waiting than they bring; see the benchmarks.
        torch.set_num_threads(1)
        self._refinement = Refinement(scene, request, self._plan)
        self._revision = scene.revision
        self._running, self._stopped, self._cancelled = Event(), Event(), Event()
        self._running.set()
        self._lock = Lock()
        self._posted: Scene | None = None
        self._watched = (tuple(preview_cameras), preview_frame)
        self._share = 1.0
        self._losses: dict[str, list[tuple[int, float]]] = {}
        self._bands: list[StageBand] = []
        self._seconds: dict[str, deque[float]] = {}
        self._elapsed_s = 0.0
        self._step = 0
        self._latest: dict[str, float] = {}
        self._warning = ""
        self._result: RunResult | None = None

    @property
    def is_paused(self) -> bool:
        """True while it holds."""
        return not self._running.is_set()

    @property
    def refinement(self) -> Refinement:
        """The tensors behind the run, for rendering after it ended."""
        return self._refinement

    def pause(self) -> None:
        """Hold before the next step."""
        self._running.clear()

    def resume(self) -> None:
        """Go on."""
        self._running.set()

    def stop(self) -> None:
        """Finish early and keep what was reached."""
        self._stopped.set()
        self._running.set()

    def cancel(self) -> None:
        """End without a result."""
        self._cancelled.set()
        self._running.set()

    def post(self, scene: Scene) -> None:
        """The user's newer scene; its edits are taken in between two steps."""
        with self._lock:
            self._posted = scene

    def watch(self, cameras: Sequence[str], frame_index: int) -> None:
        """Which pictures to preview from now on."""
        with self._lock:
            self._watched = (tuple(cameras), frame_index)

    def set_share(self, share: float) -> None:
        """Share of the time the run may use, above 0 up to 1."""
        with self._lock:
            self._share = min(max(share, 0.05), 1.0)

    def result(self) -> RunResult:
        """What the run reached.

        Raises:
            OptimizationError: it has not ended, or was cancelled.
        """
        if self._result is None:
            raise OptimizationError(
                "The run has no result: it was cancelled or has not ended.", remedy="Run it again."
            )
        return self._result

    def run(self) -> Generator[Snapshot, None, None]:
        """Do the work; yields a few snapshots a second.

        Raises:
            AvatarPoseError: the run cannot start or go on.
        """
        work = self._refinement
        stages = work.stages
        counts = [work.step_count(stage) for stage in stages]
        if self._folder is not None:
            prepare_folder(self._folder)
        first_stage = self._restore()
        self._step = sum(counts[:first_stage])
        clock = time.monotonic()
        last_snapshot = last_preview = -math.inf
        yield self._snapshot("loading pictures", first_stage, counts, message="Loading pictures")
        with closing(work.load()) as shares:
            for share in shares:
                if self._must_end():
                    break
                if time.monotonic() - last_snapshot > _SNAPSHOT_S:
                    last_snapshot = time.monotonic()
                    text = f"Loading pictures, {share:.0%}"
                    yield self._snapshot("loading pictures", first_stage, counts, message=text)
        self._elapsed_s += time.monotonic() - clock
        for number in range(first_stage, len(stages)):
            if self._must_end():
                break
            stage = stages[number]
            begun = self._step
            # The exponential of a stage's own pace would mislead here: stages differ tenfold.
            clock = time.monotonic()
            with closing(work.run_stage(stage)) as steps:
                for values in steps:
                    now = time.monotonic()
                    spent = now - clock
                    clock = now
                    self._elapsed_s += spent
                    if values:
                        self._step = min(self._step + 1, begun + counts[number])
                        self._note(stage, values, spent)
                    self._wait_for_share(spent)
                    if not self._running.is_set():
                        yield self._snapshot(stage.name, number, counts, message="Paused")
                        self._running.wait()
                    if self._must_end():
                        break
                    self._take_posted()
                    wants_preview = now - last_preview > _PREVIEW_S and self._watched[0]
                    if now - last_snapshot > _SNAPSHOT_S or wants_preview:
                        last_snapshot = now
                        previews: tuple[Preview, ...] = ()
                        if wants_preview and number > 0:
                            last_preview, previews = now, self._previews()
                        yield self._snapshot(stage.name, number, counts, previews)
                    clock = time.monotonic()
            self._bands.append(StageBand(stage.name, begun, self._step))
            if self._must_end():
                break
            self._step = begun + counts[number]
            if self._folder is not None:
                self._save(number + 1)
        if self._cancelled.is_set():
            return
        self._take_posted()
        self._result = self._closing()
        yield self._snapshot("done", len(stages) - 1, counts, self._previews())

    def _must_end(self) -> bool:
        return self._stopped.is_set() or self._cancelled.is_set()

    def _wait_for_share(self, spent_s: float) -> None:
        with self._lock:
            share = self._share
        if share < 1.0:
            self._cancelled.wait(min(spent_s * (1 / share - 1), 0.2))

    def _take_posted(self) -> None:
        with self._lock:
            scene, self._posted = self._posted, None
        if scene is not None:
            self._refinement.take_in(scene)
            self._revision = scene.revision

    def _note(self, stage: Stage, values: Mapping[str, float], spent_s: float) -> None:
        self._latest = dict(values)
        self._seconds.setdefault(_kind(stage), deque(maxlen=200)).append(spent_s)
        for name, value in values.items():
            self._losses.setdefault(name, []).append((self._step, value))

    def _remaining_s(self, number: int, counts: Sequence[int]) -> float:
        remaining = 0.0
        done_here = self._step - sum(counts[:number])
        for index, stage in enumerate(self._refinement.stages):
            left = counts[index] if index > number else counts[index] - done_here
            if index < number or left <= 0:
                continue
            samples = self._seconds.get(_kind(stage))
            pace = sum(samples) / len(samples) if samples else _GUESS_S[_kind(stage)]
            remaining += left * pace
        return remaining

    def _snapshot(
        self,
        stage: str,
        number: int,
        counts: Sequence[int],
        previews: tuple[Preview, ...] = (),
        message: str = "",
    ) -> Snapshot:
        stages = self._refinement.stages
        kind = _kind(stages[min(number, len(stages) - 1)])
        samples = self._seconds.get(kind)
        pace = len(samples) / max(sum(samples), 1e-9) if samples else 0.0
        poses = self._result.poses if self._result is not None else self._refinement.poses()
        return Snapshot(
            step=self._step,
            step_count=sum(counts),
            stage=stage,
            stage_index=number,
            stage_count=len(stages),
            elapsed_s=self._elapsed_s,
            remaining_s=0.0 if self._result is not None else self._remaining_s(number, counts),
            steps_per_s=pace,
            losses=dict(self._latest),
            bands=_planned_bands(stages, counts),
            revision=self._revision,
            poses=poses,
            previews=previews,
            message=message or self._warning,
        )

    def _previews(self) -> tuple[Preview, ...]:
        with self._lock:
            cameras, index = self._watched
        work = self._refinement
        if not cameras or not work.has_learned_avatars:
            return ()
        smpl, topology, exposure, schedule = work.renderer
        poses = work.poses()
        out = []
        for name in cameras:
            camera = work.scene.capture.view(name).camera
            small = camera.resized(*working_size(camera, _PREVIEW_PX))
            gain = offset = None
            if name in work.cameras:
                row = work.cameras.index(name)
                gain = exposure.gain.detach().cpu().numpy()[row]
                offset = exposure.offset.detach().cpu().numpy()[row]
            rgba = render_avatars(
                work.avatars, poses, index, small, smpl, topology, schedule.band, gain, offset
            )
            out.append(Preview(name, index, rgba))
        return tuple(out)

    def _closing(self) -> RunResult:
        work = self._refinement
        poses, restored = work.final_poses()
        capture = work.scene.capture
        if self._folder is not None:
            try:
                for avatar in work.avatars:
                    save_avatar(avatar, self._folder / f"avatar-{avatar.pid}.pt")
                save_exposure(self._folder, work.cameras, work.renderer[2])
            except (AvatarPoseError, OSError) as error:  # the poses are what the run was for
                self._warn(f"The avatars could not be kept: {error}")
        return RunResult(
            poses=poses,
            frames=(int(capture.frames[work.frames[0]]), int(capture.frames[work.frames[-1]])),
            seconds=self._elapsed_s,
            losses={name: _thinned(curve) for name, curve in self._losses.items()},
            bands=tuple(self._bands),
            is_complete=not self._stopped.is_set(),
            restored_frames=restored,
        )

    def _save(self, finished: int) -> None:
        assert self._folder is not None
        bands = [(band.name, band.first_step, band.last_step) for band in self._bands]
        progress = Progress(
            finished, self._elapsed_s, self._losses, bands, self._refinement.state()
        )
        try:
            save_checkpoint(self._folder / CHECKPOINT, self._mark, progress)
        except OptimizationError as error:  # the run itself is fine and goes on
            self._warn(error.problem)

    def _warn(self, text: str) -> None:
        log.warning(text)
        self._warning = text

    def _restore(self) -> int:
        if not self._resume or self._folder is None:
            return 0
        path = self._folder / CHECKPOINT
        if not path.is_file():
            raise OptimizationError(
                f"There is no checkpoint in {self._folder}.",
                remedy="Start the run without --resume.",
            )
        progress = load_checkpoint(path, self._mark)
        self._elapsed_s = progress.elapsed_s
        self._losses = {name: list(curve) for name, curve in progress.losses.items()}
        self._bands = [StageBand(*band) for band in progress.bands]
        self._refinement.restore(progress.state)
        return progress.stage_index


def _planned_bands(stages: Sequence[Stage], counts: Sequence[int]) -> tuple[StageBand, ...]:
    ends = list(itertools.accumulate(counts))
    return tuple(
        StageBand(stage.name, end - count, end - 1)
        for stage, end, count in zip(stages, ends, counts, strict=True)
    )


def _kind(stage: Stage) -> str:
    if Update.KEYPOINTS in stage.updates:
        return "keypoints"
    return "avatar" if Update.AVATAR in stage.updates else "pose"


def _thinned(curve: Sequence[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    stride = max(1, math.ceil(len(curve) / _PLOT_POINTS))
    return tuple(curve[::stride])


def _calm_allocator() -> None:
    """Keep freed memory in the process: with glibc, torch returns and refetches it every step."""
    if sys.platform.startswith("linux"):
        try:
            libc = ctypes.CDLL("libc.so.6")
            libc.mallopt(-4, 0)  # M_MMAP_MAX
            libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD
        except (OSError, AttributeError):
            log.debug("the C library has no mallopt")
