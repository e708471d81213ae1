"""The open scene, its undo history, and the signal that tells every view to look again."""

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from app.commands import EditScene
from avatarpose.scene.scene import Scene


class Document(QObject):
    """Holds the current scene; `edit` is the only way to change it for good.

    `preview` shows a scene that is not (yet) part of the history, such as a drag in hand; the next
    `preview(None)` or `edit` ends it.
    """

    scene_changed = Signal()
    preview_changed = Signal()
    scene_opened = Signal()

    def __init__(self, scene: Scene | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.undo_stack = QUndoStack(self)
        self.undo_stack.setUndoLimit(500)
        self._scene = scene
        self._preview: Scene | None = None

    @property
    def scene(self) -> Scene | None:
        """The committed scene; None when nothing is open."""
        return self._scene

    @property
    def shown(self) -> Scene | None:
        """What views draw: the preview while there is one, else the committed scene."""
        return self._preview if self._preview is not None else self._scene

    @property
    def has_preview(self) -> bool:
        """True while something is in hand."""
        return self._preview is not None

    def open(self, scene: Scene | None) -> None:
        """Replace everything, with an empty history."""
        self._preview = None
        self._scene = scene
        self.undo_stack.clear()
        self.scene_opened.emit()
        self.scene_changed.emit()

    def edit(self, text: str, after: Scene) -> None:
        """Make `after` the scene as one undo step named `text`."""
        self._preview = None
        if self._scene is None:
            self.open(after)
            return
        self.undo_stack.push(EditScene(self, text, self._scene, after))

    def preview(self, scene: Scene | None) -> None:
        """Show a scene without committing it; None ends the preview."""
        self._preview = scene
        self.preview_changed.emit()

    def show_committed(self, scene: Scene) -> None:
        """Used by undo commands: put a scene of the history in place."""
        self._preview = None
        self._scene = scene
        self.scene_changed.emit()
