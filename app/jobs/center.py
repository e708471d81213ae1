"""The window's one refinement: its states, its orders, and how its result reaches the document."""

import logging
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path

import numpy as np
from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal

from app.jobs.curves import LossCurves, thinned
from app.jobs.process import SessionProcess
from app.jobs.session import Session, SessionOpener, SessionStart, open_optimization
from app.jobs.thread import SHUTDOWN_MS, SessionThread
from app.workbench import Workbench
from avatarpose.body.pose import PoseSequence
from avatarpose.formats.project import file_name_of
from avatarpose.optimize.settings import RunRequest
from avatarpose.optimize.snapshot import RunResult, Snapshot
from avatarpose.scene import edits
from avatarpose.scene.scene import RunRecord, Scene

log = logging.getLogger(__name__)

# Measured by tests/benchmarks/responsiveness.py: decision 0011.
RUNS_IN_ITS_OWN_PROCESS = True
SHARE_WHILE_DRAGGING = 0.25
LOOK_EVERY_MS = 200  # each look redraws every view; more often would cost the user's own frames
WATCH_DELAY_MS = 150  # while frames are stepped, the run is not told about every one
STORED_LOSS_POINTS = 400


class JobState(Enum):
    """What the refinement is doing; the value is what people read."""

    IDLE = "Idle"
    PREPARING = "Preparing"
    RUNNING = "Running"
    PAUSED = "Paused"
    FINISHING = "Finishing"
    DONE = "Done"
    CANCELLED = "Cancelled"
    FAILED = "Failed"

    @property
    def is_active(self) -> bool:
        """True while there is a run that could still change something."""
        return self in _ACTIVE


_ACTIVE = {JobState.PREPARING, JobState.RUNNING, JobState.PAUSED, JobState.FINISHING}


