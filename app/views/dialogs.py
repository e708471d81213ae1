"""Small windows: a problem with its remedy, the sheet of keys, the settings."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QAction, QCloseEvent, QGuiApplication, QIcon, QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QStackedWidget,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from app.settings import Settings
from app.theme import THEMES, colours_in
from app.views.transport import WITHOUT_BUTTONS
from avatarpose.errors import AvatarPoseError
from avatarpose.formats.places import user_cache_folder
from avatarpose.formats.smpl_model import find_body_model, load_body_model

KeyGroup = tuple[str, list[tuple[str, str]]]


class ProblemDialog(QDialog):
    """What is wrong as the title line, what to do about it below; never blocks the program.

    Args:
        problem: one sentence.
        remedy: what the user can do.
        parent: the owner.
    """

    def __init__(self, problem: str, remedy: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("problem")
        self.setWindowTitle("That did not work")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.problem, self.remedy = QLabel(problem, self), QLabel(remedy, self)
        font = self.problem.font()
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() + 1)
        self.problem.setFont(font)
        for label in (self.problem, self.remedy):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setMinimumWidth(380)
        self.remedy.setVisible(bool(remedy))
        mark = QLabel(self)
        icon = self.style().standardIcon(QStyle.StandardPixmap.SP_MessageBoxWarning)
        mark.setPixmap(icon.pixmap(36, 36))
        words = QVBoxLayout()
        words.setSpacing(8)
        words.addWidget(self.problem)
        words.addWidget(self.remedy)
        words.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok, self)
        buttons.button(QDialogButtonBox.StandardButton.Ok).setIcon(QIcon())
        self.copy = QPushButton("Copy", self)
        self.copy.setToolTip("Copy the text, for a report")
        buttons.addButton(self.copy, QDialogButtonBox.ButtonRole.ActionRole)
        self.copy.clicked.connect(self._copy)
        buttons.accepted.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 14)
        layout.setSpacing(14)
        layout.addLayout(row)
        layout.addWidget(buttons)

    def _copy(self) -> None:
        text = "\n".join(it for it in (self.problem.text(), self.remedy.text()) if it)
        QGuiApplication.clipboard().setText(text)


def show_problem(problem: str, remedy: str = "", parent: QWidget | None = None) -> ProblemDialog:
    """Open a ProblemDialog over its owner and return at once."""
    dialog = ProblemDialog(problem, remedy, parent)
    dialog.setWindowModality(Qt.WindowModality.WindowModal)
    dialog.open()
    return dialog


def keys_of(title: str, actions: Iterable[QAction]) -> KeyGroup:
    """The keys of some actions, for the ShortcutSheet; actions without keys are left out."""
    rows: list[tuple[str, str]] = []
    for action in actions:
        keys = [key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts()]
        if keys:
            rows.append((action.text().replace("&", "").rstrip("…"), "  ".join(keys)))
    return title, rows


class ShortcutSheet(QDialog):
    """All keys on one page, by topic; typing narrows them down.

    Args:
        groups: title and (what, keys) rows of each topic.
        parent: the owner.
    """

    def __init__(self, groups: Iterable[KeyGroup], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("shortcut sheet")
        self.setWindowTitle("Keys")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._groups = [(title, rows) for title, rows in groups if rows]
        self.filter = QLineEdit(self)
        self.filter.setPlaceholderText("Find a command or a key")
        self.filter.setAccessibleName("Find a command or a key")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._fill)
        self._area = QScrollArea(self)
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 12)
        layout.addWidget(self.filter)
        layout.addWidget(self._area, 1)
        self.resize(780, 560)
        self._fill()

    def rows(self) -> list[tuple[str, str]]:
        """What is listed now: commands with their keys."""
        wanted = self.filter.text().casefold()
        return [
            (what, keys)
            for _, rows in self._groups
            for what, keys in rows
            if wanted in what.casefold() or wanted in keys.casefold()
        ]

    def _fill(self) -> None:
        listed = set(self.rows())
        page = QWidget()
        columns = QHBoxLayout(page)
        columns.setSpacing(36)
        sides = [QVBoxLayout(), QVBoxLayout()]
        heights = [0, 0]
        for side in sides:
            side.setSpacing(14)
            columns.addLayout(side, 1)
        for title, rows in self._groups:
            kept = [row for row in rows if row in listed]
            if kept:
                side = 0 if heights[0] <= heights[1] else 1
                sides[side].addLayout(self._group(page, title, kept))
                heights[side] += len(kept) + 2
        if not listed:
            none = QLabel(f"No command or key contains “{self.filter.text()}”.", page)
            none.setObjectName("dim")
            sides[0].addWidget(none)
        for side in sides:
            side.addStretch(1)
        self._area.setWidget(page)

    def _group(self, page: QWidget, title: str, rows: list[tuple[str, str]]) -> QGridLayout:
        grid = QGridLayout()
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        heading = QLabel(title, page)
        font = heading.font()
        font.setBold(True)
        heading.setFont(font)
        grid.addWidget(heading, 0, 0, 1, 2)
        tone = colours_in(self.palette())
        for at, (what, keys) in enumerate(rows, start=1):
            grid.addWidget(QLabel(what, page), at, 0)
            key = QLabel(keys, page)
            key.setStyleSheet(
                f"background: {tone.raised}; color: {tone.text}; border-radius: 4px;"
                "padding: 1px 7px;"
            )
            grid.addWidget(key, at, 1, Qt.AlignmentFlag.AlignRight)
        return grid


class SettingsDialog(QDialog):
    """Preferences by topic; every change is in force at once.

    Args:
        settings: the preferences.
        parent: the owner.
    """

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("settings")
        self.setWindowTitle("Settings")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.settings = settings
        self.topics = QListWidget(self)
        self.topics.setAccessibleName("Topics")
        self.topics.setFixedWidth(150)
        self._pages = QStackedWidget(self)
        self.body = BodyModelPage(settings, self)
        for title, page in (
            ("Window", self._window_page()),
            ("Editing", self._editing_page()),
            ("Body model", self.body),
        ):
            self.topics.addItem(title)
            self._pages.addWidget(page)
        self.topics.currentRowChanged.connect(self._pages.setCurrentIndex)
        self.topics.setCurrentRow(0)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        close = buttons.button(QDialogButtonBox.StandardButton.Close)
        close.setIcon(QIcon())
        close.setAutoDefault(False)
        close.setDefault(False)
        buttons.rejected.connect(self.close)
        row = QHBoxLayout()
        row.setSpacing(18)
        row.addWidget(self.topics)
        row.addWidget(self._pages, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 14, 14, 12)
        layout.addLayout(row, 1)
        layout.addWidget(buttons)
        self.resize(680, 420)

    def show_topic(self, title: str) -> None:
        """Turn to a page: "Window", "Editing" or "Body model"."""
        for item in self.topics.findItems(title, Qt.MatchFlag.MatchExactly):
            self.topics.setCurrentItem(item)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Wait for a check in progress."""
        self.body.shutdown()
        super().closeEvent(event)

    def _window_page(self) -> QWidget:
        page = QWidget(self)
        form = QFormLayout(page)
        self.theme = self._choice("theme", [(name, name.capitalize()) for name in THEMES])
        columns = [(0, "Automatic"), *((count, str(count)) for count in range(1, 9))]
        self.columns = self._choice("columns", columns)
        form.addRow("Theme", self.theme)
        form.addRow("Columns of camera views", self.columns)
        return page

    def _editing_page(self) -> QWidget:
        page = QWidget(self)
        form = QFormLayout(page)
        modes = [("limb", "Limb IK"), ("body", "Body IK"), ("fk", "FK")]
        spreads = [("frame", "This frame"), ("ease", "Ease"), ("range", "Range")]
        self.ik_mode = self._choice("ik_mode", modes)
        self.spread = self._choice("spread", spreads)
        self.ease = QSpinBox(page)
        self.ease.setRange(1, 99)
        self.ease.setSuffix(" frames")
        self.ease.setStyleSheet(WITHOUT_BUTTONS)
        self.ease.setValue(self.settings.values.ease_frames)
        self.ease.valueChanged.connect(lambda frames: self.settings.change(ease_frames=frames))
        form.addRow("A drag moves", self.ik_mode)
        form.addRow("A correction spreads over", self.spread)
        form.addRow("Ease on either side", self.ease)
        return page

    def _choice(self, name: str, entries: Sequence[tuple[object, str]]) -> QComboBox:
        box = QComboBox(self)
        for value, text in entries:
            box.addItem(text, value)
        box.setCurrentIndex(max(box.findData(getattr(self.settings.values, name)), 0))
        box.currentIndexChanged.connect(
            lambda _at: self.settings.change(**{name: box.currentData()})
        )
        return box


