"""What the window shows before a scene is open: the sample, a folder, recent projects."""

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QFont
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.settings import Settings

COLUMN_PX = 620


class StartPage(QWidget):
    """Ways into the program; a folder may also be dropped on it."""

    sample_asked = Signal()
    open_asked = Signal()
    path_asked = Signal(str)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.setAcceptDrops(True)
        self.setAutoFillBackground(True)
        self.setObjectName("start page")
        title = QLabel("avatarpose")
        font = QFont(title.font())
        font.setPointSizeF(font.pointSizeF() * 2.4)
        font.setBold(True)
        title.setFont(font)
        subtitle = QLabel("See, repair and refine the poses of closely interacting people.")
        subtitle.setObjectName("dim")
        self._sample = QPushButton("Open sample: two people, 8 cameras")
        self._sample.setObjectName("main")
        self._open = QPushButton("Open project or capture folder…")
        self._sample.clicked.connect(self.sample_asked)
        self._open.clicked.connect(self.open_asked)
        for button in (self._sample, self._open):
            button.setMinimumHeight(40)
            button.setCursor(Qt.CursorShape.PointingHandCursor)
        buttons = QHBoxLayout()
        buttons.setSpacing(12)
        buttons.addWidget(self._sample)
        buttons.addWidget(self._open)
        self._recent_title = QLabel("Recent")
        bold = QFont(self._recent_title.font())
        bold.setBold(True)
        self._recent_title.setFont(bold)
        self._recent = QListWidget()
        self._recent.setFrameShape(QFrame.Shape.NoFrame)
        self._recent.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._recent.setAccessibleName("Recent projects")
        self._recent.itemActivated.connect(self._on_recent)
        self._recent.itemClicked.connect(self._on_recent)
        self._nothing = QLabel(
            "Nothing yet. A project folder, a capture with intri.yml and extri.yml, or a Pose2Sim "
            "folder can also be dropped here."
        )
        self._nothing.setObjectName("dim")
        self._nothing.setWordWrap(True)
        self._busy = QLabel()
        self._busy.setObjectName("dim")
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(5)
        column = QVBoxLayout()
        column.setSpacing(10)
        column.addStretch(2)
        for widget in (title, subtitle):
            column.addWidget(widget)
        column.addSpacing(16)
        column.addLayout(buttons)
        column.addSpacing(22)
        for widget in (self._recent_title, self._recent, self._nothing, self._busy, self._bar):
            column.addWidget(widget)
        column.addStretch(3)
        box = QWidget()
        box.setLayout(column)
        box.setMaximumWidth(COLUMN_PX)
        outer = QHBoxLayout(self)
        outer.addStretch(1)
        outer.addWidget(box, 4)
        outer.addStretch(1)
        settings.changed.connect(self._on_setting)
        self._fill()
        self.show_idle()

    def show_busy(self, name: str) -> None:
        """Say what is being read; the buttons wait."""
        self._busy.setText(f"Opening {name}…")
        self._set_busy(busy=True)

    def show_idle(self) -> None:
        """Offer the ways in again."""
        self._set_busy(busy=False)

    def _set_busy(self, *, busy: bool) -> None:
        for widget in (self._busy, self._bar):
            widget.setVisible(busy)
        for button in (self._sample, self._open, self._recent):
            button.setEnabled(not busy)

    def _on_setting(self, name: str) -> None:
        if name == "recent":
            self._fill()

    def _fill(self) -> None:
        self._recent.clear()
        paths = self._settings.values.recent
        for path in paths:
            item = QListWidgetItem(f"{Path(path).name}\n{Path(path).parent}")
            item.setData(Qt.ItemDataRole.UserRole, path)
            item.setToolTip(path)
            item.setSizeHint(QSize(0, 44))
            self._recent.addItem(item)
        self._recent.setVisible(bool(paths))
        self._recent.setFixedHeight(min(6, max(1, len(paths))) * 46)
        self._nothing.setVisible(not paths)

    def _on_recent(self, item: QListWidgetItem) -> None:
        self.path_asked.emit(item.data(Qt.ItemDataRole.UserRole))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            self.path_asked.emit(paths[0])
