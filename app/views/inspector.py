"""The inspector: everything about the selected joint at the shown frame, and how well it fits."""

import numpy as np
from jaxtyping import Float
from PySide6.QtCore import QEvent, QSignalBlocker, QSize, Qt, QTimer
from PySide6.QtWidgets import (
    QButtonGroup,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from scipy.spatial.transform import Rotation

from app.interactions import spread_of
from app.jobs.errors import ErrorSurvey
from app.views.camera_errors import CameraErrors
from app.views.glyphs import glyph
from app.views.transport import WITHOUT_BUTTONS
from app.views.wording import layer_title
from app.workbench import Workbench
from avatarpose.body.skeleton import SMPL_OF_SKEL19, Joint
from avatarpose.errors import AvatarPoseError
from avatarpose.scene import edits
from avatarpose.scene.layers import Strength
from avatarpose.scene.people import Person
from avatarpose.scene.scene import Scene

REFRESH_MS = 40  # while something is dragged, the numbers follow at this pace
EULER = "XYZ"
STRENGTHS = (
    (Strength.FREE, "Free", "A refinement may move this joint as the pictures demand"),
    (Strength.SOFT, "Soft", "A refinement is drawn towards this correction"),
    (Strength.LOCKED, "Locked", "A refinement keeps this joint exactly as corrected"),
)
SKEL19_OF_SMPL = {int(joint): int(target) for target, joint in SMPL_OF_SKEL19.items()}


class Inspector(QWidget):
    """Numbers of the selection; angles can be typed, strength chosen, pins removed.

    Args:
        bench: the window's shared objects.
        parent: the owner.
        survey: errors per camera; None makes one of its own.
    """

    def __init__(
        self,
        bench: Workbench,
        parent: QWidget | None = None,
        *,
        survey: ErrorSurvey | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("inspector")
        self.setAccessibleName("Inspector")
        self._bench = bench
        self._survey = survey or ErrorSurvey(bench, self)
        self.title, self.subtitle = QLabel(self), QLabel(self)
        self.empty = QLabel(self)
        self.position, self.state = QLabel(self), QLabel(self)
        self.angles = tuple(self._angle(axis) for axis in "XYZ")
        self.strengths: dict[Strength, QToolButton] = {}
        self.remove = QPushButton("Remove the correction at this frame", self)
        self.errors = CameraErrors(self)
        self._pins = QVBoxLayout()
        self._lay_out()
        self.remove.clicked.connect(self._remove)
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.setInterval(REFRESH_MS)
        self._refresh_timer.timeout.connect(self.refresh)
        for signal in (
            bench.document.scene_changed,
            bench.document.preview_changed,
            bench.selection.changed,
            bench.playback.frame_changed,
            self._survey.changed,
        ):
            signal.connect(self._refresh_soon)
        self.refresh()

    @property
    def survey(self) -> ErrorSurvey:
        """Where the errors come from."""
        return self._survey

    def sizeHint(self) -> QSize:
        """Tall enough for eight cameras."""
        return QSize(300, 460)

    def changeEvent(self, event: QEvent) -> None:
        """Symbols follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._refresh_soon()

    def refresh(self) -> None:
        """Show what is selected now."""
        scene, person = self._bench.document.shown, self._person()
        self.page.setVisible(person is not None)
        self.empty.setVisible(person is None)
        if scene is None:
            self.empty.setText("Open a project, then select a person or a joint.")
            return
        if person is None:
            self.empty.setText("Select a person or a joint in a view to see its numbers here.")
            return
        index, joint = self._bench.playback.index, self._joint()
        frame = int(scene.capture.frames[index])
        self.title.setText(joint.label.capitalize())
        self.subtitle.setText(f"{person.name}  ·  frame {frame}  ·  {layer_title(person.shown)}")
        self._show_pose(scene, person, joint, index)
        self._show_correction(person, joint, index)
        self._show_pins(scene, person, joint, index)
        target = SKEL19_OF_SMPL.get(int(joint))
        names = scene.capture.rig.names
        self.errors.show_errors(self._survey.errors.get(person.pid), names, index, target)

    def _angle(self, axis: str) -> QDoubleSpinBox:
        field = QDoubleSpinBox(self)
        field.setRange(-180.0, 180.0)
        field.setWrapping(True)
        field.setDecimals(1)
        field.setSuffix("°")
        field.setKeyboardTracking(False)
        field.setStyleSheet(WITHOUT_BUTTONS)
        field.setAlignment(Qt.AlignmentFlag.AlignRight)
        field.setMinimumWidth(48)
        field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        field.setAccessibleName(f"Rotation about {axis} in degrees")
        field.setToolTip(f"Turn about the joint's own {axis} axis, relative to its parent")
        field.valueChanged.connect(self._on_typed)
        return field

    def _lay_out(self) -> None:
        font = self.title.font()
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() + 2)
        self.title.setFont(font)
        for label in (self.subtitle, self.empty, self.state):
            label.setObjectName("dim")
            label.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.position.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.page = QScrollArea(self)
        self.page.setFrameShape(QFrame.Shape.NoFrame)
        self.page.setWidgetResizable(True)
        self.page.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget(self.page)
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(6)
        column.addWidget(self.title)
        column.addWidget(self.subtitle)
        form = QFormLayout()
        form.setContentsMargins(0, 6, 0, 0)
        form.setHorizontalSpacing(12)
        form.addRow("Position", self.position)
        turns = QHBoxLayout()
        turns.setSpacing(4)
        for field in self.angles:
            turns.addWidget(field, 1)
        form.addRow("Rotation", turns)
        form.addRow("Strength", self._strength_row())
        column.addLayout(form)
        column.addWidget(self.state)
        column.addWidget(self.remove)
        column.addLayout(self._pins)
        heading = QLabel("Distance to the keypoints", inside)
        column.addSpacing(6)
        column.addWidget(heading)
        column.addWidget(self.errors)
        column.addStretch(1)
        self.page.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.page)
        layout.addWidget(self.empty)

    def _strength_row(self) -> QWidget:
        box, group = QWidget(self), QButtonGroup(self)
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for strength, text, hint in STRENGTHS:
            button = QToolButton(box)
            button.setText(text)
            button.setToolTip(hint)
            button.setAccessibleDescription(hint)
            button.setCheckable(True)
            button.clicked.connect(lambda _on, strength=strength: self._choose(strength))
            group.addButton(button)
            row.addWidget(button)
            self.strengths[strength] = button
        row.addStretch(1)
        return box

    def _refresh_soon(self) -> None:
        if not self._refresh_timer.isActive():
            self._refresh_timer.start()

    def _person(self) -> Person | None:
        scene, pid = self._bench.document.shown, self._bench.selection.pid
        return None if scene is None or pid not in scene.pids else scene.person(pid)  # pyright: ignore[reportArgumentType]

    def _joint(self) -> Joint:
        joint = self._bench.selection.joint
        return Joint.PELVIS if joint is None else Joint(joint)

    def _show_pose(self, scene: Scene, person: Person, joint: Joint, index: int) -> None:
        body = self._bench.bodies.at(scene, person.pid, index)
        for field in self.angles:
            field.setEnabled(body is not None)
        if body is None:
            self.position.setText("absent in this frame")
            return
        x, y, z = (float(value) for value in body.joints_world[0, joint])
        self.position.setText(f"{x:.3f}   {y:.3f}   {z:.3f}  m")
        if any(field.hasFocus() for field in self.angles):
            return  # never change a number that is being typed
        layer = person.layer(person.shown).poses
        rotvecs, _ = person.edit().pose_at(layer, index)
        for field, angle in zip(self.angles, euler_deg(rotvecs[joint]), strict=True):
            with QSignalBlocker(field):
                field.setValue(float(angle))

    def _show_correction(self, person: Person, joint: Joint, index: int) -> None:
        key = person.edit().keys.get(index)
        self.remove.setVisible(key is not None)
        for strength, button in self.strengths.items():
            button.setEnabled(key is not None)
            with QSignalBlocker(button):
                button.setChecked(key is not None and bool(key.strength[joint] == strength))
        if key is None:
            self.state.setText("No correction at this frame. Drag the joint or type angles.")
            return
        reach = f"fades over ±{key.ease_frames} frames" if key.ease_frames else "this frame only"
        if key.hold is not None:
            reach = f"held over {key.hold[1] - key.hold[0] + 1} frames"
        self.state.setText(f"Corrected here, {reach}.")

    def _show_pins(self, scene: Scene, person: Person, joint: Joint, index: int) -> None:
        while (item := self._pins.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for pin in person.edit().view_pins:
            if pin.frame_index != index or pin.joint != joint:
                continue
            row = QWidget(self)
            inside = QHBoxLayout(row)
            inside.setContentsMargins(0, 0, 0, 0)
            x, y = pin.pixel
            inside.addWidget(QLabel(f"Pin in camera {pin.camera} at ({x:.0f}, {y:.0f})", row), 1)
            button = QToolButton(row)
            button.setObjectName(f"remove pin {pin.camera}")
            button.setAutoRaise(True)
            button.setIcon(glyph("clear", self.palette()))
            button.setToolTip("Remove this pin; the correction stays")
            button.setAccessibleName(f"Remove the pin in camera {pin.camera}")
            button.clicked.connect(lambda _on, camera=pin.camera: self._remove_pin(camera))
            inside.addWidget(button)
            self._pins.addWidget(row)

    def _on_typed(self) -> None:
        scene, person = self._bench.document.scene, self._person()
        if scene is None or person is None:
            return
        person = scene.person(person.pid)
        index, joint = self._bench.playback.index, self._joint()
        layer = person.layer(person.shown).poses
        rotvecs, transl = person.edit().pose_at(layer, index)
        wanted = rotvec_of_euler_deg(np.array([field.value() for field in self.angles]))
        if np.allclose(wanted, rotvecs[joint], atol=1e-4):
            return
        rotvecs[joint] = wanted
        spread = spread_of(self._bench.settings, self._bench.playback)
        frame = scene.capture.frames[index]
        try:
            after = edits.set_pose(
                scene, person.pid, index, rotvecs, transl,
                ease_frames=spread.ease_frames, hold=spread.hold, joints=(int(joint),),
            )  # fmt: skip
        except AvatarPoseError as error:
            self.state.setText(f"{error.problem} {error.remedy}")
            return
        self._bench.document.edit(f"Turn {joint.label}, {person.name}, f {frame}", after)

    def _choose(self, strength: Strength) -> None:
        scene, person = self._bench.document.scene, self._person()
        if scene is None or person is None:
            return
        index, joint = self._bench.playback.index, self._joint()
        if index not in scene.person(person.pid).edit().keys:
            return
        after = edits.set_strength(scene, person.pid, index, int(joint), strength)
        name = next(text for it, text, _ in STRENGTHS if it is strength)
        self._bench.document.edit(f"{name} {joint.label}, {person.name}", after)

    def _remove(self) -> None:
        scene, person = self._bench.document.scene, self._person()
        if scene is not None and person is not None:
            index = self._bench.playback.index
            after = edits.remove_keys(scene, person.pid, index, index)
            frame = scene.capture.frames[index]
            self._bench.document.edit(f"Remove correction, {person.name}, f {frame}", after)

    def _remove_pin(self, camera: str) -> None:
        scene, person = self._bench.document.scene, self._person()
        if scene is not None and person is not None:
            joint, index = self._joint(), self._bench.playback.index
            after = edits.remove_pin(scene, person.pid, camera, index, int(joint))
            self._bench.document.edit(f"Remove pin, {joint.label}, camera {camera}", after)


def euler_deg(rotvec: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    """Angles (deg) about the joint's own x, then y, then z axis."""
    rotation = Rotation.from_rotvec(np.asarray(rotvec, np.float64))
    return rotation.as_euler(EULER, degrees=True, suppress_warnings=True)


def rotvec_of_euler_deg(angles_deg: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    """The rotation vector (rad) of such angles."""
    rotation = Rotation.from_euler(EULER, angles_deg, degrees=True)
    return rotation.as_rotvec().astype(np.float32)
