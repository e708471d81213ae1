from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.jobs.center import JobCenter, JobState
from app.views.strips import TimeScale, spans
from app.views.timeline import Timeline
from app.workbench import Workbench
from avatarpose.optimize.settings import RunRequest
from avatarpose.scene import edits
from avatarpose.scene.scene import Scene
from tests.app.scenes import FRAMES, WRONG_FRAMES, make_bench, two_people
from tests.app.smoothing_session import open_smoothing

NONE, SHIFT, ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton


@pytest.fixture(scope="module")
def scene() -> Scene:
    return two_people()


@pytest.fixture
def bench(qapp: QApplication, scene: Scene) -> Iterator[Workbench]:  # noqa: ARG001
    bench = make_bench(scene)
    yield bench
    bench.footage.close()


@pytest.fixture
def timeline(qtbot: QtBot, bench: Workbench) -> Iterator[Timeline]:
    timeline = Timeline(bench)
    qtbot.addWidget(timeline)
    timeline.resize(1100, 240)
    with qtbot.waitExposed(timeline):
        timeline.show()
    qtbot.waitUntil(lambda: timeline.survey.is_complete)
    yield timeline
    timeline.survey.shutdown()


def drag(
    timeline: Timeline, button: Qt.MouseButton, keys: Qt.KeyboardModifier, *indices: int
) -> None:
    view = timeline.canvas.viewport()
    places = [timeline.canvas.point_of(index) for index in indices]
    QTest.mousePress(view, button, keys, places[0])
    for place in places[1:]:
        QTest.mouseMove(view, place)
    QTest.mouseRelease(view, button, keys, places[-1])


@given(
    count=st.integers(1, 20_000),
    width=st.floats(50, 3000),
    x=st.floats(0, 1),
    factors=st.lists(st.floats(0.3, 3), max_size=6),
)
def test_zooming_keeps_the_frame_under_the_cursor_or_the_whole_in_view(
    count: int, width: float, x: float, factors: list[float]
) -> None:
    scale = TimeScale.whole(100, width, count)
    for factor in factors:
        at = 100 + x * width
        before = (at - scale.left) / scale.per_frame + scale.first
        zoomed = scale.zoomed(factor, at)
        after = (at - zoomed.left) / zoomed.per_frame + zoomed.first
        most = max(count - width / zoomed.per_frame, 0.0)
        if 0 < zoomed.first < most:
            assert after == pytest.approx(before, abs=1e-6 * count)
        assert 0 <= zoomed.first <= most + 1e-9
        scale = zoomed


@given(st.integers(1, 5000), st.floats(50, 3000), st.data())
def test_the_middle_of_a_cell_belongs_to_its_frame(
    count: int, width: float, data: st.DataObject
) -> None:
    scale = TimeScale.whole(100, width, count)
    index = data.draw(st.integers(0, count - 1))
    assert scale.index_at(scale.x(index)) == index


@given(st.lists(st.booleans(), max_size=40))
def test_spans_cover_exactly_the_true_flags(flags: list[bool]) -> None:
    rebuilt = np.zeros(len(flags), bool)
    for first, last in spans(np.array(flags, bool)):
        assert not rebuilt[first : last + 1].any()
        rebuilt[first : last + 1] = True
    assert rebuilt.tolist() == flags


def test_a_click_shows_the_frame_under_it(timeline: Timeline, bench: Workbench) -> None:
    QTest.mouseClick(timeline.canvas.viewport(), LEFT, NONE, timeline.canvas.point_of(7))
    assert bench.playback.index == 7


def test_dragging_scrubs(timeline: Timeline, bench: Workbench) -> None:
    drag(timeline, LEFT, NONE, 3, 8, 15)
    assert bench.playback.index == 15
    assert bench.playback.range is None


def test_shift_drag_selects_a_range_and_leaves_the_frame(
    timeline: Timeline, bench: Workbench
) -> None:
    bench.playback.seek(2)
    drag(timeline, LEFT, SHIFT, 6, 10, 18)
    assert bench.playback.range == (6, 18)
    assert bench.playback.index == 2


def test_a_range_can_be_selected_backwards_and_adjusted_at_its_end(
    timeline: Timeline, bench: Workbench
) -> None:
    drag(timeline, LEFT, SHIFT, 18, 6)
    assert bench.playback.range == (6, 18)
    canvas = timeline.canvas
    start = QPoint(round(canvas.scale.edge(19)), canvas.point_of(0).y())
    QTest.mousePress(canvas.viewport(), LEFT, NONE, start)
    QTest.mouseMove(canvas.viewport(), canvas.point_of(12))
    QTest.mouseRelease(canvas.viewport(), LEFT, NONE, canvas.point_of(12))
    assert bench.playback.range == (6, 12)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert bench.playback.range is None


