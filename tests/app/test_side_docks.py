"""Outliner, inspector and history."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QToolButton
from pytestqt.qtbot import QtBot

from app.jobs.errors import ErrorSurvey
from app.views.history import History
from app.views.inspector import Inspector, euler_deg, rotvec_of_euler_deg
from app.views.outliner import CAMERA, EYE, JOINT, LAYER, LOCK, NAME, PERSON, Outliner
from app.workbench import Workbench
from avatarpose.body.skeleton import Joint
from avatarpose.geometry.rotation import geodesic_angle, matrix_from_rotvec
from avatarpose.scene import edits
from avatarpose.scene.layers import Strength, ViewPin
from avatarpose.scene.scene import RunRecord, Scene
from tests.app.scenes import make_bench, two_people

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
WRIST = int(Joint.LEFT_WRIST)


@pytest.fixture(scope="module")
def scene() -> Scene:
    scene = two_people()
    record = RunRecord("run:1", "preview", (21, 44), (0, 1), 1.0)
    poses = {pid: scene.person(pid).poses() for pid in scene.pids}
    return edits.show_layer(edits.adopt_run(scene, record, poses), "initial")


@pytest.fixture
def bench(qapp: QApplication, scene: Scene) -> Iterator[Workbench]:  # noqa: ARG001
    bench = make_bench(scene)
    yield bench
    bench.footage.close()


@pytest.fixture
def outliner(qtbot: QtBot, bench: Workbench) -> Outliner:
    outliner = Outliner(bench)
    qtbot.addWidget(outliner)
    outliner.resize(280, 620)
    with qtbot.waitExposed(outliner):
        outliner.show()
    return outliner


@pytest.fixture
def inspector(qtbot: QtBot, bench: Workbench) -> Iterator[Inspector]:
    survey = ErrorSurvey(bench)
    inspector = Inspector(bench, survey=survey)
    qtbot.addWidget(inspector)
    inspector.resize(320, 620)
    with qtbot.waitExposed(inspector):
        inspector.show()
    yield inspector
    survey.shutdown()


def place_of(outliner: Outliner, kind: str, key: object, column: int = NAME) -> QPoint:
    item = outliner.item(kind, key)
    assert item is not None
    outliner.tree.scrollToItem(item)
    rect = outliner.tree.visualItemRect(item)
    if column == NAME:
        return rect.center() - QPoint(10, 0)
    left = outliner.tree.columnViewportPosition(column)
    return QPoint(left + outliner.tree.columnWidth(column) // 2, rect.center().y())


def click(outliner: Outliner, kind: str, key: object, column: int = NAME) -> None:
    QTest.mouseClick(outliner.tree.viewport(), LEFT, NONE, place_of(outliner, kind, key, column))


def correct(scene: Scene, pid: int = 1, index: int = 4, **more: object) -> Scene:
    poses = scene.person(pid).poses()
    moved = poses.transl[index] + np.array([0, 0, 0.1], np.float32)
    return edits.set_pose(scene, pid, index, poses.rotvecs[index], moved, joints=(WRIST,), **more)  # pyright: ignore[reportArgumentType]


def test_a_click_on_a_person_selects_and_on_the_eye_hides(
    outliner: Outliner, bench: Workbench
) -> None:
    click(outliner, PERSON, 1)
    assert bench.selection.pid == 1
    click(outliner, PERSON, 0, EYE)
    assert bench.selection.hidden == {0}
    click(outliner, PERSON, 0, LOCK)
    assert bench.selection.locked == {0}
    item = outliner.item(PERSON, 0)
    assert item is not None
    assert item.data(NAME, Qt.ItemDataRole.AccessibleTextRole) == "Ada, hidden, locked"
    click(outliner, PERSON, 0, EYE)
    click(outliner, PERSON, 0, LOCK)
    assert not bench.selection.hidden
    assert not bench.selection.locked
    assert bench.selection.pid == 1


def test_a_click_on_a_layer_shows_it_as_one_undo_step(outliner: Outliner, bench: Workbench) -> None:
    click(outliner, LAYER, (0, "run:1"))
    assert bench.document.scene is not None
    assert bench.document.scene.person(0).shown == "run:1"
    assert bench.document.scene.person(1).shown == "initial"
    assert bench.document.undo_stack.undoText() == "Show Run 1, Ada"
    bench.document.undo_stack.undo()
    assert bench.document.scene.person(0).shown == "initial"


def test_a_person_is_renamed_by_double_click_and_typing(
    qtbot: QtBot, outliner: Outliner, bench: Workbench
) -> None:
    place = place_of(outliner, PERSON, 0)
    view = outliner.tree.viewport()
    QTest.mouseClick(view, LEFT, NONE, place)
    QTest.mouseDClick(view, LEFT, NONE, place)
    editor = outliner.tree.findChild(QLineEdit)
    assert editor is not None
    editor.selectAll()
    QTest.keyClicks(editor, "Zoe")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bench.document.undo_stack.count() == 1)  # Qt commits a turn later
    assert bench.document.scene is not None
    assert bench.document.scene.person(0).name == "Zoe"
    assert bench.document.undo_stack.undoText() == "Rename Ada to Zoe"
    bench.document.undo_stack.undo()
    qtbot.waitUntil(lambda: _text(outliner, PERSON, 0) == "Ada")


def test_cameras_and_joints_are_chosen_by_click_and_by_key(
    outliner: Outliner, bench: Workbench
) -> None:
    click(outliner, CAMERA, "16")
    assert bench.selection.camera == "16"
    group = outliner.item("group", "joints")
    assert group is not None
    group.setExpanded(True)
    click(outliner, JOINT, WRIST)
    assert (bench.selection.pid, bench.selection.joint) == (0, WRIST)
    QTest.keyClick(outliner.tree, Qt.Key.Key_Down)
    QTest.keyClick(outliner.tree, Qt.Key.Key_Return)
    assert bench.selection.joint == WRIST + 1


def test_corrections_and_missing_pictures_are_named(
    qtbot: QtBot, outliner: Outliner, bench: Workbench, scene: Scene
) -> None:
    assert _text(outliner, CAMERA, "16") == "16   4 frames missing"
    bench.document.edit("Move", correct(scene))
    qtbot.waitUntil(lambda: _text(outliner, LAYER, (1, "initial")) == "Initial + 1 correction")


def test_an_empty_outliner_says_what_will_fill_it(
    qtbot: QtBot, outliner: Outliner, bench: Workbench
) -> None:
    bench.document.open(None)
    qtbot.waitUntil(lambda: outliner.tree.topLevelItemCount() == 1)
    item = outliner.tree.topLevelItem(0)
    assert item is not None
    assert "Open a project" in item.text(NAME)


def _text(outliner: Outliner, kind: str, key: object) -> str:
    item = outliner.item(kind, key)
    return "" if item is None else item.text(NAME)


def test_the_inspector_shows_the_selected_joint(
    qtbot: QtBot, inspector: Inspector, bench: Workbench, scene: Scene
) -> None:
    bench.selection.select(1, WRIST)
    bench.playback.seek(9)
    qtbot.waitUntil(lambda: inspector.title.text() == "Left wrist")
    assert inspector.subtitle.text() == "Ben  ·  frame 30  ·  Initial"
    body = bench.bodies.at(scene, 1, 9)
    assert body is not None
    assert f"{body.joints_world[0, WRIST, 0]:.3f}" in inspector.position.text()
    assert not inspector.remove.isVisible()


def test_the_inspector_shows_the_error_of_every_camera(
    qtbot: QtBot, inspector: Inspector, bench: Workbench
) -> None:
    bench.selection.select(0, WRIST)
    bench.playback.seek(9)
    qtbot.waitUntil(
        lambda: bool(inspector.errors.rows) and bool(np.isfinite(inspector.errors.rows[0][1]))
    )
    assert [row[0] for row in inspector.errors.rows] == ["4", "16", "28"]
    assert all(row[1] > 1 and row[2] > 1 for row in inspector.errors.rows)
    bench.playback.seek(3)
    qtbot.waitUntil(lambda: inspector.errors.rows[0][1] < 0.01)


def test_a_typed_angle_turns_the_joint_in_one_undo_step(
    qtbot: QtBot, inspector: Inspector, bench: Workbench, scene: Scene
) -> None:
    bench.settings.change(spread="frame")
    bench.selection.select(0, WRIST)
    bench.playback.seek(3)
    qtbot.waitUntil(lambda: inspector.title.text() == "Left wrist")
    field = inspector.angles[1]
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "30")
    QTest.keyClick(field, Qt.Key.Key_Return)
    after = bench.document.scene
    assert after is not None
    turned = after.person(0).poses().rotvecs[3, WRIST]
    np.testing.assert_allclose(turned, [0, np.pi / 6, 0], atol=1e-5)
    np.testing.assert_array_equal(
        after.person(0).poses().rotvecs[4], scene.person(0).poses().rotvecs[4]
    )
    assert bench.document.undo_stack.undoText() == "Turn left wrist, Ada, f 24"
    bench.document.undo_stack.undo()
    assert bench.document.scene is scene


def test_strength_is_chosen_and_the_correction_removed(
    qtbot: QtBot, inspector: Inspector, bench: Workbench, scene: Scene
) -> None:
    bench.selection.select(1, WRIST)
    bench.playback.seek(4)
    bench.document.edit("Move", correct(scene))
    qtbot.waitUntil(inspector.strengths[Strength.SOFT].isChecked)
    QTest.mouseClick(inspector.strengths[Strength.LOCKED], LEFT)
    assert bench.document.scene is not None
    assert bench.document.scene.person(1).edit().keys[4].strength[WRIST] == Strength.LOCKED
    qtbot.waitUntil(inspector.strengths[Strength.LOCKED].isChecked)
    QTest.mouseClick(inspector.remove, LEFT)
    assert not bench.document.scene.person(1).edit().keys
    qtbot.waitUntil(lambda: not inspector.remove.isVisible())
    assert not inspector.strengths[Strength.SOFT].isEnabled()


def test_a_pin_can_be_removed_while_the_correction_stays(
    qtbot: QtBot, inspector: Inspector, bench: Workbench, scene: Scene
) -> None:
    bench.selection.select(1, WRIST)
    bench.playback.seek(4)
    pins = (ViewPin("4", 4, WRIST, (10.0, 20.0)), ViewPin("28", 4, WRIST, (30.0, 40.0)))
    bench.document.edit("Move", correct(scene, pins=pins))
    qtbot.waitUntil(lambda: inspector.findChild(QToolButton, "remove pin 28") is not None)
    button = inspector.findChild(QToolButton, "remove pin 28")
    assert isinstance(button, QToolButton)
    QTest.mouseClick(button, LEFT)
    assert bench.document.scene is not None
    edit = bench.document.scene.person(1).edit()
    assert [pin.camera for pin in edit.view_pins] == ["4"]
    assert 4 in edit.keys


def test_the_inspector_asks_for_a_selection(
    qtbot: QtBot, inspector: Inspector, bench: Workbench
) -> None:
    bench.selection.select(None)
    qtbot.waitUntil(inspector.empty.isVisible)
    assert "Select a person" in inspector.empty.text()


@given(arrays(np.float64, 3, elements=st.floats(-np.pi, np.pi)))
def test_angles_and_rotation_vectors_name_the_same_rotation(rotvec: np.ndarray) -> None:
    back = rotvec_of_euler_deg(euler_deg(rotvec))
    angle = geodesic_angle(
        matrix_from_rotvec(rotvec.astype(np.float64)), matrix_from_rotvec(back.astype(np.float64))
    )
    assert float(angle) < 1e-3


def test_the_history_lists_steps_and_jumps_to_them(
    qtbot: QtBot, bench: Workbench, scene: Scene
) -> None:
    history = History(bench)
    qtbot.addWidget(history)
    history.resize(260, 200)
    with qtbot.waitExposed(history):
        history.show()
    bench.document.edit("Move", correct(scene))
    bench.document.edit("Rename", edits.rename_person(scene, 0, "Eve"))
    first = history.list.model().index(0, 0)
    QTest.mouseClick(history.list.viewport(), LEFT, NONE, history.list.visualRect(first).center())
    assert bench.document.scene is scene
    assert history.accessibleDescription() == "2 steps, 0 of them done"
