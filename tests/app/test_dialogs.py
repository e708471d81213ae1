from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.settings import Settings
from app.views.dialogs import SettingsDialog, ShortcutSheet, keys_of, show_problem
from avatarpose.installation import resource_path

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def dialog(qtbot: QtBot) -> Iterator[SettingsDialog]:
    dialog = SettingsDialog(Settings())
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    with qtbot.waitExposed(dialog):
        dialog.show()
    yield dialog
    dialog.close()


def test_a_problem_is_told_with_its_remedy_and_can_be_copied(qtbot: QtBot) -> None:
    owner = QWidget()
    qtbot.addWidget(owner)
    owner.show()
    dialog = show_problem("Camera 4 has no pictures.", "Add its folder.", owner)
    assert dialog.problem.text() == "Camera 4 has no pictures."
    assert dialog.remedy.text() == "Add its folder."
    QTest.mouseClick(dialog.copy, LEFT)
    assert QGuiApplication.clipboard().text() == "Camera 4 has no pictures.\nAdd its folder."
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not owner.findChildren(type(dialog)) or not dialog.isVisible()


def test_the_shortcut_sheet_lists_keys_and_narrows_them_down(qtbot: QtBot) -> None:
    owner = QWidget()
    qtbot.addWidget(owner)
    play, undo, about = QAction("&Play", owner), QAction("&Undo…", owner), QAction("About", owner)
    play.setShortcut("Space")
    undo.setShortcuts(["Ctrl+Z", "Alt+Backspace"])
    sheet = ShortcutSheet([keys_of("Frames", [play]), keys_of("Edit", [undo, about])])
    qtbot.addWidget(sheet)
    sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    sheet.show()
    assert [what for what, _ in sheet.rows()] == ["Play", "Undo"]
    QTest.keyClicks(sheet.filter, "ctrl")
    assert [what for what, _ in sheet.rows()] == ["Undo"]
    QTest.keyClicks(sheet.filter, "x")
    assert sheet.rows() == []


def test_a_choice_in_the_settings_is_in_force_at_once(dialog: SettingsDialog) -> None:
    settings = dialog.settings
    dialog.theme.setFocus()
    QTest.keyClicks(dialog.theme, "l")
    assert settings.values.theme == "light"
    dialog.show_topic("Editing")
    dialog.ease.setFocus()
    dialog.ease.selectAll()
    QTest.keyClicks(dialog.ease, "7")
    assert settings.values.ease_frames == 7


def type_path(dialog: SettingsDialog, path: Path) -> None:
    dialog.show_topic("Body model")
    dialog.body.path.setFocus()
    dialog.body.path.selectAll()
    QTest.keyClicks(dialog.body.path, str(path))
    QTest.keyClick(dialog.body.path, Qt.Key.Key_Return)


def test_a_body_model_is_read_and_named_before_it_is_taken(
    qtbot: QtBot, dialog: SettingsDialog
) -> None:
    path = resource_path("body", "body_smpl24.npz")
    type_path(dialog, path)
    qtbot.waitUntil(lambda: "7,000 vertices" in dialog.body.state.text())
    assert dialog.settings.values.body_model == str(path)


def test_what_is_no_body_model_is_refused_with_a_reason(
    qtbot: QtBot, dialog: SettingsDialog, tmp_path: Path
) -> None:
    np.savez(tmp_path / "SMPL_NEUTRAL.npz", v_template=np.zeros((3, 3)))
    type_path(dialog, tmp_path)
    qtbot.waitUntil(lambda: "SMPL_NEUTRAL" in dialog.body.state.text())
    assert dialog.settings.values.body_model == ""
    type_path(dialog, tmp_path / "nothing")
    qtbot.waitUntil(lambda: "no body model" in dialog.body.state.text())


def test_an_emptied_field_means_the_open_body_again(qtbot: QtBot, dialog: SettingsDialog) -> None:
    type_path(dialog, resource_path("body", "body_smpl24.npz"))
    qtbot.waitUntil(lambda: "7,000 vertices" in dialog.body.state.text())
    dialog.body.path.clear()
    QTest.keyClick(dialog.body.path, Qt.Key.Key_Return)
    assert dialog.settings.values.body_model == ""
    assert "open adult body" in dialog.body.state.text()
