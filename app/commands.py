"""Undo: one command class for every verb, because an edit is a scene before and a scene after."""

from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from avatarpose.scene.scene import Scene

if TYPE_CHECKING:
    from app.document import Document


class EditScene(QUndoCommand):
    """A finished edit; the two scenes share every array that did not change."""

    def __init__(self, document: "Document", text: str, before: Scene, after: Scene) -> None:
        super().__init__(text)
        self._document, self._before, self._after = document, before, after

    def redo(self) -> None:
        """Show the scene after the edit."""
        self._document.show_committed(self._after)

    def undo(self) -> None:
        """Show the scene before the edit."""
        self._document.show_committed(self._before)