def test_the_wheel_zooms_at_the_cursor_and_middle_drag_pans(timeline: Timeline) -> None:
    canvas = timeline.canvas
    place = canvas.point_of(12)
    for _ in range(8):
        position = QPointF(place)
        wheel = QWheelEvent(
            position, canvas.viewport().mapToGlobal(position), QPoint(), QPoint(0, 120),
            Qt.MouseButton.NoButton, NONE, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(canvas.viewport(), wheel)
    assert canvas.scale.index_at(place.x()) == 12
    assert canvas.scale.visible()[0] > 0
    first = canvas.scale.visible()[0]
    drag(timeline, MIDDLE, NONE, 12, 14)
    assert canvas.scale.visible()[0] < first
    QTest.mouseClick(timeline.transport.zoom_out, LEFT)
    assert canvas.scale.visible() == (0, FRAMES - 1)


def test_keys_step_jump_and_play(qtbot: QtBot, timeline: Timeline, bench: Workbench) -> None:
    key, canvas = Qt.Key, timeline.canvas
    QTest.keyClick(canvas, key.Key_Right)
    assert bench.playback.index == 1
    QTest.keyClick(canvas, key.Key_Right, SHIFT)
    assert bench.playback.index == 11
    QTest.keyClick(canvas, key.Key_Left)
    assert bench.playback.index == 10
    QTest.keyClick(canvas, key.Key_End)
    assert bench.playback.index == FRAMES - 1
    QTest.keyClick(canvas, key.Key_Home)
    assert bench.playback.index == 0
    with qtbot.waitSignal(bench.playback.frame_changed):
        QTest.keyClick(canvas, key.Key_Space)
    assert bench.playback.is_playing
    QTest.keyClick(canvas, key.Key_Space)
    assert not bench.playback.is_playing


def test_j_visits_the_doubtful_frames_in_both_directions(
    timeline: Timeline, bench: Workbench
) -> None:
    for wanted in WRONG_FRAMES:
        QTest.keyClick(timeline.canvas, Qt.Key.Key_J)
        assert bench.playback.index == wanted
    QTest.keyClick(timeline.canvas, Qt.Key.Key_J)
    assert bench.playback.index == WRONG_FRAMES[-1]
    QTest.keyClick(timeline.canvas, Qt.Key.Key_J, SHIFT)
    assert bench.playback.index == WRONG_FRAMES[-2]
    QTest.mouseClick(timeline.transport.next_doubtful, LEFT)
    assert bench.playback.index == WRONG_FRAMES[-1]


def test_a_limit_set_by_hand_decides_what_is_doubtful(timeline: Timeline) -> None:
    limit = timeline.transport.limit
    limit.setFocus()
    limit.selectAll()
    QTest.keyClicks(limit, "100")
    QTest.keyClick(limit, Qt.Key.Key_Return)
    assert timeline.survey.threshold_px == 100
    assert not timeline.survey.doubtful().any()
    assert not timeline.transport.next_doubtful.isEnabled()


def test_an_edit_is_measured_and_can_be_jumped_to(
    qtbot: QtBot, timeline: Timeline, bench: Workbench, scene: Scene
) -> None:
    right = scene.person(0).poses()
    mended = right.transl[9] - np.array([0, 0.15, 0], np.float32)
    bench.document.edit("Move", edits.set_pose(scene, 0, 9, right.rotvecs[9], mended))
    qtbot.waitUntil(lambda: timeline.survey.is_complete)
    assert np.flatnonzero(timeline.survey.doubtful()).tolist() == list(WRONG_FRAMES[1:])
    QTest.keyClick(timeline.canvas, Qt.Key.Key_Right, ALT)
    assert bench.playback.index == 9
    assert "Ada" in timeline.accessibleDescription()
    assert "1 corrected frame" in timeline.accessibleDescription()
    bench.document.undo_stack.undo()
    qtbot.waitUntil(lambda: timeline.survey.is_complete)
    assert np.flatnonzero(timeline.survey.doubtful()).tolist() == list(WRONG_FRAMES)


def test_the_frame_field_takes_frame_numbers(timeline: Timeline, bench: Workbench) -> None:
    field = timeline.transport.frame
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "30")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert bench.playback.index == 9


def test_opening_nothing_leaves_a_sentence_instead_of_strips(
    timeline: Timeline, bench: Workbench
) -> None:
    bench.document.open(None)
    assert not timeline.canvas.isVisible()
    assert timeline.summary() == "Nothing is open."


def test_a_run_is_drawn_while_it_goes_on(qtbot: QtBot, bench: Workbench) -> None:
    center = JobCenter(bench, opener=open_smoothing, in_process=False)
    timeline = Timeline(bench, center=center)
    qtbot.addWidget(timeline)
    timeline.resize(900, 240)
    timeline.show()
    qtbot.waitUntil(lambda: timeline.survey.is_complete)
    before = timeline.grab().toImage()
    center.start(RunRequest("full", frames=(25, 35)))
    qtbot.waitUntil(lambda: center.state is JobState.RUNNING)
    assert timeline.grab().toImage() != before
    assert center.shutdown()
    timeline.survey.shutdown()
