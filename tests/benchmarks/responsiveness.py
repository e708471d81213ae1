"""How smoothly the window runs beside a refinement, in a thread and in a process of its own.

    python tests/benchmarks/responsiveness.py [--seconds 6] [--window docks|whole] [--json FILE]

Per arrangement it reports, in milliseconds, the gaps between turns of the event loop (a timer that
wants to fire every 5 ms) and the time from a frame step to the repainted window, and how many steps
per second the session does. The session is a real training loop (a small network over a feature
grid, as an avatar is), not the program's own refinement: so the numbers compare arrangements.
"""

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QElapsedTimer, QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from app.jobs.center import JobCenter
from app.jobs.errors import ErrorSurvey
from app.jobs.session import SessionStart
from app.theme import apply_theme
from app.views.inspector import Inspector
from app.views.job_panel import JobPanel
from app.views.timeline import Timeline
from app.workbench import Workbench
from avatarpose.optimize.settings import RunRequest
from avatarpose.optimize.snapshot import Preview, RunResult, Snapshot
from avatarpose.scene.scene import Scene

BEAT_MS = 5
STEP_EVERY_MS = 40
SNAPSHOT_S = 0.1
ARRANGEMENTS = ("idle", "thread", "process")


class TrainingSession:
    """Fits a feature grid and a small network to a made-up picture until it is told to end."""

    def __init__(self, start: SessionStart) -> None:
        self._scene = start.scene
        self._gate = threading.Condition()
        self._is_paused = self._is_over = False
        self._step = 0

    def run(self) -> Iterator[Snapshot]:
        """About 40 operations per step, as in an avatar stage."""
        import torch

        torch.set_num_threads(1)  # threads that wait for each other measure the machine's load
        generator = torch.Generator().manual_seed(1)
        grids = [
            torch.nn.Parameter(1e-2 * torch.randn(2**15, 2, generator=generator)) for _ in range(8)
        ]
        network = torch.nn.Sequential(
            torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 32), torch.nn.ReLU(),
            torch.nn.Linear(32, 4),
        )  # fmt: skip
        optimiser = torch.optim.Adam([*grids, *network.parameters()], lr=5e-3)
        poses = {person.pid: person.poses() for person in self._scene.people}
        started, last = time.monotonic(), 0.0
        while not self._is_over:
            with self._gate:
                while self._is_paused and not self._is_over:
                    self._gate.wait()
            points = torch.rand(20_000, 2, generator=generator)
            features = []
            for level, grid in enumerate(grids):
                cells = (points * 2 ** (level + 3)).long()
                features.append(grid[(cells[:, 0] * 73_856_093 ^ cells[:, 1] * 19_349_663) % 2**15])
            wanted = torch.sin(12 * points.sum(-1, keepdim=True))
            loss = (network(torch.cat(features, -1)) - wanted).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            self._step += 1
            now = time.monotonic()
            if now - last > SNAPSHOT_S:
                last = now
                picture = np.zeros((240, 176, 4), np.uint8)
                yield Snapshot(
                    step=self._step, step_count=100_000, stage="avatars 1", stage_index=0,
                    stage_count=1, elapsed_s=now - started, remaining_s=60.0,
                    steps_per_s=self._step / (now - started), losses={"colour": loss.item()},
                    revision=self._scene.revision, poses=poses,
                    previews=(Preview(self._scene.capture.rig.names[0], 0, picture),),
                )  # fmt: skip

    def pause(self) -> None:
        """Hold."""
        self._set(is_paused=True)

    def resume(self) -> None:
        """Go on."""
        self._set(is_paused=False)

    def stop(self) -> None:
        """End."""
        self._set(is_over=True)

    def cancel(self) -> None:
        """End."""
        self._set(is_over=True)

    def post(self, scene: Scene) -> None:
        """Take a newer scene."""
        self._scene = scene

    def watch(self, cameras: Sequence[str], frame_index: int) -> None:
        """Previews are made up."""

    def set_share(self, share: float) -> None:
        """Always runs at full speed: the hardest case for the window."""

    def result(self) -> RunResult:
        """Nothing worth keeping."""
        poses = {person.pid: person.poses() for person in self._scene.people}
        return RunResult(poses, (0, 0), 0.0, {}, (), False)

    def _set(self, **flags: bool) -> None:
        with self._gate:
            for name, value in flags.items():
                setattr(self, f"_{name}", value)
            self._gate.notify_all()


def open_training(start: SessionStart) -> TrainingSession:
    """What the job centre is given; importable in the child."""
    return TrainingSession(start)


