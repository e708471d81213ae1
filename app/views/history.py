"""The history: every step by name; a click goes back or forward to it."""

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QLabel, QUndoView, QVBoxLayout, QWidget

from app.workbench import Workbench


class History(QWidget):
    """The undo stack as a list, with a sentence while it is empty.

    Args:
        bench: the window's shared objects.
        parent: the owner.
    """

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("history")
        self.setAccessibleName("History")
        self._stack = bench.document.undo_stack
        self.list = QUndoView(self._stack, self)
        self.list.setEmptyLabel("As opened")
        self.list.setAccessibleName("Steps")
        self.list.setAlternatingRowColors(False)
        self._hint = QLabel("Every edit and every refinement becomes a step to go back to.", self)
        self._hint.setObjectName("dim")
        self._hint.setWordWrap(True)
        self._hint.setContentsMargins(10, 6, 10, 8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.list, 1)
        layout.addWidget(self._hint)
        self._stack.indexChanged.connect(self._on_changed)
        self._on_changed()

    def sizeHint(self) -> QSize:
        """Wide enough for a step's name."""
        return QSize(260, 200)

    def _on_changed(self) -> None:
        self._hint.setVisible(self._stack.count() == 0)
        count, at = self._stack.count(), self._stack.index()
        self.setAccessibleDescription(f"{count} steps, {at} of them done")
