"""All camera views side by side, in step; one of them can fill the space."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QWidget

from app.interactions import JointDrag
from app.views.camera_painter import TITLE_PX
from app.views.camera_view import CameraView
from app.workbench import Workbench

GAP_PX = 3


class CameraGrid(QWidget):
    """The camera views of the open scene; double-click maximises one and restores it."""

    hint_changed = Signal(str)
    maximised_changed = Signal(str)

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bench = bench
        self._views: list[CameraView] = []
        self._maximised: str | None = None
        self._drag = JointDrag(bench.document, bench.playback, bench.settings, self)
        self.setObjectName("camera views")
        self.setMinimumSize(240, 160)
        self._empty = QLabel("No cameras.\nOpen a capture to see its views here.", self)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setObjectName("empty")
        document = bench.document
        document.scene_opened.connect(self._rebuild)
        document.scene_changed.connect(self._repaint)
        document.preview_changed.connect(self._repaint)
        bench.selection.changed.connect(self._repaint)
        bench.selection.hover_changed.connect(self._repaint)
        bench.selection.camera_changed.connect(self._repaint)
        bench.playback.frame_changed.connect(self._on_frame)
        bench.bodies.live_changed.connect(self._repaint)
        bench.settings.changed.connect(self._on_setting)
        self._drag.changed.connect(self._repaint)
        self._rebuild()

    @property
    def drag(self) -> JointDrag:
        """The joint in hand, if any."""
        return self._drag

    @property
    def views(self) -> tuple[CameraView, ...]:
        """The views in camera order."""
        return tuple(self._views)

    @property
    def maximised(self) -> str | None:
        """Name of the view that fills the space."""
        return self._maximised

    def view(self, camera: str) -> CameraView:
        """The view of a camera."""
        return next(view for view in self._views if view.camera.name == camera)

    def sizeHint(self) -> QSize:
        return QSize(760, 640)

    def toggle_maximised(self, camera: str) -> None:
        """Let one view fill the space, or show all again."""
        self._maximised = None if self._maximised == camera else camera
        self._arrange()
        self.maximised_changed.emit(self._maximised or "")
        if self._maximised is not None:
            self.view(camera).setFocus()

    def fit_all(self) -> None:
        """Show every picture whole."""
        for view in self._views:
            view.fit()

    def frame_selected(self) -> None:
        """Zoom every view to the active person, or fit them again."""
        for view in self._views:
            view.frame_person()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()

    def _rebuild(self) -> None:
        for view in self._views:
            view.setParent(None)
            view.deleteLater()
        scene = self._bench.document.scene
        cameras = [] if scene is None else [view.camera for view in scene.capture.views]
        self._views = [CameraView(self._bench, camera, self._drag, self) for camera in cameras]
        for view in self._views:
            view.maximise_asked.connect(self.toggle_maximised)
            view.hint_changed.connect(self.hint_changed)
        self._maximised = None
        self._empty.setVisible(not self._views)
        self._arrange()

    def _arrange(self) -> None:
        self._empty.setGeometry(self.rect())
        if not self._views:
            return
        if self._maximised is not None:
            for view in self._views:
                view.setVisible(view.camera.name == self._maximised)
            self.view(self._maximised).setGeometry(self.rect())
            return
        columns = self._bench.settings.values.columns or self.best_columns()
        columns = min(columns, len(self._views))
        rows = -(-len(self._views) // columns)
        for number, view in enumerate(self._views):
            row, column = divmod(number, columns)
            left = round(column * (self.width() + GAP_PX) / columns)
            right = round((column + 1) * (self.width() + GAP_PX) / columns) - GAP_PX
            top = round(row * (self.height() + GAP_PX) / rows)
            bottom = round((row + 1) * (self.height() + GAP_PX) / rows) - GAP_PX
            view.setGeometry(left, top, right - left, bottom - top)
            view.show()

    def best_columns(self) -> int:
        """How many columns make the pictures largest in the space there is."""
        count = len(self._views)
        camera = self._views[0].camera

        def picture_scale(columns: int) -> float:
            rows = -(-count // columns)
            width = self.width() / columns - GAP_PX
            height = self.height() / rows - GAP_PX - TITLE_PX
            return min(width / camera.width, height / camera.height)

        return max(range(1, count + 1), key=picture_scale)

    def _on_frame(self, index: int) -> None:
        self._drag.cancel()
        self._repaint()
        self._bench.footage.read_ahead(index)

    def _on_setting(self, name: str) -> None:
        if name == "columns":
            self._arrange()
        self._repaint()

    def _repaint(self) -> None:
        for view in self._views:
            view.update()
