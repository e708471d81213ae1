from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from app.jobs.center import JobCenter, JobState
from app.jobs.curves import LossCurves, thinned
from app.views.job_panel import JobPanel
from app.views.loss_plot import without_gaps
from app.views.wording import duration
from app.workbench import Workbench
from avatarpose.body.pose import PoseSequence
from avatarpose.optimize.settings import RunRequest
from avatarpose.optimize.snapshot import Snapshot
from avatarpose.scene.scene import Scene
from tests.app.scenes import make_bench, two_people
from tests.app.smoothing_session import open_smoothing

LEFT = Qt.MouseButton.LeftButton
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def scene() -> Scene:
    return two_people()


@pytest.fixture
def bench(qapp: QApplication, scene: Scene) -> Iterator[Workbench]:  # noqa: ARG001
    bench = make_bench(scene)
    yield bench
    bench.footage.close()


@pytest.fixture
def center(bench: Workbench) -> Iterator[JobCenter]:
    center = JobCenter(bench, opener=open_smoothing, in_process=False)
    yield center
    assert center.shutdown()


@pytest.fixture
def panel(qtbot: QtBot, bench: Workbench, center: JobCenter) -> JobPanel:
    panel = JobPanel(bench, center)
    qtbot.addWidget(panel)
    panel.resize(520, 360)
    with qtbot.waitExposed(panel):
        panel.show()
    return panel


def click(button: QPushButton) -> None:
    QTest.mouseClick(button, LEFT)


def choose(panel: JobPanel, preset: str) -> None:
    action = next(it for it in panel.more.menu().actions() if it.data() == preset)
    action.trigger()


def wait_for(qtbot: QtBot, center: JobCenter, state: JobState) -> None:
    qtbot.waitUntil(lambda: center.state is state, timeout=PATIENCE_MS)


def snapshot(step: int, stage: int, loss: float) -> Snapshot:
    return Snapshot(
        step, 100, f"stage {stage}", stage, 2, 1.0, 1.0, 1.0, {"total": loss}, 1,
        {0: PoseSequence.rest(2)},
    )  # fmt: skip


def test_refine_pause_resume_and_stop_by_their_buttons(
    qtbot: QtBot, panel: JobPanel, center: JobCenter, bench: Workbench
) -> None:
    choose(panel, "full")
    bench.playback.select_range((4, 12))
    assert panel.refine.text() == "Refine frames 25–33  ·  Full"
    assert not panel.pause.isVisible()
    click(panel.refine)
    assert not panel.refine.isVisible()
    wait_for(qtbot, center, JobState.RUNNING)
    click(panel.pause)
    assert center.state is JobState.PAUSED
    assert panel.pause.text() == "Resume"
    click(panel.pause)
    assert center.state is JobState.RUNNING
    assert panel.pause.text() == "Pause"
    click(panel.stop)
    wait_for(qtbot, center, JobState.DONE)
    assert bench.document.undo_stack.undoText() == "Refine, frames 25–33"
    assert "Kept as Run 1" in panel.note.text()
    assert panel.refine.isVisible()


def test_cancel_puts_back_and_says_so(
    qtbot: QtBot, panel: JobPanel, center: JobCenter, bench: Workbench, scene: Scene
) -> None:
    choose(panel, "full")
    click(panel.refine)
    wait_for(qtbot, center, JobState.RUNNING)
    click(panel.cancel)
    wait_for(qtbot, center, JobState.CANCELLED)
    assert bench.document.scene is scene
    assert panel.note.text() == "Cancelled: the poses are as they were."


def test_a_failure_is_told_with_its_remedy(
    qtbot: QtBot, panel: JobPanel, center: JobCenter
) -> None:
    center.start(RunRequest("preview", seed=-1))
    wait_for(qtbot, center, JobState.FAILED)
    assert "The seed is negative." in panel.note.text()
    assert "Choose a seed from 0 on." in panel.note.text()
    assert panel.refine.isVisible()


