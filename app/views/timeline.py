"""The timeline: transport, ranges, and per person how well poses fit and what was edited."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import (
    QKeyEvent,
)
from PySide6.QtWidgets import (
    QLabel,
    QVBoxLayout,
    QWidget,
)

from app.jobs.center import JobCenter
from app.jobs.errors import ErrorSurvey
from app.views.timeline_canvas import TimelineCanvas
from app.views.transport import Transport
from app.workbench import Workbench


class Timeline(QWidget):
    """Frames from left to right, people from top to bottom.

    Click seeks, Shift+drag selects a range, the wheel zooms at the cursor, middle-drag pans.

    Args:
        bench: the window's shared objects.
        parent: the owner.
        center: whose run is shown; None shows none.
        survey: where the errors come from; None makes one of its own.
    """

    refine_requested = Signal()

    def __init__(
        self,
        bench: Workbench,
        parent: QWidget | None = None,
        *,
        center: JobCenter | None = None,
        survey: ErrorSurvey | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("timeline")
        self.setAccessibleName("Timeline")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._bench = bench
        self._survey = survey or ErrorSurvey(bench, self)
        self.canvas = TimelineCanvas(bench, self._survey, center, self)
        self.canvas.refine_requested.connect(self.refine_requested)
        self.transport = Transport(bench, self._survey, self)
        self.transport.zoom_out_requested.connect(self.canvas.show_everything)
        self.transport.next_doubtful_requested.connect(self.next_doubtful)
        self.transport.previous_doubtful_requested.connect(self.previous_doubtful)
        self.setFocusProxy(self.canvas)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.transport)
        layout.addWidget(self.canvas, 1)
        self._empty = _EmptyTimeline(self)
        layout.addWidget(self._empty, 1)
        bench.document.scene_changed.connect(self._refresh)
        self._survey.changed.connect(self._describe)
        self._refresh()

    @property
    def survey(self) -> ErrorSurvey:
        """The errors this timeline draws."""
        return self._survey

    def sizeHint(self) -> QSize:
        """Tall enough for two people."""
        return QSize(900, 210)

    def next_doubtful(self) -> None:
        """Go to the next frame whose worst joint is beyond the limit."""
        self._go_to_next(np.flatnonzero(self._survey.doubtful()))

    def previous_doubtful(self) -> None:
        """Go to the previous frame whose worst joint is beyond the limit."""
        self._go_to_previous(np.flatnonzero(self._survey.doubtful()))

    def next_edited(self) -> None:
        """Go to the next corrected frame."""
        self._go_to_next(self._edited())

    def previous_edited(self) -> None:
        """Go to the previous corrected frame."""
        self._go_to_previous(self._edited())

    def summary(self) -> str:
        """What the strips show, in words, for screen readers."""
        scene = self._bench.document.scene
        if scene is None:
            return "Nothing is open."
        frames = scene.capture.frames
        parts = [f"Frame {frames[self._bench.playback.index]} of {frames[0]} to {frames[-1]}."]
        if (selected := self._bench.playback.range) is not None:
            parts.append(f"Frames {frames[selected[0]]} to {frames[selected[1]]} are selected.")
        for person in scene.people:
            errors = self._survey.errors.get(person.pid)
            keys = len(person.edit().keys)
            text = f"{person.name}: "
            if errors is not None and np.isfinite(errors.mean_px).any():
                peak = int(np.nanargmax(errors.worst_px))
                text += f"mean error {np.nanmean(errors.mean_px):.1f} pixels, "
                text += f"worst {errors.worst_px[peak]:.0f} pixels at frame {frames[peak]}, "
            parts.append(f"{text}{keys} corrected frame{'' if keys == 1 else 's'}.")
        doubtful = frames[self._survey.doubtful()]
        if len(doubtful):
            parts.append(f"Doubtful frames: {', '.join(str(frame) for frame in doubtful[:20])}.")
        return " ".join(parts)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Frame keys; everything else is left to the window."""
        action = self._key_actions().get((event.key(), event.modifiers().value & _REAL_KEYS))
        if action is None:
            super().keyPressEvent(event)
        else:
            action()

    def _key_actions(self) -> dict[tuple[int, int], Callable[[], object]]:
        playback, key = self._bench.playback, Qt.Key
        plain, shift = 0, Qt.KeyboardModifier.ShiftModifier.value
        ctrl, alt = Qt.KeyboardModifier.ControlModifier.value, Qt.KeyboardModifier.AltModifier.value
        return {
            (key.Key_Space, plain): playback.toggle,
            (key.Key_Left, plain): lambda: playback.step(-1),
            (key.Key_Right, plain): lambda: playback.step(1),
            (key.Key_Left, shift): lambda: playback.step(-10),
            (key.Key_Right, shift): lambda: playback.step(10),
            (key.Key_Left, ctrl): lambda: playback.step(-100),
            (key.Key_Right, ctrl): lambda: playback.step(100),
            (key.Key_Home, plain): lambda: playback.step(-playback.frame_count),
            (key.Key_End, plain): lambda: playback.step(playback.frame_count),
            (key.Key_Left, alt): self.previous_edited,
            (key.Key_Right, alt): self.next_edited,
            (key.Key_J, plain): self.next_doubtful,
            (key.Key_J, shift): self.previous_doubtful,
            (key.Key_Escape, plain): lambda: playback.select_range(None),
        }

    def _edited(self) -> np.ndarray:
        scene = self._bench.document.scene
        if scene is None:
            return np.zeros(0, int)
        return np.array(sorted({key for who in scene.people for key in who.edit().keys}), int)

    def _go_to_next(self, indices: np.ndarray) -> None:
        later = indices[indices > self._bench.playback.index]
        if len(later):
            self._bench.playback.pause()
            self._bench.playback.seek(int(later[0]))

    def _go_to_previous(self, indices: np.ndarray) -> None:
        earlier = indices[indices < self._bench.playback.index]
        if len(earlier):
            self._bench.playback.pause()
            self._bench.playback.seek(int(earlier[-1]))

    def _refresh(self) -> None:
        is_open = self._bench.document.scene is not None
        self.transport.setEnabled(is_open)
        self.canvas.setVisible(is_open)
        self._empty.setVisible(not is_open)
        self._describe()

    def _describe(self) -> None:
        self.setAccessibleDescription(self.summary())


_REAL_KEYS = (
    Qt.KeyboardModifier.ShiftModifier
    | Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
).value


class _EmptyTimeline(QLabel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(
            "The timeline shows frames, errors and corrections once a project is open.", parent
        )
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setEnabled(False)
        self.setWordWrap(True)