def measure(bench: Workbench, center: JobCenter, seconds: float) -> dict[str, float]:
    """Gaps of the event loop and the latency of frame steps while `center` does what it does."""
    gaps: list[float] = []
    latencies: list[float] = []
    clock = QElapsedTimer()

    def beat() -> None:
        gaps.append(clock.nsecsElapsed() / 1e6 - BEAT_MS)
        clock.restart()

    def step() -> None:
        started = time.perf_counter()
        count = bench.playback.frame_count
        bench.playback.seek((bench.playback.index + 1) % count)
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
        latencies.append(1e3 * (time.perf_counter() - started))

    heart, stepper, loop = QTimer(), QTimer(), QEventLoop()
    heart.setTimerType(Qt.TimerType.PreciseTimer)
    heart.timeout.connect(beat)
    stepper.timeout.connect(step)
    first = 0 if center.snapshot is None else center.snapshot.step
    begun = time.monotonic()
    clock.start()
    heart.start(BEAT_MS)
    stepper.start(STEP_EVERY_MS)
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()
    heart.stop()
    stepper.stop()
    steps = 0 if center.snapshot is None else center.snapshot.step - first
    return {
        "gap_median_ms": float(np.median(gaps)),
        "gap_95_ms": float(np.quantile(gaps, 0.95)),
        "gap_largest_ms": float(np.max(gaps)),
        "gaps_over_100_ms": float(np.sum(np.array(gaps) > 100)),
        "step_median_ms": float(np.median(latencies)),
        "step_95_ms": float(np.quantile(latencies, 0.95)),
        "session_steps_per_s": steps / (time.monotonic() - begun),
    }


def run_one(
    arrangement: str, bench: Workbench, center: JobCenter, seconds: float
) -> dict[str, float]:
    """Start the session unless idle, wait until it trains, measure, end it."""
    if arrangement != "idle":
        center.start(RunRequest("full"))
        _wait_until(lambda: center.snapshot is not None and center.snapshot.step > 5)
    found = measure(bench, center, seconds)
    if not center.shutdown(10_000):
        raise RuntimeError("the session did not end")
    return found


def docks(bench: Workbench, center: JobCenter, survey: ErrorSurvey) -> QWidget:
    """A window of the docks that follow every frame."""
    window = QWidget()
    column = QVBoxLayout(window)
    row = QHBoxLayout()
    row.addWidget(JobPanel(bench, center, window, survey=survey), 2)
    row.addWidget(Inspector(bench, window, survey=survey), 1)
    column.addLayout(row, 2)
    column.addWidget(Timeline(bench, window, center=center, survey=survey), 1)
    window.resize(1400, 700)
    return window


def responsiveness(seconds: float, kind: str) -> dict[str, Any]:
    """Everything this benchmark measures."""
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    apply_theme(application, "dark")
    results: dict[str, Any] = {"window": kind, "seconds": seconds}
    for arrangement in ARRANGEMENTS:
        bench, window, close = _whole_window() if kind == "whole" else _bare_bench()
        in_process = arrangement == "process"
        center = JobCenter(bench, opener=open_training, in_process=in_process)
        survey = ErrorSurvey(bench)
        window = window or docks(bench, center, survey)
        window.show()
        _wait_until(lambda survey=survey: survey.is_complete)
        results[arrangement] = run_one(arrangement, bench, center, seconds)
        survey.shutdown()
        close()
        window.close()
    return results


def _bare_bench() -> tuple[Workbench, QWidget | None, Callable[[], None]]:
    from tests.app.scenes import make_bench, two_people

    bench = make_bench(two_people())
    return bench, None, bench.footage.close


def _whole_window() -> tuple[Workbench, QWidget | None, Callable[[], None]]:
    from app.main_window import MainWindow

    window = MainWindow()
    window.open_sample()
    _wait_until(lambda: window.bench.document.scene is not None)
    return window.bench, window, lambda: None


def _wait_until(is_so: Callable[[], bool], timeout_s: float = 120.0) -> None:
    loop, look, ends = QEventLoop(), QTimer(), time.monotonic() + timeout_s
    look.timeout.connect(lambda: loop.quit() if is_so() or time.monotonic() > ends else None)
    look.start(20)  # a loop that spins would starve a session in a thread
    loop.exec()
    if not is_so():
        raise TimeoutError("it took too long")


def table(results: dict[str, Any]) -> str:
    """The results as text."""
    names = list(results["idle"])
    width = max(len(name) for name in names) + 2
    lines = ["".ljust(width) + "".join(f"{it:>10}" for it in ARRANGEMENTS)]
    for name in names:
        cells = "".join(f"{results[it][name]:>10.1f}" for it in ARRANGEMENTS)
        lines.append(name.ljust(width) + cells)
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--window", choices=("docks", "whole"), default="docks")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = responsiveness(options.seconds, options.window)
    print(table(results))
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
