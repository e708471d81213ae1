from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from app.main_window import MainWindow
from app.project_files import show_scene, with_room_for_poses
from app.views.dialogs import ProblemDialog
from app.views.start_page import StartPage
from avatarpose.body.skeleton import Joint
from avatarpose.scene.edits import set_pose
from avatarpose.scene.scene import Scene

pytestmark = pytest.mark.gl

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path) -> Iterator[MainWindow]:
    window = MainWindow(projects_folder=tmp_path / "projects")
    window.show()
    qtbot.waitExposed(window)
    yield window
    show_scene(window.bench, None)
    window.close()
    window.deleteLater()


@pytest.fixture
def open_window(window: MainWindow, walk: Scene) -> MainWindow:
    """The window with a scene that was never on disk."""
    show_scene(window.bench, walk)
    return window


def left_wrist(window: MainWindow) -> np.ndarray:
    scene = window.bench.document.shown
    assert scene is not None
    body = window.bench.bodies.at(scene, 0, window.bench.playback.index)
    assert body is not None
    return body.joints_world[0, Joint.LEFT_WRIST].copy()


def lifted(scene: Scene, index: int = 0) -> Scene:
    poses = scene.person(0).poses()
    rotvecs = poses.rotvecs[index]
    rotvecs[Joint.LEFT_SHOULDER] += 0.3
    return set_pose(scene, 0, index, rotvecs, poses.transl[index])


def test_without_a_scene_the_start_page_offers_the_ways_in(window: MainWindow):
    page = window.findChild(StartPage)
    assert page is not None
    assert page.isVisible()
    assert not any(dock.isVisible() for dock in window.docks.values())
    texts = [button.text() for button in page.findChildren(QPushButton)]
    assert any("sample" in text for text in texts)
    assert window.windowTitle() == "avatarpose"


def test_the_sample_opens_without_blocking_and_shows_pictures(qtbot: QtBot, window: MainWindow):
    page = window.findChild(StartPage)
    assert page is not None
    sample = next(b for b in page.findChildren(QPushButton) if "sample" in b.text())
    with qtbot.waitSignal(window.files.opened, timeout=60_000):
        QTest.mouseClick(sample, LEFT)
        assert window.bench.document.scene is None
        assert not sample.isEnabled()
    assert len(window.grid.views) == 8
    assert window.grid.isVisible()
    assert all(dock.isVisible() for name, dock in window.docks.items() if name != "History")
    assert window.windowTitle().startswith("hug")
    qtbot.waitUntil(lambda: window.bench.footage.picture("88", 0, 2) is not None, timeout=10_000)
    scene = window.bench.document.scene
    assert scene is not None
    assert any((found.pid >= 0).any() for found in scene.detections.values())
    assert not window.isWindowModified()


def test_a_wrist_dragged_in_the_window_is_undone_and_redone_by_keys(open_window: MainWindow):
    window = open_window
    window.bench.settings.change(spread="frame")
    view = window.grid.views[0]
    view.repaint()
    before = left_wrist(window)
    start = view.joint_position(0, Joint.LEFT_WRIST)
    assert start is not None
    QTest.mousePress(view, LEFT, NONE, start.toPoint())
    QTest.mouseRelease(view, LEFT, NONE, start.toPoint() + QPoint(4, -8))
    moved = left_wrist(window)
    assert np.linalg.norm(moved - before) > 0.02
    assert window.isWindowModified()
    window.actions_by_name["undo"].trigger()
    np.testing.assert_allclose(left_wrist(window), before, atol=1e-6)
    window.actions_by_name["redo"].trigger()
    np.testing.assert_allclose(left_wrist(window), moved, atol=1e-6)


def test_b_shows_the_poses_before_as_long_as_it_is_held(
    qtbot: QtBot, open_window: MainWindow, walk: Scene
):
    window = open_window
    before = left_wrist(window)
    window.bench.document.edit("Lift", lifted(walk))
    after = left_wrist(window)
    with qtbot.waitActive(window):
        window.activateWindow()
    QTest.keyPress(window, Qt.Key.Key_B)
    np.testing.assert_allclose(left_wrist(window), before, atol=1e-6)
    QTest.keyRelease(window, Qt.Key.Key_B)
    np.testing.assert_allclose(left_wrist(window), after, atol=1e-6)
    assert window.bench.document.undo_stack.count() == 1


def test_every_command_with_a_key_is_in_a_menu_and_no_key_is_taken_twice(window: MainWindow):
    in_menus: set[str] = set()
    waiting = [action.menu() for action in window.menuBar().actions()]
    while waiting:
        menu = waiting.pop()
        assert menu is not None
        for action in menu.actions():
            in_menus.add(action.objectName())
            if action.menu() is not None:
                waiting.append(action.menu())
    keys: list[str] = []
    for action in window.actions_by_name.all():
        if action.shortcuts():
            assert action.objectName() in in_menus
            keys += [key.toString() for key in action.shortcuts()]
    assert len(keys) == len(set(keys))


def test_digits_choose_people_and_arrows_step(qtbot: QtBot, open_window: MainWindow):
    window = open_window
    with qtbot.waitActive(window):
        window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_2)
    assert window.bench.selection.pid == 1
    qtbot.keyClick(window, Qt.Key.Key_Right)
    assert window.bench.playback.index == 1
    qtbot.keyClick(window, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert window.bench.playback.index == 11


def test_a_folder_that_is_no_capture_is_refused_with_a_remedy(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
):
    with qtbot.waitSignal(window.files.failed, timeout=20_000):
        window.open_path(tmp_path)
    box = window.findChild(ProblemDialog, "problem")
    assert box is not None
    assert str(tmp_path) in box.problem.text()
    assert box.remedy.text()
    box.close()
    assert window.bench.document.scene is None


def test_leaving_with_changes_asks_and_cancel_stays(open_window: MainWindow, walk: Scene):
    window = open_window
    window.bench.document.edit("Lift", lifted(walk))

    def answer(button: QMessageBox.StandardButton) -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        box.button(button).click()

    QTimer.singleShot(0, lambda: answer(QMessageBox.StandardButton.Cancel))
    assert not window.close()
    assert window.isVisible()
    QTimer.singleShot(0, lambda: answer(QMessageBox.StandardButton.Discard))
    assert window.close()


def test_the_theme_switches_from_the_menu(window: MainWindow, qapp: QApplication):
    palette, sheet = qapp.palette(), qapp.styleSheet()
    window.actions_by_name["theme_light"].trigger()
    assert window.bench.settings.values.theme == "light"
    assert qapp.palette().window().color().lightness() > 128
    qapp.setPalette(palette)
    qapp.setStyleSheet(sheet)


def test_people_without_poses_are_shown_as_absent(window: MainWindow, walk: Scene):
    people = tuple(replace(who, layers=(), shown="") for who in walk.people)
    show_scene(window.bench, with_room_for_poses(replace(walk, people=people)))
    scene = window.bench.document.scene
    assert scene is not None
    assert [who.name for who in scene.people] == [who.name for who in walk.people]
    assert not any(who.poses().valid.any() for who in scene.people)
    assert window.actions_by_name["initialise"].isEnabled()
    window.actions_by_name["refine"].trigger()
    problem = window.findChild(ProblemDialog)
    assert problem is not None
    assert "Initialise" in problem.remedy.text()
    problem.close()