class JobCenter(QObject):
    """Starts, watches and ends refinements; the document changes only when one has finished.

    Args:
        bench: the window's shared objects.
        parent: the owner; whoever it is calls `shutdown` before the window goes.
        opener: makes the session; a function of an importable module.
        in_process: whether the session lives in a process of its own or in a thread.
    """

    state_changed = Signal()
    progressed = Signal()
    preview_ready = Signal(object)
    trouble = Signal(str, str)
    adopted = Signal(str)

    def __init__(
        self,
        bench: Workbench,
        parent: QObject | None = None,
        *,
        opener: SessionOpener = open_optimization,
        in_process: bool = RUNS_IN_ITS_OWN_PROCESS,
    ) -> None:
        super().__init__(parent)
        self._bench, self._opener, self._in_process = bench, opener, in_process
        self._thread: SessionThread | None = None
        self._state = JobState.IDLE
        self._share = 1.0
        self._watched: tuple[str, ...] | None = None
        self._folder: Path | None = None
        self._clear_run()
        self._watch_timer = QTimer(self)
        self._watch_timer.setSingleShot(True)
        self._watch_timer.setInterval(WATCH_DELAY_MS)
        self._watch_timer.timeout.connect(self._send_watch)
        self._look_timer = QTimer(self)
        self._look_timer.setSingleShot(True)
        self._look_timer.timeout.connect(self._look)
        self._since_look = QElapsedTimer()
        bench.document.scene_changed.connect(self._on_scene_changed)
        bench.document.preview_changed.connect(self._on_preview_changed)
        bench.document.scene_opened.connect(self._on_scene_opened)
        bench.playback.frame_changed.connect(self._watch_soon)
        bench.selection.camera_changed.connect(self._watch_soon)

    @property
    def state(self) -> JobState:
        """What the refinement is doing."""
        return self._state

    @property
    def is_working(self) -> bool:
        """True while a session computes; a finished one may still wait to be taken in."""
        return self._thread is not None

    @property
    def is_cancelling(self) -> bool:
        """True between a cancel and the end of the run."""
        return self._is_discarded and self._state.is_active

    @property
    def was_stopped(self) -> bool:
        """True when the user ended the current or last run early, keeping its best poses."""
        return self._was_stopped

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest snapshot of the current or last run."""
        return self._snapshot

    @property
    def request(self) -> RunRequest | None:
        """What the current or last run was asked for."""
        return self._request

    @property
    def curves(self) -> LossCurves:
        """Losses of the current or last run."""
        return self._curves

    @property
    def problem(self) -> tuple[str, str]:
        """Problem and remedy of the last run that failed, else two empty strings."""
        return self._problem

    @property
    def outcome(self) -> RunRecord | None:
        """The record of the last run that was adopted."""
        return self._outcome

    @property
    def restored_frames(self) -> Mapping[int, tuple[int, ...]]:
        """Frame numbers per person that the last run put back because they got worse."""
        return self._restored

    @property
    def waiting_edits(self) -> int:
        """Edits of the user that the run has not taken in yet."""
        newest = self._snapshot.revision if self._snapshot is not None else 0
        return sum(revision > newest for revision in self._posted) if self._state.is_active else 0

    def set_project_folder(self, folder: Path | None) -> None:
        """Where later runs keep their files; None keeps them in memory."""
        self._folder = folder

    def set_watched(self, cameras: Sequence[str] | None) -> None:
        """Which views show rendered avatars; None follows the active view."""
        self._watched = None if cameras is None else tuple(cameras)
        self._watch_soon()

    def set_share(self, share: float) -> None:
        """Share of the time, in [0, 1], that a run may use while nothing is dragged."""
        self._share = share
        self._send_share()

    def start(self, request: RunRequest) -> bool:
        """Begin a refinement; False (and `trouble`) when that is not possible."""
        scene = self._bench.document.scene
        refusal = self._refusal(scene, request)
        if scene is None or refusal is not None:
            self.trouble.emit(*(refusal or ("Nothing is open.", "Open a project first.")))
            return False
        name = scene.next_run_name()
        folder = None if self._folder is None else self._folder / "runs" / file_name_of(name)
        begin = SessionStart(
            scene, request, folder, self._cameras(scene), self._bench.playback.index
        )
        self._clear_run()
        self._request, self._run_folder = request, folder
        self._posted = {scene.revision: scene}
        self._source = scene.people[0].shown
        thread = SessionThread(_way_to_open(begin, self._opener, in_process=self._in_process), self)
        thread.snapshot_ready.connect(self._look_soon)
        thread.completed.connect(self._on_completed)
        thread.cancelled.connect(self._on_cancelled)
        thread.failed.connect(self._on_failed)
        self._thread = thread
        self._send_share()
        self._enter(JobState.PREPARING)
        thread.start()
        return True

    def pause(self) -> None:
        """Hold before the next step; what was learned so far stays."""
        if self._thread is not None and self._state is JobState.RUNNING:
            self._thread.pause()
            self._enter(JobState.PAUSED)

    def resume(self) -> None:
        """Go on after a pause."""
        if self._thread is not None and self._state is JobState.PAUSED:
            self._thread.resume()
            self._enter(JobState.RUNNING)

    def toggle_pause(self) -> None:
        """Pause or resume, whichever applies."""
        if self._state is JobState.PAUSED:
            self.resume()
        else:
            self.pause()

    def stop(self) -> None:
        """Finish early and keep the best poses so far, as one undo step."""
        if self._thread is not None and self._state in (JobState.RUNNING, JobState.PAUSED):
            if self._state is JobState.PAUSED:
                self._thread.resume()
            self._thread.stop()
            self._was_stopped = True
            self._enter(JobState.FINISHING)

    def cancel(self) -> None:
        """End the run and keep nothing of it."""
        if self._thread is not None and self._state.is_active:
            self._is_discarded = True
            self._thread.cancel()
            self._bench.bodies.set_live(None)
            self._enter(JobState.FINISHING)

    def shutdown(self, deadline_ms: int = SHUTDOWN_MS) -> bool:
        """End whatever runs, without a result, so that the window can close."""
        if self._thread is None:
            return True
        thread, self._thread = self._thread, None
        thread.disconnect(self)
        ended = thread.shutdown(deadline_ms)
        if ended:
            thread.deleteLater()
        else:
            thread.setParent(None)  # it must not be destroyed while it runs
        if self._state.is_active:
            self._bench.bodies.set_live(None)
            self._enter(JobState.CANCELLED)
        return ended

    def _clear_run(self) -> None:
        self._request: RunRequest | None = None
        self._snapshot: Snapshot | None = None
        self._curves = LossCurves()
        self._problem = ("", "")
        self._outcome: RunRecord | None = None
        self._result: RunResult | None = None
        self._is_discarded = self._was_stopped = False
        self._restored: Mapping[int, tuple[int, ...]] = {}
        self._posted: dict[int, Scene] = {}
        self._run_folder: Path | None = None
        self._source = ""

    def _enter(self, state: JobState) -> None:
        if state is not self._state:
            self._state = state
            self.state_changed.emit()

    def _refusal(self, scene: Scene | None, request: RunRequest) -> tuple[str, str] | None:
        """Why a run cannot start, with the remedy; None when it can."""
        if self._state.is_active:
            return (
                "A refinement is running already.",
                "Stop or cancel it first; one run at a time keeps its result clear.",
            )
        if scene is None or not scene.people:
            return ("Nobody is there to refine.", "Open a project with people in it first.")
        if not any(who.layer(who.shown).poses.valid.any() for who in scene.people):
            return (
                "Nobody has poses to start from.",
                "Fit bodies to the keypoints first: Pose, Initialise from keypoints.",
            )
        if not any(view.footage is not None for view in scene.capture.views):
            return ("There are no pictures to refine against.", "Add the footage of the cameras.")
        if request.pids is not None and not request.pids:
            return ("No person is chosen.", "Tick at least one person to refine.")
        if request.cameras is not None and not request.cameras:
            return ("No camera is chosen.", "Tick at least one camera to refine against.")
        return None

    def _cameras(self, scene: Scene) -> tuple[str, ...]:
        names = scene.capture.rig.names
        if self._watched is not None:
            return tuple(name for name in self._watched if name in names)
        active = self._bench.selection.camera
        return (active,) if active in names else names[:1]

    def _watch_soon(self) -> None:
        if self._thread is not None and not self._watch_timer.isActive():
            self._watch_timer.start()

    def _send_watch(self) -> None:
        scene = self._bench.document.scene
        if self._thread is not None and scene is not None:
            self._thread.watch(self._cameras(scene), self._bench.playback.index)

    def _send_share(self) -> None:
        if self._thread is not None:
            is_dragging = self._bench.document.has_preview
            self._thread.set_share(self._share * (SHARE_WHILE_DRAGGING if is_dragging else 1.0))

    def _on_preview_changed(self) -> None:
        self._send_share()
        self._land()

    def _on_scene_changed(self) -> None:
        self._send_share()
        scene = self._bench.document.scene
        if self._result is not None:
            self._land()
        elif (
            self._thread is not None
            and not self._is_discarded
            and scene is not None
            and scene.revision not in self._posted
        ):
            self._posted[scene.revision] = scene
            self._thread.post(scene)
            self.progressed.emit()

    def _on_scene_opened(self) -> None:
        self._result = None
        if self._thread is not None:
            self.cancel()

    def _look_soon(self) -> None:
        """A snapshot lies in the mailbox; the first is shown at once, later ones at a pace."""
        waited = self._since_look.elapsed() if self._since_look.isValid() else LOOK_EVERY_MS
        self._look_timer.start(max(0, LOOK_EVERY_MS - waited))

    def _look(self) -> None:
        self._since_look.start()
        snapshot = self._thread.take() if self._thread is not None else None
        if snapshot is None or self._state is JobState.FINISHING:
            return
        self._snapshot = snapshot
        self._curves.add(snapshot)
        if self._state is JobState.PREPARING:
            self._enter(JobState.RUNNING)
        self._posted = {at: it for at, it in self._posted.items() if at >= snapshot.revision}
        scene = self._bench.document.scene
        if scene is not None:
            before = self._posted.get(snapshot.revision)
            self._bench.bodies.set_live(without_newer_edits(snapshot.poses, before, scene))
        self._bench.bodies.add_previews(snapshot.previews)
        for preview in snapshot.previews:
            self.preview_ready.emit(preview)
        self.progressed.emit()

    def _on_completed(self, result: RunResult) -> None:
        if self._is_discarded:
            self._on_cancelled()
            return
        self._release_thread()
        self._result = result
        self._curves.replace(result)
        self._enter(JobState.FINISHING)
        self._land()

    def _land(self) -> None:
        """Put the result into the document; while the user holds a joint, wait for the release."""
        scene, result, request = self._bench.document.scene, self._result, self._request
        if scene is None or result is None or request is None or self._bench.document.has_preview:
            return
        self._result = None
        folder = self._run_folder
        record = RunRecord(
            name=scene.next_run_name(),
            preset=request.preset,
            frames=result.frames,
            pids=tuple(sorted(result.poses)),
            seconds=result.seconds,
            source=self._source,
            losses={term: _stored(points) for term, points in result.losses.items()},
            folder="" if folder is None else folder.name,
        )
        self._bench.bodies.set_live(None)
        first, last = result.frames
        frames = f"frame {first}" if first == last else f"frames {first}–{last}"
        self._bench.document.edit(f"Refine, {frames}", edits.adopt_run(scene, record, result.poses))
        self._outcome, self._restored = record, result.restored_frames
        self._enter(JobState.DONE)
        self.adopted.emit(record.name)

    def _on_cancelled(self) -> None:
        self._release_thread()
        self._bench.bodies.set_live(None)
        self._enter(JobState.CANCELLED)

    def _on_failed(self, problem: str, remedy: str) -> None:
        self._release_thread()
        self._bench.bodies.set_live(None)
        self._problem = (problem, remedy)
        self._enter(JobState.FAILED)
        self.trouble.emit(problem, remedy)

    def _release_thread(self) -> None:
        """The thread has said its last word; it is about to return by itself."""
        if self._thread is not None:
            self._thread.wait()
            self._thread.deleteLater()
            self._thread = None


def without_newer_edits(
    poses: Mapping[int, PoseSequence], before: Scene | None, now: Scene
) -> dict[int, PoseSequence]:
    """A run's poses with the frames the user edited since replaced by the user's.

    Args:
        poses: of the run, per person.
        before: the scene the run knew when it made them; None when that is not known any more.
        now: the scene with the newest edits.
    """
    if before is None or before.revision == now.revision:
        return dict(poses)
    shown: dict[int, PoseSequence] = {}
    for pid, sequence in poses.items():
        shown[pid] = sequence
        if pid not in before.pids or pid not in now.pids:
            continue
        old, new = before.person(pid), now.person(pid)
        if old is new or len(new.layer(new.shown).poses) != len(sequence):
            continue
        was, is_now = old.poses(), new.poses()
        moved = np.any(was.rotvecs != is_now.rotvecs, axis=(1, 2))
        moved |= np.any(was.transl != is_now.transl, axis=1)
        if moved.any():
            edited = np.flatnonzero(moved)
            shown[pid] = sequence.with_frames(edited, is_now.rotvecs[edited], is_now.transl[edited])
    return shown


def _way_to_open(
    begin: SessionStart, opener: SessionOpener, *, in_process: bool
) -> Callable[[], Session]:
    if in_process:
        return lambda: SessionProcess(begin, opener)
    return lambda: opener(begin)


def _stored(points: Sequence[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    return tuple(thinned(points, STORED_LOSS_POINTS))
