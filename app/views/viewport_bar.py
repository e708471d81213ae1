"""The strip above the 3D viewport: what is shown, how opaque, which gizmo, which camera."""

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from app.views.gizmo import Axes
from app.views.gizmo_tool import Tool

THROUGH_MESH_OPACITY = 0.6  # a photo behind is only of use if it can be seen


class ViewportBar(QWidget):
    """Holds the viewport's display settings; `changed` says that one of them is new."""

    changed = Signal()
    tool_asked = Signal(object)
    axes_asked = Signal(object)
    leave_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewport bar")
        self._free_opacity, self._through_opacity = 1.0, THROUGH_MESH_OPACITY
        self._is_through = self._has_tool = False
        self._mesh = self._switch("Mesh", "Body surfaces")
        self._skeleton = self._switch("Skeleton", "Joints and bones")
        self._cameras = self._switch("Cameras", "Where the cameras stand; double-click one")
        self._floor = self._switch("Floor", "Half-metre grid and axes")
        self.opacity = self._slider("Opacity of the bodies", 100)
        self._rotate = self._switch("Rotate", "Rotation rings on the selected joint  (R)", on=False)
        self._move = self._switch("Move", "Arrows that move the person  (G)", on=False)
        self.axes = QComboBox()
        self.axes.setToolTip("Axes of the rings and arrows")
        self.axes.setAccessibleName("Gizmo axes")
        for axes in Axes:
            self.axes.addItem(axes.value, axes)
        self._photo_label = QLabel("Photo")
        self.photo = self._slider("Opacity of the photo", 100)
        self.leave = QToolButton()
        self.leave.setToolTip("Back to the free view  (Esc)")
        self.leave.setAutoRaise(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 1, 4, 1)
        row.setSpacing(2)
        for widget in (self._mesh, self.opacity, self._skeleton, self._cameras, self._floor):
            row.addWidget(widget)
        row.addSpacing(8)
        for widget in (self._rotate, self._move, self.axes):
            row.addWidget(widget)
        row.addStretch(1)
        for widget in (self._photo_label, self.photo, self.leave):
            row.addWidget(widget)
        self._row = row
        # What gives way first when the viewport is narrow; keys and tool tips remain.
        self._yielding = (
            self._photo_label, self.axes, self.opacity, self._move, self._rotate, self.photo,
            self._floor, self._cameras,
        )  # fmt: skip
        self._mesh.toggled.connect(self.opacity.setEnabled)
        self.opacity.valueChanged.connect(self._keep_opacity)
        self.photo.valueChanged.connect(self.changed)
        self._rotate.clicked.connect(lambda: self.tool_asked.emit(Tool.ROTATE))
        self._move.clicked.connect(lambda: self.tool_asked.emit(Tool.MOVE))
        self.axes.activated.connect(lambda _: self.axes_asked.emit(self.axes.currentData()))
        self.leave.clicked.connect(self.leave_asked)
        self.show_camera(None)

    def minimumSizeHint(self) -> QSize:
        """Narrow viewports keep as many controls as fit."""
        return QSize(90, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show what fits."""
        super().resizeEvent(event)
        self._fit()

    @property
    def has_mesh(self) -> bool:
        """Draw the surfaces."""
        return self._mesh.isChecked()

    @property
    def has_skeleton(self) -> bool:
        """Draw joints and bones."""
        return self._skeleton.isChecked()

    @property
    def has_cameras(self) -> bool:
        """Draw the cameras."""
        return self._cameras.isChecked()

    @property
    def has_floor(self) -> bool:
        """Draw the floor."""
        return self._floor.isChecked()

    @property
    def mesh_opacity(self) -> float:
        """Of the surfaces, 0 to 1; another one while a camera is looked through."""
        return self._through_opacity if self._is_through else self._free_opacity

    @property
    def photo_opacity(self) -> float:
        """Of the photo behind, 0 to 1."""
        return self.photo.value() / 100

    def show_camera(self, name: str | None) -> None:
        """Offer the photo's opacity and the way back while a camera is looked through."""
        self._is_through = name is not None
        self.leave.setText(f"Camera {name}  ✕")
        self._fit()
        with QSignalBlocker(self.opacity):
            self.opacity.setValue(round(100 * self.mesh_opacity))
        self.changed.emit()

    def show_tool(self, tool: Tool, axes: Axes) -> None:
        """Press the button of the shown gizmo and name its axes."""
        self.axes.setCurrentIndex(self.axes.findData(axes))
        self._has_tool = tool is not Tool.NONE
        self._fit()
        self._rotate.setChecked(tool is Tool.ROTATE)
        self._move.setChecked(tool is Tool.MOVE)

    def _fit(self) -> None:
        """Hide what does not fit, and what belongs to a photo or gizmo while there is none."""
        unused: list[QWidget] = [] if self._has_tool else [self.axes]
        if not self._is_through:
            unused += [self._photo_label, self.photo, self.leave]
        items = [self._row.itemAt(place) for place in range(self._row.count())]
        widgets = [item.widget() for item in items if item is not None]
        self.setFixedHeight(2 + max(w.sizeHint().height() for w in widgets if w is not None))
        wanted = [widget for widget in widgets if widget is not None and widget not in unused]
        needed = sum(widget.sizeHint().width() + self._row.spacing() for widget in wanted) + 24
        for widget in self._yielding:
            if needed <= self.width():
                break
            if widget in wanted:
                wanted.remove(widget)
                needed -= widget.sizeHint().width() + self._row.spacing()
        for widget in widgets:
            if widget is not None:
                widget.setVisible(widget in wanted)

    def _keep_opacity(self, percent: int) -> None:
        if self._is_through:
            self._through_opacity = percent / 100
        else:
            self._free_opacity = percent / 100
        self.changed.emit()

    def _switch(self, text: str, tip: str, *, on: bool = True) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setCheckable(True)
        button.setChecked(on)
        button.setAutoRaise(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setObjectName(text.lower())
        button.toggled.connect(self.changed)
        return button

    def _slider(self, tip: str, value: int) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 100)
        slider.setValue(value)
        slider.setFixedWidth(64)
        slider.setToolTip(tip)
        slider.setAccessibleName(tip)
        return slider
