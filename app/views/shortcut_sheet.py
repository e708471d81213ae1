"""The sheet of keys: what the commands say of themselves, and what the mouse does in a view."""

from collections.abc import Iterable

from PySide6.QtGui import QAction, QKeySequence

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


def shortcut_sheet(actions: Iterable[QAction]) -> str:
    """The sheet as rich text in three columns."""
    rows: list[tuple[str, str]] = []
    for action in actions:
        keys = [key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts()]
        if not keys:
            continue
        text = action.text().replace("&", "").rstrip("…")
        if action.objectName() == "person_1":
            text, keys = "Person 1 to 9", ["1 … 9"]
        elif action.objectName().startswith("person_"):
            continue
        rows.append((text, ", ".join(keys)))
    half = -(-len(rows) // 2)
    parts = (rows[:half], rows[half:], list(IN_A_VIEW))
    titles = ("Commands", "", "In a camera view")
    columns = "<td width='34'></td>".join(
        f"<td valign='top'>{_table(title, part)}</td>"
        for title, part in zip(titles, parts, strict=True)
    )
    return f"<table><tr>{columns}</tr></table>"


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    lines = "".join(
        f"<tr><td style='white-space:nowrap; padding:2px 20px 2px 0'>{text}</td>"
        f"<td style='white-space:nowrap; padding:2px 0'><b>{keys}</b></td></tr>"
        for text, keys in rows
    )
    return f"<p><b>{title or '&nbsp;'}</b></p><table>{lines}</table>"
