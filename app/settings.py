"""Preferences as one frozen value, kept in QSettings; views listen to `changed`."""

from dataclasses import dataclass, fields, replace
from typing import Any

from PySide6.QtCore import QByteArray, QObject, QSettings, Signal

RECENT_LIMIT = 10


@dataclass(frozen=True, slots=True)
class Preferences:
    """Everything the user can set that belongs to the window and not to a project.

    Attributes:
        theme: "dark", "light" or "system".
        ik_mode: "limb", "body" or "fk": which bones follow a dragged joint.
        spread: "frame", "ease" or "range": what a correction does to other frames.
        ease_frames: reach of "ease" on either side.
        show_photo: draw the camera pictures.
        show_keypoints: draw 2D detections.
        show_skeleton: draw SMPL skeletons.
        mesh: "none", "outline" or "fill": how bodies lie over the pictures.
        show_avatar: draw rendered avatars of a run.
        show_errors: draw lines from detections to the body's joints.
        avatar_opacity: of the rendered avatars, 0 to 1.
        photo_opacity: of the pictures, 0 to 1.
        columns: columns of the camera grid; 0 picks them by the space there is.
        body_model: file or folder of the user's own SMPL model; "" for the one that comes along.
        recent: projects opened lately, newest first.
    """

    theme: str = "dark"
    ik_mode: str = "limb"
    spread: str = "ease"
    ease_frames: int = 10
    show_photo: bool = True
    show_keypoints: bool = True
    show_skeleton: bool = True
    mesh: str = "outline"
    show_avatar: bool = True
    show_errors: bool = True
    avatar_opacity: float = 0.85
    photo_opacity: float = 1.0
    columns: int = 0
    body_model: str = ""
    recent: tuple[str, ...] = ()


class Settings(QObject):
    """The preferences in force; `changed` names the field that is new.

    Args:
        store: where they are kept; None keeps them in memory only (as tests do).
    """

    changed = Signal(str)

    def __init__(self, store: QSettings | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._values = Preferences() if store is None else _read(store)

    @property
    def values(self) -> Preferences:
        """The preferences now."""
        return self._values

    def change(self, **values: Any) -> None:
        """Set some preferences by name, keep them, and tell everybody about the new ones."""
        before = self._values
        self._values = replace(before, **values)
        for name in values:
            if getattr(before, name) != getattr(self._values, name):
                if self._store is not None:
                    kept = getattr(self._values, name)
                    self._store.setValue(name, list(kept) if isinstance(kept, tuple) else kept)
                self.changed.emit(name)

    def remember_project(self, path: str) -> None:
        """Put a project at the head of the recent ones."""
        others = tuple(old for old in self._values.recent if old != path)
        self.change(recent=(path, *others)[:RECENT_LIMIT])

    def keep_layout(self, name: str, state: QByteArray) -> None:
        """Store a window's geometry or dock state."""
        if self._store is not None:
            self._store.setValue(f"layout/{name}", state)

    def kept_layout(self, name: str) -> QByteArray | None:
        """A stored geometry or dock state, or None."""
        value = None if self._store is None else self._store.value(f"layout/{name}")
        return value if isinstance(value, QByteArray) else None


def _read(store: QSettings) -> Preferences:
    """Preferences from the store; what is missing or of another kind keeps its default."""
    found: dict[str, Any] = {}
    defaults = Preferences()
    for field in fields(Preferences):
        default = getattr(defaults, field.name)
        if not store.contains(field.name):
            continue
        raw = store.value(field.name)
        if isinstance(default, bool):
            found[field.name] = raw in (True, "true", "1", 1)
        elif isinstance(default, tuple):
            texts = [raw] if isinstance(raw, str) else list(raw or ())
            found[field.name] = tuple(str(text) for text in texts)
        else:
            try:
                found[field.name] = type(default)(raw)
            except (TypeError, ValueError):
                continue
    return replace(defaults, **found)
