"""The program's own refinement, driven from the panel; everything real, hence slow."""

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.jobs.center import JobCenter, JobState
from app.views.job_panel import JobPanel
from app.workbench import Workbench
from avatarpose.estimation.association import label_detections
from avatarpose.formats.detect import read_capture
from avatarpose.installation import resource_path
from avatarpose.optimize.settings import RunRequest
from tests.app.scenes import make_bench

pytestmark = pytest.mark.slow
LEFT = Qt.MouseButton.LeftButton
PATIENCE_MS = 180_000
REQUEST = RunRequest("preview", frames=(30, 31), cameras=("4", "28", "52"), device="cpu")


@pytest.fixture
def bench(qapp: QApplication) -> Iterator[Workbench]:  # noqa: ARG001
    bench = make_bench(label_detections(read_capture(resource_path("sample", "hug"))))
    yield bench
    bench.footage.close()


@pytest.fixture
def center(bench: Workbench) -> Iterator[JobCenter]:
    center = JobCenter(bench)
    yield center
    assert center.shutdown()


@pytest.fixture
def panel(qtbot: QtBot, bench: Workbench, center: JobCenter) -> JobPanel:
    panel = JobPanel(bench, center)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def wait_for(qtbot: QtBot, center: JobCenter, *states: JobState) -> None:
    qtbot.waitUntil(lambda: center.state in states, timeout=PATIENCE_MS)
    assert center.state is not JobState.FAILED, center.problem


def test_a_real_run_is_paused_resumed_and_stopped_and_leaves_a_layer(
    qtbot: QtBot, bench: Workbench, center: JobCenter, panel: JobPanel
) -> None:
    before = bench.document.scene
    assert before is not None
    center.start(REQUEST)
    wait_for(qtbot, center, JobState.RUNNING, JobState.FAILED)
    QTest.mouseClick(panel.pause, LEFT)
    assert center.state is JobState.PAUSED
    QTest.mouseClick(panel.pause, LEFT)
    with qtbot.waitSignal(center.progressed, timeout=PATIENCE_MS):
        pass
    QTest.mouseClick(panel.stop, LEFT)
    wait_for(qtbot, center, JobState.DONE, JobState.FAILED)
    after = bench.document.scene
    assert after is not None
    assert after.person(0).shown == "run:1"
    outside = ~np.isin(after.capture.frames, REQUEST.frames)
    np.testing.assert_array_equal(
        after.person(0).layer("run:1").poses.body_pose[outside],
        before.person(0).poses().body_pose[outside],
    )
    assert bench.document.undo_stack.undoText() == "Refine, frames 30–31"
    bench.document.undo_stack.undo()
    assert bench.document.scene is before


def test_a_real_run_is_cancelled_and_puts_everything_back(
    qtbot: QtBot, bench: Workbench, center: JobCenter, panel: JobPanel
) -> None:
    before = bench.document.scene
    center.start(REQUEST)
    wait_for(qtbot, center, JobState.RUNNING, JobState.FAILED)
    QTest.mouseClick(panel.cancel, LEFT)
    wait_for(qtbot, center, JobState.CANCELLED)
    assert bench.document.scene is before
    assert bench.bodies.live is None
