"""What to refine, on one page: preset, frames, people, cameras, device; and what to expect."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QIcon, QPalette
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.jobs.errors import ErrorSurvey
from app.views.glyphs import swatch
from app.views.transport import WITHOUT_BUTTONS
from app.workbench import Workbench
from avatarpose.optimize.settings import RunRequest
from avatarpose.scene.scene import Scene

DEVICES = (("auto", "Automatic"), ("cpu", "Processor"), ("cuda", "Graphics card (CUDA)"))


@dataclass(frozen=True, slots=True)
class PresetText:
    """How a preset is offered."""

    key: str
    title: str
    text: str


PRESETS = (
    PresetText("preview", "Preview", "One round of avatars and poses on small pictures: a trial."),
    PresetText("standard", "Standard", "Two rounds of avatars and poses: the usual choice."),
    PresetText("full", "Full", "Three long rounds on larger pictures: best with a graphics card."),
)


def preset_title(key: str) -> str:
    """The name of a preset as shown to people."""
    return next((preset.title for preset in PRESETS if preset.key == key), key)


class RefineSheet(QDialog):
    """Non-modal; `refine_requested` carries the RunRequest that was put together.

    Args:
        bench: the window's shared objects.
        survey: errors, for the notes about doubtful frames; None leaves these notes out.
        parent: the owner.
    """

    refine_requested = Signal(object)

    def __init__(
        self,
        bench: Workbench,
        parent: QWidget | None = None,
        *,
        preset: str = "standard",
        survey: ErrorSurvey | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("refine sheet")
        self.setWindowTitle("Refine")
        self._bench, self._survey = bench, survey
        self.presets: dict[str, QRadioButton] = {}
        self.people: dict[int, QCheckBox] = {}
        self.cameras: dict[str, QCheckBox] = {}
        layout = QVBoxLayout(self)
        layout.setSpacing(14)
        layout.addLayout(self._preset_page(preset))
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignRight)
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(10)
        form.addRow("Frames", self._frame_row())
        self._people_box, self._camera_box = QWidget(self), QWidget(self)
        form.addRow("People", self._people_box)
        form.addRow("Cameras", self._camera_box)
        self.device = QComboBox(self)
        for key, text in DEVICES:
            self.device.addItem(text, key)
        form.addRow("Computes on", self.device)
        layout.addLayout(form)
        self.notes = QLabel(self)
        self.notes.setWordWrap(True)
        self.notes.setObjectName("notes")
        layout.addWidget(self.notes)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        buttons.button(QDialogButtonBox.StandardButton.Cancel).setIcon(QIcon())
        self.start = QPushButton("Refine", self)
        self.start.setDefault(True)
        buttons.addButton(self.start, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self._ask)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self._fill()
        bench.playback.range_changed.connect(self._take_range)
        bench.document.scene_opened.connect(self._fill)
        bench.document.scene_changed.connect(self._note)
        self.setMinimumWidth(460)

    def request(self) -> RunRequest:
        """What is chosen now."""
        scene = self._bench.document.scene
        preset = next(key for key, button in self.presets.items() if button.isChecked())
        pids = tuple(pid for pid, box in self.people.items() if box.isChecked())
        cameras = tuple(name for name, box in self.cameras.items() if box.isChecked())
        frames = None
        if scene is not None:
            ends = (self.first.value(), self.last.value())
            whole = (int(scene.capture.frames[0]), int(scene.capture.frames[-1]))
            frames = None if ends == whole else ends
        return RunRequest(
            preset=preset,
            frames=frames,
            pids=None if len(pids) == len(self.people) else pids,
            cameras=None if len(cameras) == len(self.cameras) else cameras,
            device=self.device.currentData(),
        )

    def _preset_page(self, chosen: str) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setColumnStretch(1, 1)
        group = QButtonGroup(self)
        for row, preset in enumerate(PRESETS):
            button = QRadioButton(preset.title, self)
            button.setChecked(preset.key == chosen)
            button.setAccessibleDescription(preset.text)
            group.addButton(button)
            make_marks_visible(button)
            text = QLabel(preset.text, self)
            text.setObjectName("dim")
            text.setWordWrap(True)
            grid.addWidget(button, row, 0)
            grid.addWidget(text, row, 1)
            self.presets[preset.key] = button
        return grid

    def _frame_row(self) -> QWidget:
        box = QWidget(self)
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        self.first, self.last = QSpinBox(box), QSpinBox(box)
        self.first.setAccessibleName("First frame")
        self.last.setAccessibleName("Last frame")
        for field in (self.first, self.last):
            field.setStyleSheet(WITHOUT_BUTTONS)
            field.setAlignment(Qt.AlignmentFlag.AlignRight)
            field.setMinimumWidth(64)
        self.first.valueChanged.connect(self._note)
        self.last.valueChanged.connect(self._note)
        self.all_frames = QPushButton("All", box)
        self.all_frames.clicked.connect(self._take_all)
        for widget in (self.first, QLabel("to", box), self.last, self.all_frames):
            row.addWidget(widget)
        row.addStretch(1)
        return box

    def _fill(self) -> None:
        scene = self._bench.document.scene
        self.start.setEnabled(scene is not None)
        self.people, self.cameras = {}, {}
        if scene is None:
            return
        frames = scene.capture.frames
        for box in (self.first, self.last):
            box.setRange(int(frames[0]), int(frames[-1]))
        for person in scene.people:
            tick = QCheckBox(person.name)
            tick.setIcon(swatch(person.colour))
            self.people[person.pid] = tick
        for name in scene.capture.rig.names:
            self.cameras[name] = QCheckBox(name)
        for holder, boxes in (
            (self._people_box, list(self.people.values())),
            (self._camera_box, list(self.cameras.values())),
        ):
            _lay_in_grid(holder, boxes)
            for tick in boxes:
                tick.setChecked(True)
                make_marks_visible(tick)
                tick.toggled.connect(self._note)
        self._take_range()

    def _take_all(self) -> None:
        scene = self._bench.document.scene
        if scene is not None:
            self.first.setValue(int(scene.capture.frames[0]))
            self.last.setValue(int(scene.capture.frames[-1]))

    def _take_range(self) -> None:
        scene, selected = self._bench.document.scene, self._bench.playback.range
        if scene is not None and selected is not None:
            self.first.setValue(int(scene.capture.frames[selected[0]]))
            self.last.setValue(int(scene.capture.frames[selected[1]]))
        else:
            self._take_all()
        self._note()

    def _note(self) -> None:
        scene = self._bench.document.scene
        if scene is None:
            return
        stops = self._reasons_against()
        self.start.setEnabled(not stops)
        lines = [f"✕ {text}" for text in stops] + self._remarks(scene)
        self.notes.setText("\n".join(lines))

    def _reasons_against(self) -> list[str]:
        found: list[str] = []
        if self.first.value() > self.last.value():
            found.append("The first frame lies behind the last one.")
        if not any(box.isChecked() for box in self.people.values()):
            found.append("Tick at least one person.")
        if not any(box.isChecked() for box in self.cameras.values()):
            found.append("Tick at least one camera.")
        return found

    def _remarks(self, scene: Scene) -> list[str]:
        """What the run will work on, and what may hurt it."""
        frames = scene.capture.frames
        picked = (frames >= self.first.value()) & (frames <= self.last.value())
        cameras = [name for name, box in self.cameras.items() if box.isChecked()]
        people = sum(box.isChecked() for box in self.people.values())
        count = int(picked.sum())
        lines = [
            f"{count} frame{'' if count == 1 else 's'} · {people} of {len(self.people)} people · "
            f"{len(cameras)} of {len(self.cameras)} cameras. The result is a new layer; "
            "one undo takes it back."
        ]
        without = [name for name in cameras if scene.capture.view(name).masks is None]
        if without:
            lines.append(
                f"⚠ No masks in {_listed(without)}: people may be confused where they touch."
            )
        missing = [name for name in cameras if not _has_all_pictures(scene, name, picked)]
        if missing:
            lines.append(f"⚠ Pictures are missing in {_listed(missing)} on some of these frames.")
        if self._survey is not None:
            doubtful = frames[self._survey.doubtful() & picked]
            if len(doubtful):
                lines.append(
                    f"⚠ {len(doubtful)} doubtful frame{'' if len(doubtful) == 1 else 's'} in the "
                    "range. A start that is far off may not recover; J goes through them."
                )
        return lines

    def _ask(self) -> None:
        self.refine_requested.emit(self.request())
        self.accept()


def make_marks_visible(button: QAbstractButton) -> None:
    """Tick boxes and radio buttons stand out from the ground in the dark theme too."""
    palette = button.palette()
    raised = palette.color(QPalette.ColorRole.Midlight)
    palette.setColor(QPalette.ColorRole.Base, raised)
    button.setPalette(palette)


def _has_all_pictures(scene: Scene, camera: str, picked: np.ndarray) -> bool:
    footage = scene.capture.view(camera).footage
    return footage is not None and bool(footage.present[picked].all())


def _listed(names: list[str]) -> str:
    return f"{len(names)} cameras" if len(names) > 4 else "camera " + ", ".join(names)


def _lay_in_grid(holder: QWidget, boxes: list[QCheckBox], columns: int = 4) -> None:
    old = holder.layout()
    if old is None:
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, 0, 0)
    else:
        while (item := old.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        grid = old
    assert isinstance(grid, QGridLayout)
    for at, box in enumerate(boxes):
        grid.addWidget(box, at // columns, at % columns)
