"""The current frame, the selected range, and playing through them."""

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Signal


class Playback(QObject):
    """Frame positions are indices on the capture's time base, not frame numbers."""

    frame_changed = Signal(int)
    range_changed = Signal()
    playing_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._count = 0
        self._index = 0
        self._fps = 25.0
        self._range: tuple[int, int] | None = None
        self._clock = QElapsedTimer()
        self._started_at = 0
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)

    @property
    def frame_count(self) -> int:
        """Length of the time base."""
        return self._count

    @property
    def index(self) -> int:
        """The shown frame's position."""
        return self._index

    @property
    def range(self) -> tuple[int, int] | None:
        """First and last selected position, both included; None when no range is selected."""
        return self._range

    @property
    def is_playing(self) -> bool:
        """True while frames advance by themselves."""
        return self._timer.isActive()

    def reset(self, frame_count: int, fps: float) -> None:
        """Start over on another time base."""
        self.pause()
        self._count, self._fps, self._index = frame_count, fps, 0
        self._range = None
        self.range_changed.emit()
        self.frame_changed.emit(0)

    def seek(self, index: int) -> None:
        """Show another frame, clamped to the time base."""
        index = max(0, min(index, self._count - 1))
        if index != self._index and self._count:
            self._index = index
            self.frame_changed.emit(index)

    def step(self, by: int) -> None:
        """Move by some frames."""
        self.pause()
        self.seek(self._index + by)

    def select_range(self, selected: tuple[int, int] | None) -> None:
        """Select frames (clamped and ordered), or nothing."""
        if selected is not None and self._count:
            first, last = sorted(max(0, min(i, self._count - 1)) for i in selected)
            selected = (first, last)
        if selected != self._range:
            self._range = selected
            self.range_changed.emit()

    def play(self) -> None:
        """Advance in real time; frames are dropped rather than delayed."""
        if self._count > 1 and not self.is_playing:
            self._started_at = self._index
            self._clock.start()
            self._timer.start(max(8, round(500 / self._fps)))
            self.playing_changed.emit(True)

    def pause(self) -> None:
        """Stop advancing."""
        if self.is_playing:
            self._timer.stop()
            self.playing_changed.emit(False)

    def toggle(self) -> None:
        """Play or pause."""
        if self.is_playing:
            self.pause()
        else:
            self.play()

    def _tick(self) -> None:
        first, last = self._range if self._range is not None else (0, self._count - 1)
        span = last - first + 1
        ahead = round(self._clock.elapsed() / 1000 * self._fps)
        self.seek(first + (self._started_at - first + ahead) % span)
