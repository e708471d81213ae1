"""The bar above the timeline: play and step, the frame's number, doubtful frames, the range."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QWidget,
)

from app.jobs.errors import ErrorSurvey
from app.views.glyphs import glyph
from app.workbench import Workbench

# Qt's own NoButtons leaves no room for the text once the program has a style sheet.
WITHOUT_BUTTONS = (
    "QAbstractSpinBox::up-button, QAbstractSpinBox::down-button "
    "{ width: 0; border: none; subcontrol-position: right; }"
)


class Transport(QWidget):
    """Everything acts on `bench.playback`; the doubtful frames come from the survey."""

    zoom_out_requested = Signal()
    next_doubtful_requested = Signal()
    previous_doubtful_requested = Signal()

    def __init__(
        self, bench: Workbench, survey: ErrorSurvey, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._bench, self._survey = bench, survey
        playback = bench.playback
        self.first = self._button("first", "First frame (Home)", self._go_first)
        self.back = self._button("back", "One frame back (Left)", lambda: playback.step(-1))
        self.play = self._button("play", "Play (Space)", playback.toggle)
        self.forward = self._button("forward", "One frame on (Right)", lambda: playback.step(1))
        self.last = self._button("last", "Last frame (End)", self._go_last)
        self.frame = QSpinBox(self)
        self.frame.setAccessibleName("Frame number")
        self.frame.setToolTip("The shown frame; type a number to go there (Ctrl+J)")
        self.frame.setKeyboardTracking(False)
        self.frame.setStyleSheet(WITHOUT_BUTTONS)
        self.frame.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.frame.valueChanged.connect(self._on_number)
        self.total = QLabel(self)
        self.previous_doubtful = self._button(
            "previous doubtful", "Previous doubtful frame (Shift+J)",
            self.previous_doubtful_requested.emit,
        )  # fmt: skip
        self.doubt = QLabel(self)
        self.next_doubtful = self._button(
            "next doubtful", "Next doubtful frame (J)", self.next_doubtful_requested.emit
        )
        self.limit = QDoubleSpinBox(self)
        self.limit.setAccessibleName("Limit of doubt in pixels; zero finds it from the data")
        self.limit.setToolTip(
            "Worst-joint error beyond which a frame is doubtful.\n"
            "At “auto” it follows from what is usual in this capture."
        )
        self.limit.setRange(0.0, 500.0)
        self.limit.setDecimals(1)
        self.limit.setSuffix(" px")
        self.limit.setStyleSheet(WITHOUT_BUTTONS)
        self.limit.setKeyboardTracking(False)
        self.limit.valueChanged.connect(self._on_limit)
        self.range = QLabel(self)
        self.clear_range = self._button(
            "clear", "Clear the range (Esc)", lambda: playback.select_range(None)
        )
        self.zoom_out = self._button("whole", "Show all frames", self.zoom_out_requested.emit)
        self._lay_out()
        playback.frame_changed.connect(self._show_frame)
        playback.range_changed.connect(self._show_range)
        playback.playing_changed.connect(self._show_playing)
        bench.document.scene_changed.connect(self._show_all)
        survey.changed.connect(self._show_doubt)
        self._show_all()

    def changeEvent(self, event: QEvent) -> None:
        """Glyphs are drawn in the theme's text colour."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._paint_glyphs()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(2)
        for widget in (self.first, self.back, self.play, self.forward, self.last):
            row.addWidget(widget)
        row.addSpacing(8)
        row.addWidget(self.frame)
        row.addWidget(self.total)
        row.addWidget(_divider(self))
        for widget in (self.previous_doubtful, self.doubt, self.next_doubtful):
            row.addWidget(widget)
        row.addSpacing(6)
        row.addWidget(QLabel("limit", self))
        row.addSpacing(2)
        row.addWidget(self.limit)
        row.addWidget(_divider(self))
        row.addWidget(self.range)
        row.addWidget(self.clear_range)
        row.addStretch(1)
        row.addWidget(self.zoom_out)

    def _button(self, name: str, text: str, action: Callable[[], object]) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setAutoRaise(True)
        button.setIconSize(QSize(16, 16))
        button.setToolTip(text)
        button.setAccessibleName(text)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda _checked: action())
        return button

    def _paint_glyphs(self) -> None:
        for button in self.findChildren(QToolButton):
            name = button.objectName()
            if name == "play" and self._bench.playback.is_playing:
                name = "pause"
            button.setIcon(glyph(name, self.palette()))

    def _frames(self) -> np.ndarray:
        scene = self._bench.document.scene
        return np.zeros(0, int) if scene is None else scene.capture.frames

    def _go_first(self) -> None:
        self._bench.playback.step(-self._bench.playback.frame_count)

    def _go_last(self) -> None:
        self._bench.playback.step(self._bench.playback.frame_count)

    def _on_number(self, number: int) -> None:
        frames = self._frames()
        if len(frames):
            self._bench.playback.seek(int(np.abs(frames - number).argmin()))

    def _on_limit(self, limit_px: float) -> None:
        self._survey.set_threshold(limit_px if limit_px > 0 else None)

    def _show_all(self) -> None:
        frames = self._frames()
        if len(frames):
            self.frame.blockSignals(True)
            self.frame.setRange(int(frames[0]), int(frames[-1]))
            self.frame.blockSignals(False)
            scene = self._bench.document.scene
            fps = 0.0 if scene is None else scene.capture.fps
            self.total.setText(f" / {frames[-1]}   {fps:g} fps")
        else:
            self.total.setText("")
        self._paint_glyphs()
        self._show_frame(self._bench.playback.index)
        self._show_range()
        self._show_doubt()

    def _show_frame(self, index: int) -> None:
        frames = self._frames()
        if index < len(frames):
            self.frame.blockSignals(True)
            self.frame.setValue(int(frames[index]))
            self.frame.blockSignals(False)

    def _show_playing(self, is_playing: bool) -> None:
        text = "Pause (Space)" if is_playing else "Play (Space)"
        self.play.setToolTip(text)
        self.play.setAccessibleName(text)
        self._paint_glyphs()

    def _show_range(self) -> None:
        frames, selected = self._frames(), self._bench.playback.range
        has_range = selected is not None and selected[1] < len(frames)
        self.clear_range.setVisible(has_range)
        if selected is not None and has_range:
            count = selected[1] - selected[0] + 1
            noun = "frame" if count == 1 else "frames"
            text = f"range {frames[selected[0]]}–{frames[selected[1]]}  ({count} {noun})"
            self.range.setText(text)
            self.range.setEnabled(True)
        else:
            self.range.setText("Shift+drag selects a range")
            self.range.setEnabled(False)

    def _show_doubt(self) -> None:
        count = int(self._survey.doubtful().sum()) if len(self._frames()) else 0
        self.doubt.setText(f"{count} doubtful" if count else "none doubtful")
        self.doubt.setEnabled(count > 0)
        for button in (self.previous_doubtful, self.next_doubtful):
            button.setEnabled(count > 0)
        self.limit.blockSignals(True)
        self.limit.setSpecialValueText(f"auto {self._survey.threshold_px:.1f} px")
        if self._survey.is_threshold_automatic:
            self.limit.setValue(0.0)
        self.limit.blockSignals(False)


def _divider(parent: QWidget) -> QFrame:
    line = QFrame(parent)
    line.setFrameShape(QFrame.Shape.VLine)
    line.setFrameShadow(QFrame.Shadow.Sunken)
    line.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
    line.setContentsMargins(8, 3, 8, 3)
    line.setMinimumWidth(18)
    return line
