"""What the sheet of keys lists: every menu's commands, and what the mouse does in a view."""

from collections.abc import Iterator

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMainWindow, QMenu

from app.views.dialogs import KeyGroup, keys_of

IN_A_VIEW = (
    ("Drag a joint", "Left button"),
    ("Depth along the ray", "Wheel or D while dragging"),
    ("Fine movement", "Shift while dragging"),
    ("Put it back", "Esc or right button"),
    ("Next, previous joint", "Tab, Shift+Tab"),
    ("Pick the joint up, drop it", "Enter, Esc"),
    ("Move what is picked up", "Arrows (Shift: 10 px)"),
    ("Its depth", "Page Up, Page Down"),
    ("Zoom, pan", "Wheel, middle button"),
    ("Fit, frame the person", "Home, F"),
    ("Maximise, restore", "Double-click"),
)


def groups_of_keys(window: QMainWindow) -> list[KeyGroup]:
    """A topic per menu, as the menus of a window have them, and the views' own."""
    groups: list[KeyGroup] = []
    for entry in window.menuBar().actions():
        menu = entry.menu()
        if isinstance(menu, QMenu):
            title, rows = keys_of(entry.text().replace("&", ""), _commands(menu))
            groups.append((title, rows))
    groups.append(("In a camera view", list(IN_A_VIEW)))
    return groups


def _commands(menu: QMenu) -> Iterator[QAction]:
    for action in menu.actions():
        below = action.menu()
        if isinstance(below, QMenu):
            yield from _commands(below)
        else:
            yield action
