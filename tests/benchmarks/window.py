"""How fast the whole window answers on the sample: dragging with eight views, stepping frames.

    python tests/benchmarks/window.py [--json FILE]

First with nothing else going on, then while the program's own refinement runs. A drag is timed from
the mouse move until every view is painted; the gaps are those between turns of the event loop.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QElapsedTimer, QEvent, QEventLoop, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.main_window import MainWindow
from app.project_files import sample_folder
from app.theme import apply_theme
from app.views.camera_view import CameraView
from avatarpose.body.skeleton import Joint
from avatarpose.optimize.settings import RunRequest
from tests.benchmarks.measuring import machine, report, spread_ms

MOVES, STEPS, WARM_UP = 60, 60, 8
BEAT_MS = 5
PAUSE_MS = 15  # between two inputs, as from a hand; the session gets its turn


def wait_until(is_so: Callable[[], bool], timeout_s: float = 180.0) -> None:
    """Let the window live until something is so."""
    loop, look, ends = QEventLoop(), QTimer(), time.monotonic() + timeout_s
    look.timeout.connect(lambda: loop.quit() if is_so() or time.monotonic() > ends else None)
    look.start(20)
    loop.exec()
    if not is_so():
        raise TimeoutError("it took too long")


def pause(milliseconds: int) -> None:
    """Let the window live for a moment."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def painted() -> None:
    """Do everything that waits, painting included."""
    QApplication.sendPostedEvents(None, QEvent.Type.UpdateRequest)
    QApplication.processEvents()


def mouse(view: CameraView, kind: QEvent.Type, at: QPointF) -> None:
    """A mouse event that arrives at once."""
    button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else (
        Qt.MouseButton.LeftButton
    )  # fmt: skip
    modifiers = Qt.KeyboardModifier.NoModifier
    event = QMouseEvent(kind, at, view.mapToGlobal(at), button, held, modifiers)
    QApplication.sendEvent(view, event)


class Stopwatch:
    """Seconds of each answer, and how much of them this thread computed.

    The computing time hardly depends on what else the machine does.
    """

    def __init__(self) -> None:
        self.wall_s: list[float] = []
        self.computing_s: list[float] = []

    @contextmanager
    def timing(self) -> Iterator[None]:
        """Time what happens inside."""
        wall, computing = time.perf_counter(), time.thread_time()
        yield
        self.wall_s.append(time.perf_counter() - wall)
        self.computing_s.append(time.thread_time() - computing)

    def result(self) -> dict[str, float]:
        """The first ones, in which things are set up, do not count."""
        computing_ms = 1e3 * float(np.median(self.computing_s[WARM_UP:]))
        return {**spread_ms(self.wall_s[WARM_UP:]), "computing_median_ms": computing_ms}


def drag(window: MainWindow) -> dict[str, float]:
    """From each move of a dragged wrist to the painted window; the drag is put back."""
    view = window.grid.views[0]
    person = window.bench.document.scene
    assert person is not None
    start = view.joint_position(person.pids[0], Joint.LEFT_WRIST)
    assert start is not None
    watch = Stopwatch()
    mouse(view, QEvent.Type.MouseButtonPress, start)
    for number in range(MOVES + WARM_UP):
        turn = 2 * np.pi * number / 30
        at = start + QPointF(14 * np.sin(turn), 10 * (1 - np.cos(turn)))
        with watch.timing():
            mouse(view, QEvent.Type.MouseMove, at)
            painted()
        pause(PAUSE_MS)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    mouse(view, QEvent.Type.MouseButtonRelease, start)
    painted()
    return watch.result()


def step(window: MainWindow) -> dict[str, float]:
    """From each step to the next frame until everything is painted."""
    playback = window.bench.playback
    watch = Stopwatch()
    for _ in range(STEPS + WARM_UP):
        with watch.timing():
            playback.seek((playback.index + 1) % playback.frame_count)
            painted()
        pause(PAUSE_MS)
    return watch.result()


@contextmanager
def heartbeat(gaps_s: list[float]) -> Iterator[None]:
    """Collect how late a timer that wants to fire every few milliseconds does."""
    clock, heart = QElapsedTimer(), QTimer()
    heart.setTimerType(Qt.TimerType.PreciseTimer)

    def beat() -> None:
        gaps_s.append(max(0.0, clock.nsecsElapsed() / 1e9 - BEAT_MS / 1e3))
        clock.restart()

    heart.timeout.connect(beat)
    clock.start()
    heart.start(BEAT_MS)
    yield
    heart.stop()


def answers(window: MainWindow) -> dict[str, Any]:
    """Latencies and gaps as the window is now."""
    gaps_s: list[float] = []
    with heartbeat(gaps_s):
        pause(500)
        dragged, stepped = drag(window), step(window)
        pause(500)
    return {"drag": dragged, "step": stepped, "gap": spread_ms(gaps_s)}


def _renders(window: MainWindow) -> bool:
    """True once the refinement is past the keypoints: it then renders avatars at full speed."""
    snapshot = window.center.snapshot
    return snapshot is not None and snapshot.stage_index > 0


def measure() -> dict[str, Any]:
    """Everything this benchmark measures."""
    QApplication.setAttribute(Qt.ApplicationAttribute.AA_ShareOpenGLContexts)
    application = QApplication([])
    apply_theme(application, "dark")
    found: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as folder:
        window = MainWindow(projects_folder=Path(folder))
        window.show()
        window.open_path(sample_folder())
        bench = window.bench
        wait_until(lambda: bench.document.scene is not None and window.survey.is_complete)
        found["views"] = float(len(window.grid.views))
        found["idle"] = answers(window)
        window.center.start(RunRequest("standard"))
        wait_until(lambda: _renders(window))
        before, began = window.center.snapshot, time.monotonic()
        found["refining"] = answers(window)
        after = window.center.snapshot
        assert before is not None
        assert after is not None
        steps = after.step - before.step
        found["refining"]["steps_per_s"] = steps / (time.monotonic() - began)
        window.center.cancel()
        wait_until(lambda: not window.center.state.is_active)
        window.files.forget_changes()
        wait_until(lambda: not window.files.is_modified)
        window.close()
    return found


if __name__ == "__main__":
    report(measure, __doc__.splitlines()[0])