def test_progress_losses_and_time_left_are_shown(
    qtbot: QtBot, panel: JobPanel, center: JobCenter
) -> None:
    choose(panel, "full")
    click(panel.refine)
    qtbot.waitUntil(
        lambda: center.snapshot is not None and center.snapshot.step > 5, timeout=PATIENCE_MS
    )
    assert "of 10,000,000" in panel.numbers.text()
    assert "left, until" in panel.time.text()
    assert "smoothness" in panel.plot.accessibleDescription()
    assert "Stage 1 of 2" in panel.stages.accessibleDescription()
    click(panel.stop)
    wait_for(qtbot, center, JobState.DONE)
    assert panel.progress.value() < 1000, "a run that was stopped early is not shown as complete"
    assert "Stopped early" in panel.note.text()


def test_the_sheet_asks_for_exactly_what_is_ticked(
    qtbot: QtBot, panel: JobPanel, bench: Workbench, center: JobCenter
) -> None:
    bench.playback.select_range((2, 5))
    panel.open_sheet()
    sheet = panel.sheet
    assert sheet is not None
    assert (sheet.first.value(), sheet.last.value()) == (23, 26)
    click(sheet.all_frames)
    sheet.presets["preview"].click()
    sheet.people[1].click()
    sheet.cameras["16"].click()
    request = sheet.request()
    assert request == RunRequest("preview", None, (0,), ("4", "28"))
    sheet.last.setValue(30)
    assert sheet.request().frames == (21, 30)
    click(sheet.start)
    assert center.request == RunRequest("preview", (21, 30), (0,), ("4", "28"))
    wait_for(qtbot, center, JobState.DONE)
    assert bench.document.scene is not None
    assert bench.document.scene.person(1).shown == "initial"
    assert bench.document.scene.person(0).shown == "run:1"
    qtbot.waitUntil(lambda: panel.sheet is None)


def test_the_sheet_refuses_and_says_why(panel: JobPanel) -> None:
    panel.open_sheet()
    sheet = panel.sheet
    assert sheet is not None
    for box in sheet.people.values():
        box.click()
    assert not sheet.start.isEnabled()
    assert "at least one person" in sheet.notes.text()
    sheet.close()


def test_without_a_scene_refine_says_what_is_missing(panel: JobPanel, bench: Workbench) -> None:
    bench.document.open(None)
    assert not panel.refine.isEnabled()
    assert "Open a project" in panel.refine.toolTip()


def test_closing_during_a_run_leaves_no_thread(
    qtbot: QtBot, panel: JobPanel, center: JobCenter
) -> None:
    choose(panel, "full")
    click(panel.refine)
    wait_for(qtbot, center, JobState.RUNNING)
    panel.close()
    assert center.shutdown()
    assert not center.is_working


def test_curves_keep_the_lowest_point_however_long_the_run() -> None:
    curves = LossCurves()
    for step in range(20_000):
        curves.add(snapshot(step, 0, 0.001 if step == 777 else 1.0 + 1e-6 * step))
    assert len(curves.terms["total"]) <= 1500
    assert curves.best("total") == (777, 0.001)


def test_stages_are_learned_from_the_snapshots_where_no_schedule_is_stated() -> None:
    curves = LossCurves()
    for step in range(10):
        curves.add(snapshot(step, int(step >= 4), 1.0))
    bands = [(band.name, band.first_step, band.last_step) for band in curves.bands]
    assert bands == [("stage 0", 0, 3), ("stage 1", 4, 9)]


def test_thinning_keeps_first_last_and_lowest() -> None:
    points = [(at, abs(at - 61.0) + 1) for at in range(1000)]
    kept = thinned(points, 50)
    assert len(kept) <= 53
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert (61, 1.0) in kept


def test_a_term_that_rests_during_a_stage_is_not_drawn_through_it() -> None:
    points = [(at, 1.0) for at in (*range(0, 100, 5), *range(300, 400, 5))]
    stretches = without_gaps(points, 400)
    assert [(part[0][0], part[-1][0]) for part in stretches] == [(0, 95), (300, 395)]
    assert [point for part in stretches for point in part] == points


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (61, "1:01 min"), (3720, "1:02 h")]
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text
