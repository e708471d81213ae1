"""The gizmo in hand: rings or arrows on the selection, from grab to one undo step or to nothing."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from jaxtyping import Float
from PySide6.QtCore import QObject, Signal

from app.interactions import spread_of
from app.views.gizmo import (
    Axes,
    BallTurn,
    GizmoPlace,
    Handle,
    HandleMove,
    RingTurn,
    hit_arrow,
    hit_ring,
    joint_axes,
    turned_locally,
)
from app.views.orbit_camera import Viewpoint
from app.workbench import Workbench
from avatarpose.body.skeleton import PARENTS, Joint
from avatarpose.geometry.rotation import matrix_from_rotvec
from avatarpose.scene.edits import set_pose
from avatarpose.scene.scene import Scene

SNAP_RAD = np.radians(5.0)
SNAP_M = 0.01
FINE = 0.2
# About its own length a limb can turn without moving any joint: only the surface shows it.
TWIST_HANDLES = {
    **dict.fromkeys(
        (
            Joint.LEFT_SHOULDER, Joint.LEFT_ELBOW, Joint.LEFT_WRIST,
            Joint.RIGHT_SHOULDER, Joint.RIGHT_ELBOW, Joint.RIGHT_WRIST,
        ),
        Handle.X,  # the arms of the rest pose lie along x
    ),
    **dict.fromkeys(
        (Joint.LEFT_HIP, Joint.LEFT_KNEE, Joint.RIGHT_HIP, Joint.RIGHT_KNEE), Handle.Y
    ),
}  # fmt: skip
AXIS_OF_LETTER = {"X": Handle.X, "Y": Handle.Y, "Z": Handle.Z}


class Tool(Enum):
    """Which gizmo is shown."""

    NONE = "none"
    ROTATE = "rotate"
    MOVE = "move"


@dataclass(frozen=True, slots=True, eq=False)
class _Grip:
    """What was so at the moment of grabbing; everything is reckoned from here."""

    scene: Scene
    pid: int
    joint: Joint
    index: int
    rotvecs: np.ndarray
    transl: np.ndarray
    world_from_parent: np.ndarray
    place: GizmoPlace


class GizmoTool(QObject):
    """Rotates the selected joint, or moves the active person, at the shown frame.

    Changes are shown as the document's preview; `finish` makes them one undo step, `cancel` leaves
    no trace. Numbers may be typed instead of dragging: an axis letter, digits, Enter.
    """

    changed = Signal()

    def __init__(self, bench: Workbench, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bench = bench
        self.tool = Tool.NONE
        self._axes = {Tool.ROTATE: Axes.LOCAL, Tool.MOVE: Axes.WORLD}
        self.hover: Handle | None = None
        self._grip: _Grip | None = None
        self._hold: RingTurn | BallTurn | HandleMove | None = None
        self._handle: Handle | None = None
        self._typed: str | None = None
        self._amount = 0.0
        self._way = np.zeros(3)
        self._scene: Scene | None = None
        bench.document.scene_changed.connect(self._forget)

    @property
    def axes(self) -> Axes:
        """The frame the shown gizmo is aligned with; each tool remembers its own."""
        return self._axes.get(self.tool, Axes.LOCAL)

    @property
    def is_held(self) -> bool:
        """True while something is dragged or typed."""
        return self._grip is not None

    @property
    def is_typing(self) -> bool:
        """True after an axis letter, until Enter or Esc."""
        return self._typed is not None

    @property
    def handle(self) -> Handle | None:
        """What is held, else what is under the cursor."""
        return self._handle if self._grip is not None else self.hover

    @property
    def held_place(self) -> GizmoPlace | None:
        """Where the gizmo stood when it was grabbed."""
        return None if self._grip is None else self._grip.place

    @property
    def angle_rad(self) -> float:
        """How far the held ring is turned."""
        return self._amount if self.tool is Tool.ROTATE else 0.0

    @property
    def twist(self) -> Handle | None:
        """The ring that twists the selected limb; only the joint's own axes have one."""
        joint = self._acts_on()
        if joint is None or self.tool is not Tool.ROTATE or self.axes is not Axes.LOCAL:
            return None
        return TWIST_HANDLES.get(joint)

    @property
    def readout(self) -> str:
        """The amount in words, such as "X 15.0°"; empty when nothing is held."""
        if self._grip is None or self._handle is None:
            return ""
        typed = "" if self._typed is None else f"{self._typed}▏ "
        letter = {Handle.VIEW: "", Handle.BALL: ""}.get(self._handle, self._handle.name + " ")
        if self.tool is Tool.ROTATE:
            return f"{letter}{typed or f'{np.degrees(self._amount):.1f}'}°"
        if typed:
            return f"{letter}{typed} cm"
        return f"{letter}{100 * float(np.linalg.norm(self._way)):.1f} cm"

    def show(self, tool: Tool) -> None:
        """Show another gizmo, or none; what is in hand is dropped."""
        self.cancel()
        self.tool, self.hover = tool, None
        self.changed.emit()

    def set_axes(self, axes: Axes) -> None:
        """Align the gizmo with another frame."""
        self._axes[self.tool] = axes
        self.changed.emit()

    def place(self, view: Viewpoint) -> GizmoPlace | None:
        """Where the gizmo stands now; None when there is nothing it could act on."""
        scene, pid = self._bench.document.shown, self._bench.selection.pid
        if self.tool is Tool.NONE or scene is None or pid not in scene.pids or pid is None:
            return None
        if pid in self._bench.selection.hidden or pid in self._bench.selection.locked:
            return None
        body = self._bench.bodies.at(scene, pid, self._bench.playback.index)
        joint = self._acts_on()
        if body is None or joint is None:
            return None
        turned = body.world_from_rest[0, :, :3, :3].astype(np.float64)
        parent = turned[PARENTS[joint]] if joint else np.eye(3)
        centre = body.joints_world[0, joint].astype(np.float64)
        return GizmoPlace(centre, joint_axes(self.axes, view, parent, turned[joint]), view)

    def hit(self, view: Viewpoint, pixel: Float[np.ndarray, "2"]) -> Handle | None:
        """The handle under a pixel."""
        place = self.place(view)
        if place is None or not np.isfinite(view.project(place.centre_world)).all():
            return None
        return hit_ring(place, pixel) if self.tool is Tool.ROTATE else hit_arrow(place, pixel)

    def set_hover(self, handle: Handle | None) -> None:
        """Thicken what is under the cursor."""
        if handle is not self.hover:
            self.hover = handle
            self.changed.emit()

    def grab(self, view: Viewpoint, handle: Handle, pixel: Float[np.ndarray, "2"]) -> bool:
        """Take a handle in hand; False when there is nothing to act on."""
        place = self._grasp(view)
        if place is None:
            return False
        self._handle = handle
        if self.tool is Tool.MOVE:
            self._hold = HandleMove(place, handle, pixel)
        elif handle is Handle.BALL:
            self._hold = BallTurn(place, pixel)
        else:
            self._hold = RingTurn(place, handle, pixel)
        self.changed.emit()
        return True

    def drag_to(
        self, pixel: Float[np.ndarray, "2"], *, snap: bool = False, fine: bool = False
    ) -> None:
        """The cursor has moved on."""
        share = FINE if fine else 1.0
        if isinstance(self._hold, RingTurn):
            angle = self._hold.turned_to(pixel, share)
            self._amount = round(angle / SNAP_RAD) * SNAP_RAD if snap else angle
            self._rotate(self._hold.rotation_world(self._amount))
        elif isinstance(self._hold, BallTurn):
            turn = self._hold.turned_to(pixel, share)
            cosine = np.clip((np.trace(turn) - 1) / 2, -1, 1)
            self._amount = float(np.arccos(cosine))
            self._rotate(turn)
        elif isinstance(self._hold, HandleMove):
            way = self._hold.moved_to(pixel, share)
            if snap:
                axes = self._hold.place.axes_world
                way = axes @ (np.round(axes.T @ way / SNAP_M) * SNAP_M)
            self._move(way)

    def type_axis(self, view: Viewpoint, letter: str) -> bool:
        """X, Y or Z: turn about (or move along) this axis by a number that follows."""
        if self.tool is Tool.NONE:
            return False
        self.cancel()
        if self._grasp(view) is None:
            return False
        self._handle, self._typed, self._hold = AXIS_OF_LETTER[letter], "", None
        self.changed.emit()
        return True

    def type_text(self, text: str) -> None:
        """A digit, a point, or a minus that changes the sign; a backspace takes one back."""
        if self._typed is None:
            return
        if text == "\b":
            self._typed = self._typed[:-1]
        elif text == "-":
            self._typed = self._typed[1:] if self._typed.startswith("-") else f"-{self._typed}"
        elif text.isdigit() or (text == "." and "." not in self._typed):
            self._typed += text
        number = float(self._typed) if any(c.isdigit() for c in self._typed) else 0.0
        grip, handle = self._grip, self._handle
        assert grip is not None
        assert handle is not None
        axis = grip.place.axis_world(handle)
        if self.tool is Tool.ROTATE:
            self._amount = float(np.radians(number))
            self._rotate(matrix_from_rotvec(self._amount * axis))
        else:
            self._move(0.01 * number * axis)

    def finish(self) -> None:
        """Let go: one undo step, or nothing when nothing was changed."""
        grip, scene = self._grip, self._scene
        self._reset()
        if grip is None:
            return
        if scene is None:
            self._bench.document.preview(None)
        else:
            person = grip.scene.person(grip.pid)
            frame = grip.scene.capture.frames[grip.index]
            verb = f"Rotate {grip.joint.label}" if self.tool is Tool.ROTATE else "Move"
            self._bench.document.edit(f"{verb}, {person.name}, f {frame}", scene)
        self.changed.emit()

    def cancel(self) -> None:
        """Everything is as it was at the grab."""
        if self._grip is None:
            return
        self._reset()
        self._bench.document.preview(None)
        self.changed.emit()

    def _acts_on(self) -> Joint | None:
        if self.tool is Tool.MOVE:
            return Joint.PELVIS
        joint = self._bench.selection.joint
        return None if joint is None else Joint(joint)

    def _grasp(self, view: Viewpoint) -> GizmoPlace | None:
        place, scene = self.place(view), self._bench.document.scene
        pid, joint = self._bench.selection.pid, self._acts_on()
        if place is None or scene is None or pid is None or joint is None:
            return None
        index = self._bench.playback.index
        person = scene.person(pid)
        rotvecs, transl = person.edit().pose_at(person.layer(person.shown).poses, index)
        body = self._bench.bodies.at(scene, pid, index)
        if body is None:
            return None
        turned = body.world_from_rest[0, :, :3, :3].astype(np.float64)
        parent = turned[PARENTS[joint]] if joint else np.eye(3)
        self._grip = _Grip(scene, pid, joint, index, rotvecs, transl, parent, place)
        self._amount, self._way, self._scene = 0.0, np.zeros(3), None
        return place

    def _rotate(self, rotation_world: np.ndarray) -> None:
        grip = self._grip
        assert grip is not None
        rotvecs = np.array(grip.rotvecs, np.float64)
        rotvecs[grip.joint] = turned_locally(
            rotation_world, grip.world_from_parent, rotvecs[grip.joint]
        )
        self._show(rotvecs, np.asarray(grip.transl, np.float64))

    def _move(self, way: np.ndarray) -> None:
        grip = self._grip
        assert grip is not None
        self._way = way
        self._amount = float(np.linalg.norm(way))
        self._show(np.asarray(grip.rotvecs), np.asarray(grip.transl, np.float64) + way)

    def _show(self, rotvecs: np.ndarray, transl: np.ndarray) -> None:
        grip = self._grip
        assert grip is not None
        spread = spread_of(self._bench.settings, self._bench.playback)
        self._scene = set_pose(
            grip.scene,
            grip.pid,
            grip.index,
            rotvecs.astype(np.float32),
            transl.astype(np.float32),
            ease_frames=spread.ease_frames,
            hold=spread.hold,
            joints=(int(grip.joint),),
        )
        self._bench.document.preview(self._scene)
        self.changed.emit()

    def _reset(self) -> None:
        self._grip = self._hold = self._handle = self._typed = self._scene = None
        self._amount, self._way = 0.0, np.zeros(3)

    def _forget(self) -> None:
        """Another scene came in (undo, a run's result, a file): what was in hand is dropped."""
        if self._grip is not None:
            self._reset()
            self.changed.emit()
