"""Who and what is selected or hovered; shared by all views so that they light up together."""

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal


@dataclass(frozen=True, slots=True)
class JointRef:
    """A joint of a person."""

    pid: int
    joint: int


class Selection(QObject):
    """The active person, the selected joint, the hovered joint, the active camera."""

    changed = Signal()
    hover_changed = Signal()
    camera_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pid: int | None = None
        self._joint: int | None = None
        self._hover: JointRef | None = None
        self._camera: str | None = None
        self._solo = False
        self._hidden: frozenset[int] = frozenset()
        self._locked: frozenset[int] = frozenset()

    @property
    def pid(self) -> int | None:
        """The active person."""
        return self._pid

    @property
    def joint(self) -> int | None:
        """The selected SMPL joint of the active person."""
        return self._joint

    @property
    def hover(self) -> JointRef | None:
        """The joint under the cursor, in whichever view it is."""
        return self._hover

    @property
    def camera(self) -> str | None:
        """Name of the view that was used last."""
        return self._camera

    @property
    def is_solo(self) -> bool:
        """True when only the active person can be grabbed and the others are dimmed."""
        return self._solo

    @property
    def hidden(self) -> frozenset[int]:
        """People that are not drawn."""
        return self._hidden

    @property
    def locked(self) -> frozenset[int]:
        """People that are drawn but cannot be grabbed or edited by hand."""
        return self._locked

    def set_hidden(self, pid: int, on: bool) -> None:
        """Draw a person no longer, or again."""
        changed = self._hidden | {pid} if on else self._hidden - {pid}
        if changed != self._hidden:
            self._hidden = changed
            self.changed.emit()

    def set_locked(self, pid: int, on: bool) -> None:
        """Protect a person against grabbing, or no longer."""
        changed = self._locked | {pid} if on else self._locked - {pid}
        if changed != self._locked:
            self._locked = changed
            self.changed.emit()

    def select(self, pid: int | None, joint: int | None = None) -> None:
        """Make a person, and perhaps one of the joints, the operand of commands."""
        if (pid, joint) != (self._pid, self._joint):
            self._pid, self._joint = pid, joint
            self.changed.emit()

    def set_solo(self, on: bool) -> None:
        """Dim and protect everybody but the active person, or not."""
        if on != self._solo:
            self._solo = on
            self.changed.emit()

    def set_hover(self, hover: JointRef | None) -> None:
        """Say what lies under the cursor."""
        if hover != self._hover:
            self._hover = hover
            self.hover_changed.emit()

    def set_camera(self, camera: str | None) -> None:
        """Say which view is in use."""
        if camera != self._camera:
            self._camera = camera
            self.camera_changed.emit()