class BodyModelPage(QWidget):
    """Where the user's own SMPL model lies; it is read and described before it is taken.

    Args:
        settings: keeps the path in `body_model`; "" means the body that comes along.
        parent: the owner.
    """

    _checked = Signal(str, bool, str)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._worker = ThreadPoolExecutor(1, "body model check")
        self.path, self.state = QLineEdit(self), QLabel(self)
        self.path.setText(settings.values.body_model)
        self.path.setPlaceholderText("The open body that comes with the program")
        self.path.setAccessibleName("Body model file or folder")
        self.path.setClearButtonEnabled(True)
        self.path.editingFinished.connect(self.check)
        self.browse_file = QPushButton("File…", self)
        self.browse_folder = QPushButton("Folder…", self)
        for button in (self.browse_file, self.browse_folder):
            button.setAutoDefault(False)  # Enter in the path field means the path
        self.browse_file.clicked.connect(self._ask_file)
        self.browse_folder.clicked.connect(self._ask_folder)
        self.state.setWordWrap(True)
        self.state.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        text = QLabel(
            "The program comes with an open body in SMPL's format and needs nothing else. If you "
            "have SMPL under its own licence, name SMPL_NEUTRAL.npz or .pkl, or the folder that "
            "holds it (smpl/SMPL_NEUTRAL.pkl works too). Pickles are read by a restricted reader "
            "that runs none of their code. Without a choice here, $SMPLX_MODELS is looked at.\n\n"
            "A project keeps the body it was made with; the choice is for captures opened from "
            "now on.",
            self,
        )
        text.setWordWrap(True)
        text.setObjectName("dim")
        row = QHBoxLayout()
        row.addWidget(self.path, 1)
        row.addWidget(self.browse_file)
        row.addWidget(self.browse_folder)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addLayout(row)
        layout.addWidget(self.state)
        layout.addWidget(text)
        layout.addStretch(1)
        self._checked.connect(self._on_checked)
        self.check()

    def check(self) -> None:
        """Read what is named, beside the window, and take it when it is a body model."""
        choice = self.path.text().strip()
        if not choice:
            self._on_checked("", True, "In use: the open adult body.")
            return
        self._say("Reading…", is_good=True)
        self._worker.submit(self._read, choice)

    def shutdown(self) -> None:
        """End the work in the background."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def event(self, event: QEvent) -> bool:
        """Nothing outlives the page."""
        if event.type() == QEvent.Type.DeferredDelete:
            self.shutdown()
        return super().event(event)

    def _read(self, choice: str) -> None:
        """Runs in the worker."""
        try:
            path = find_body_model(choice, None)
            body = load_body_model(path, cache_folder=user_cache_folder())
            text = f"In use: {body.name}, {body.vertex_count:,} vertices, from {path}."
            self._checked.emit(choice, True, text)
        except AvatarPoseError as error:
            self._checked.emit(choice, False, f"{error.problem} {error.remedy}".strip())

    def _on_checked(self, choice: str, is_good: bool, text: str) -> None:
        if choice != self.path.text().strip():
            return  # an older answer
        self._say(text, is_good=is_good)
        if is_good:
            self._settings.change(body_model=choice)

    def _say(self, text: str, *, is_good: bool) -> None:
        tone = colours_in(self.palette())
        self.state.setStyleSheet(f"color: {tone.text if is_good else tone.danger};")
        self.state.setText(text)

    def _ask_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self, "Body model", self._start_folder(), "SMPL models (*.npz *.pkl)"
        )
        self._take(chosen)

    def _ask_folder(self) -> None:
        self._take(QFileDialog.getExistingDirectory(self, "Body models", self._start_folder()))

    def _start_folder(self) -> str:
        path = Path(self.path.text()).expanduser()
        return str(path if path.is_dir() else path.parent)

    def _take(self, chosen: str) -> None:
        if chosen:
            self.path.setText(chosen)
            self.check()
