"""The refinement at a glance: start it, watch it, pause, stop or cancel it."""

import math
from datetime import datetime, timedelta

from PySide6.QtCore import QElapsedTimer, QEvent, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.jobs.center import JobCenter, JobState
from app.jobs.errors import ErrorSurvey
from app.theme import colours_in
from app.views.glyphs import glyph
from app.views.loss_plot import LossPlot
from app.views.refine_sheet import PRESETS, RefineSheet, preset_title
from app.views.stage_bar import StageBar
from app.views.wording import duration, layer_title
from app.workbench import Workbench
from avatarpose.optimize.settings import RunRequest
from avatarpose.optimize.snapshot import Snapshot

HEARTBEAT_MS = 1000
SILENCE_S = 10.0  # after this long without news, say so

_THIN = "QProgressBar { min-height: 6px; max-height: 6px; border-radius: 3px; }"
_SLIM = "QPushButton { padding: 5px 0; } QPushButton::menu-indicator { image: none; width: 0; }"


class JobPanel(QWidget):
    """Drives a JobCenter; it keeps no state of the run itself.

    Args:
        bench: the window's shared objects.
        center: the refinement.
        parent: the owner.
        survey: errors, for the notes on the sheet; None leaves them out.
    """

    def __init__(
        self,
        bench: Workbench,
        center: JobCenter,
        parent: QWidget | None = None,
        *,
        survey: ErrorSurvey | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("job panel")
        self.setAccessibleName("Refinement")
        self._bench, self._center, self._survey = bench, center, survey
        self._preset = "standard"
        self._sheet: RefineSheet | None = None
        self._silence = QElapsedTimer()
        self.refine = QPushButton(self)
        self.refine.setObjectName("main")
        self.more = QPushButton(self)
        self.more.setObjectName("more")
        self.more.setAccessibleName("Choose how to refine")
        self.more.setToolTip("Choose how to refine")
        self.more.setMenu(self._menu())
        self.more.setText("▾")
        self.more.setFixedWidth(30)
        self.more.setStyleSheet(_SLIM)
        self.pause, self.stop, self.cancel = (QPushButton(self) for _ in range(3))
        self.light = _Light(self)
        self.title, self.time, self.note = QLabel(self), QLabel(self), QLabel(self)
        self.stages, self.plot = StageBar(self), LossPlot(self)
        self.progress, self.numbers = QProgressBar(self), QLabel(self)
        self._prepare_parts()
        self._lay_out()
        self.refine.clicked.connect(self.start)
        self.pause.clicked.connect(center.toggle_pause)
        self.stop.clicked.connect(center.stop)
        self.cancel.clicked.connect(center.cancel)
        self._heartbeat = QTimer(self)
        self._heartbeat.setInterval(HEARTBEAT_MS)
        self._heartbeat.timeout.connect(self._show_time)
        center.state_changed.connect(self._on_state_changed)
        center.progressed.connect(self._on_progressed)
        bench.playback.range_changed.connect(self._show_buttons)
        bench.document.scene_changed.connect(self._show_buttons)
        self._on_state_changed()

    @property
    def preset(self) -> str:
        """The preset that Refine uses."""
        return self._preset

    def choose_preset(self, preset: str) -> None:
        """Use another preset from now on."""
        self._preset = preset
        for action in self.more.menu().actions():
            if action.data() is not None:
                action.setChecked(action.data() == preset)
        self._show_buttons()

    def start(self) -> None:
        """Refine the selected range (all frames when none is selected) with the last preset."""
        scene, selected = self._bench.document.scene, self._bench.playback.range
        frames = None
        if scene is not None and selected is not None:
            first, last = (int(scene.capture.frames[at]) for at in selected)
            frames = (first, last)
        self._center.start(RunRequest(self._preset, frames=frames))

    def open_sheet(self) -> None:
        """Choose frames, people, cameras and preset, then refine."""
        if self._sheet is not None:
            self._sheet.close()
        sheet = RefineSheet(self._bench, self, preset=self._preset, survey=self._survey)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.refine_requested.connect(self._on_requested)
        sheet.destroyed.connect(self._on_sheet_gone)
        self._sheet = sheet
        sheet.show()

    @property
    def sheet(self) -> RefineSheet | None:
        """The sheet while it is open."""
        return self._sheet

    def sizeHint(self) -> QSize:
        """Room for the curves."""
        return QSize(460, 330)

    def changeEvent(self, event: QEvent) -> None:
        """Glyphs and colours follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._paint_glyphs()

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for preset in PRESETS:
            action = QAction(preset.title, menu)
            action.setCheckable(True)
            action.setChecked(preset.key == self._preset)
            action.setData(preset.key)
            action.setToolTip(preset.text)
            action.triggered.connect(lambda _on, key=preset.key: self.choose_preset(key))
            menu.addAction(action)
        menu.addSeparator()
        menu.addAction("Frames, people, cameras…", self.open_sheet)
        return menu

    def _prepare_parts(self) -> None:
        self.stop.setText("Stop, keep best")
        self.stop.setToolTip(
            "Finish now and keep the best poses so far as a new layer (one undo step)"
        )
        self.cancel.setText("Cancel, put back")
        self.cancel.setToolTip("End now and keep nothing: the poses stay as they were")
        self.time.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.time.setObjectName("dim")
        self.note.setWordWrap(True)
        self.note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.progress.setRange(0, 1000)
        self.progress.setAccessibleName("Progress")
        self.progress.setTextVisible(False)  # on the bar it would be hard to read in one theme
        self.progress.setStyleSheet(_THIN)
        self.numbers.setObjectName("dim")
        self._paint_glyphs()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        split = QHBoxLayout()
        split.setSpacing(1)
        split.addWidget(self.refine)
        split.addWidget(self.more)
        buttons.addLayout(split)
        buttons.addStretch(1)
        for button in (self.pause, self.stop, self.cancel):
            buttons.addWidget(button)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.light)
        head.addWidget(self.title, 1)
        head.addWidget(self.time)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(6)
        layout.addLayout(buttons)
        layout.addLayout(head)
        layout.addWidget(self.stages)
        layout.addWidget(self.progress)
        layout.addWidget(self.numbers)
        layout.addWidget(self.note)
        layout.addWidget(self.plot, 1)

    def _paint_glyphs(self) -> None:
        is_paused = self._center.state is JobState.PAUSED
        self.pause.setIcon(glyph("play" if is_paused else "pause", self.palette()))
        self.stop.setIcon(glyph("stop", self.palette()))
        self.cancel.setIcon(glyph("clear", self.palette()))

    def _on_requested(self, request: RunRequest) -> None:
        self.choose_preset(request.preset)
        self._center.start(request)

    def _on_sheet_gone(self) -> None:
        self._sheet = None

    def _on_state_changed(self) -> None:
        state = self._center.state
        self._silence.start()
        if state.is_active:
            self._heartbeat.start()
        else:
            self._heartbeat.stop()
        if state in (JobState.DONE, JobState.FAILED) and self.window().isVisible():
            QApplication.alert(self.window())
        self._show_buttons()
        self._show_run()

    def _on_progressed(self) -> None:
        self._silence.start()
        self._show_run()

    def _show_buttons(self) -> None:
        state, scene = self._center.state, self._bench.document.scene
        is_running = state in (JobState.RUNNING, JobState.PAUSED)
        self.refine.setVisible(not state.is_active)
        self.more.setVisible(not state.is_active)
        for button in (self.pause, self.stop, self.cancel):
            button.setVisible(state.is_active)
        self.refine.setEnabled(scene is not None and bool(scene.people))
        self.refine.setText(self._refine_text())
        self.refine.setToolTip(
            "Learn an avatar of each person and fit the poses to the pictures (Ctrl+R)"
            if self.refine.isEnabled()
            else "Open a project with people in it first"
        )
        self.pause.setEnabled(is_running)
        self.stop.setEnabled(is_running)
        self.cancel.setEnabled(state.is_active and not self._center.is_cancelling)
        is_paused = state is JobState.PAUSED
        self.pause.setText("Resume" if is_paused else "Pause")
        self.pause.setToolTip(
            "Go on where it was paused (Ctrl+.)"
            if is_paused
            else "Hold before the next step; what was learned stays (Ctrl+.)"
        )
        self._paint_glyphs()

    def _refine_text(self) -> str:
        scene, selected = self._bench.document.scene, self._bench.playback.range
        what = "all frames"
        if scene is not None and selected is not None:
            first, last = (int(scene.capture.frames[at]) for at in selected)
            what = f"frame {first}" if first == last else f"frames {first}–{last}"
        return f"Refine {what}  ·  {preset_title(self._preset)}"

    def _show_run(self) -> None:
        state, snapshot = self._center.state, self._center.snapshot
        is_over = state is JobState.DONE and not self._center.was_stopped
        was_run = state is not JobState.IDLE
        self.light.show_state(state)
        self.title.setText(self._title(state))
        for part in (self.stages, self.progress, self.numbers):
            part.setVisible(was_run and (state.is_active or snapshot is not None))
        self.stages.show_snapshot(snapshot, is_over=is_over)
        self._show_progress(snapshot, is_over=is_over)
        self._show_note()
        self._show_time()
        self.plot.show_curves(self._center.curves)

    def _title(self, state: JobState) -> str:
        request = self._center.request
        if state is JobState.IDLE or request is None:
            return "No refinement yet"
        frames = "all frames"
        if request.frames is not None:
            frames = "frames {}–{}".format(*request.frames)
        title = "Cancelling" if self._center.is_cancelling else state.value
        return f"{title}  ·  {preset_title(request.preset)}, {frames}"

    def _show_progress(self, snapshot: Snapshot | None, *, is_over: bool) -> None:
        if snapshot is None:
            self.progress.setRange(0, 0 if self._center.state is JobState.PREPARING else 1000)
            self.numbers.setText("")
            return
        self.progress.setRange(0, 1000)
        done = 1.0 if is_over else snapshot.step / max(snapshot.step_count, 1)
        self.progress.setValue(round(1000 * done))
        speed = f"{snapshot.steps_per_s:.1f}" if snapshot.steps_per_s < 100 else "100+"
        self.numbers.setText(
            f"{done:.0%}  ·  step {snapshot.step:,} of {snapshot.step_count:,}  ·  {speed} per s"
        )

    def _show_time(self) -> None:
        snapshot, state = self._center.snapshot, self._center.state
        silent_s = self._silence.elapsed() / 1000 if self._silence.isValid() else 0.0
        if snapshot is None or not state.is_active:
            self.time.setText("" if snapshot is None else f"{duration(snapshot.elapsed_s)} long")
        elif state is JobState.PAUSED or not math.isfinite(snapshot.remaining_s):
            self.time.setText(f"{duration(snapshot.elapsed_s)} so far")
        else:
            left_s = max(snapshot.remaining_s - silent_s, 0.0)
            end = datetime.now().astimezone() + timedelta(seconds=left_s)
            self.time.setText(f"{duration(left_s)} left, until {end:%H:%M}")
        if silent_s > SILENCE_S and state in (JobState.RUNNING, JobState.FINISHING):
            self.note.setText(f"No news for {silent_s:.0f} s; it is still working.")
            self.note.setVisible(True)

    def _show_note(self) -> None:
        name, text = self._note()
        self.note.setObjectName(name)
        colours = colours_in(self.palette())
        tone = {"danger": colours.danger, "warning": colours.warning}.get(name, colours.dim)
        self.note.setStyleSheet(f"color: {tone};")
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def _note(self) -> tuple[str, str]:
        """Tone and words of the line under the progress."""
        center, state = self._center, self._center.state
        if state is JobState.IDLE:
            return "dim", (
                "Refine learns an avatar of each person from the pictures and moves the poses "
                "until avatars and pictures agree. Your corrections are kept, and one undo takes "
                "it back."
            )
        if state is JobState.PREPARING:
            return "dim", "Loading pictures and starting up…"
        if state is JobState.FAILED:
            return "danger", "\n".join(part for part in center.problem if part)
        if state is JobState.CANCELLED:
            return "dim", "Cancelled: the poses are as they were."
        if state is JobState.DONE:
            return "dim", self._outcome()
        if center.waiting_edits:
            count = center.waiting_edits
            return "warning", f"{count} edit{'' if count == 1 else 's'} waiting for the next step"
        if state is JobState.FINISHING and not center.is_cancelling:
            return "dim", "Collecting the best poses…"
        return "dim", center.snapshot.message if center.snapshot is not None else ""

    def _outcome(self) -> str:
        record, scene = self._center.outcome, self._bench.document.scene
        if record is None:
            return ""
        early = "Stopped early. " if self._center.was_stopped else ""
        lines = [f"{early}Kept as {layer_title(record.name)}. Hold B to compare with before."]
        for pid, frames in self._center.restored_frames.items():
            if frames and scene is not None and pid in scene.pids:
                count = f"{len(frames)} frame{'' if len(frames) == 1 else 's'}"
                lines.append(f"{scene.person(pid).name}: {count} put back, they had become worse.")
        return " ".join(lines)


class _Light(QWidget):
    """A dot that tells the state by colour and by shape: filled, hollow, or with two bars."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFixedSize(12, 12)
        self._state = JobState.IDLE

    def show_state(self, state: JobState) -> None:
        """Show another state."""
        self._state = state
        self.setToolTip(state.value)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The dot."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours = colours_in(self.palette())
        colour = QColor(
            {
                JobState.RUNNING: "#3fae6b",
                JobState.DONE: "#3fae6b",
                JobState.PAUSED: colours.warning,
                JobState.FAILED: colours.danger,
            }.get(self._state, colours.dim)
        )
        painter.setPen(colour)
        is_hollow = self._state in (JobState.IDLE, JobState.CANCELLED, JobState.PREPARING)
        painter.setBrush(Qt.BrushStyle.NoBrush if is_hollow else colour)
        if self._state is JobState.PAUSED:
            painter.drawRect(2, 1, 2, 9)
            painter.drawRect(7, 1, 2, 9)
        else:
            painter.drawEllipse(1, 1, 9, 9)
