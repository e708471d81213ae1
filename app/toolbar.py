"""The toolbar: what a drag bends, how far a correction reaches, what is drawn, and Refine."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QToolBar,
    QToolButton,
    QWidget,
)

from app.actions import Actions
from app.workbench import Workbench

LARGEST_EASE = 99


class Tools(QToolBar):
    """Made from the window's commands."""

    def __init__(self, bench: Workbench, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__("Tools", parent)
        self.bench, self._actions = bench, actions
        self.setObjectName("toolbar")
        self.setMovable(False)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.addAction(actions["undo"])
        self.addAction(actions["redo"])
        self.addSeparator()
        for mode in ("limb", "body", "fk"):
            self.addAction(actions[f"ik_mode_{mode}"])
        self.addSeparator()
        self.addWidget(QLabel("Spread"))
        self.addWidget(self._spread_box())
        self.addSeparator()
        self.addWidget(QLabel("Show"))
        for name in ("show_photo", "show_keypoints", "show_skeleton", "show_errors"):
            self.addAction(actions[name])
        self.addWidget(self._mesh_button())
        self.addAction(actions["show_avatar"])
        self.addWidget(self._opacity_slider())
        space = QWidget()
        space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(space)
        self.addAction(actions["refine"])
        refine = self.widgetForAction(actions["refine"])
        refine.setObjectName("main")

    def _spread_box(self) -> QWidget:
        settings = self.bench.settings
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        chooser = QComboBox()
        chooser.setAccessibleName("Spread of a correction")
        chooser.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        for mode in ("frame", "ease", "range"):
            action = self._actions[f"spread_{mode}"]
            chooser.addItem(action.text(), action.data())
        reach = QSpinBox()
        reach.setAccessibleName("Frames of ease")
        reach.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        reach.setRange(1, LARGEST_EASE)
        reach.setPrefix("± ")
        reach.setToolTip("Frames over which a correction fades on either side")
        row.addWidget(chooser)
        row.addWidget(reach)

        def follow(name: str) -> None:
            if name in ("spread", "ease_frames"):
                chooser.setCurrentIndex(chooser.findData(settings.values.spread))
                reach.setValue(settings.values.ease_frames)
                reach.setEnabled(settings.values.spread == "ease")

        follow("spread")
        settings.changed.connect(follow)
        chooser.activated.connect(lambda _: settings.change(spread=chooser.currentData()))
        reach.valueChanged.connect(lambda count: settings.change(ease_frames=count))
        return box

    def _mesh_button(self) -> QToolButton:
        button = QToolButton()
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setAccessibleName("Mesh style")
        menu = QMenu(button)
        for style in ("none", "outline", "fill"):
            menu.addAction(self._actions[f"mesh_{style}"])
        button.setMenu(menu)

        def follow(name: str) -> None:
            if name == "mesh":
                chosen = {"none": "off", "outline": "outline", "fill": "filled"}
                button.setText(f"Mesh: {chosen[self.bench.settings.values.mesh]} ▾")

        follow("mesh")
        self.bench.settings.changed.connect(follow)
        return button

    def _opacity_slider(self) -> QSlider:
        settings = self.bench.settings
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(0, 100)
        slider.setFixedWidth(84)
        slider.setAccessibleName("Avatar opacity")
        slider.setToolTip("Opacity of rendered avatars")
        slider.setValue(round(settings.values.avatar_opacity * 100))
        slider.valueChanged.connect(lambda value: settings.change(avatar_opacity=value / 100))

        def follow(name: str) -> None:
            if name == "avatar_opacity":
                slider.setValue(round(settings.values.avatar_opacity * 100))
            slider.setEnabled(settings.values.show_avatar)

        settings.changed.connect(follow)
        return slider
