"""What is in the user's hand between press and release; it ends as one undo step or as nothing."""

from dataclasses import dataclass, replace
from typing import Literal, cast

import numpy as np
from jaxtyping import Float
from PySide6.QtCore import QObject, Signal

from app.document import Document
from app.playback import Playback
from app.settings import Settings
from avatarpose.body.ik import IkResult, Mode, solve_limb
from avatarpose.body.skeleton import Joint
from avatarpose.geometry.camera import Camera
from avatarpose.scene.edits import set_pose
from avatarpose.scene.layers import ViewPin
from avatarpose.scene.pins import triangulated_target
from avatarpose.scene.scene import Scene

FINE = 0.2  # share of the cursor's way while Shift is held
NEAREST_M, FURTHEST_M = 0.15, 60.0
DEPTH_SAMPLES = 64
BODY_DEPTHS_M = np.linspace(-0.6, 0.6, 13)  # the line is solid where a body may be

Spread = Literal["frame", "ease", "range"]


@dataclass(frozen=True, slots=True)
class SpreadOver:
    """How a correction at one frame reaches others, in the words of `edits.set_pose`."""

    ease_frames: int
    hold: tuple[int, int] | None


def spread_of(settings: Settings, playback: Playback) -> SpreadOver:
    """The propagation chosen in the toolbar, at the shown frame."""
    values = settings.values
    if values.spread == "ease":
        return SpreadOver(values.ease_frames, None)
    chosen = playback.range
    if values.spread == "range" and chosen is not None and chosen[0] <= playback.index <= chosen[1]:
        return SpreadOver(0, chosen)
    return SpreadOver(0, None)


@dataclass(frozen=True, slots=True, eq=False)
class _Grip:
    """What was so at the moment of grabbing; everything is solved from here."""

    scene: Scene
    camera: Camera
    pid: int
    joint: Joint
    index: int
    rotvecs: np.ndarray
    transl: np.ndarray
    betas: np.ndarray
    joint_pixel: np.ndarray
    joint_world: np.ndarray
    depth_m: float
    by_keyboard: bool


@dataclass(frozen=True, slots=True, eq=False)
class EpipolarGuide:
    """The cursor's ray as another view sees it.

    Attributes:
        pixels: recorded pixels along the ray, NaN where it is not in the picture.
        near_body: which of them lie where the body is.
        guess: pixel of the wanted place.
    """

    pixels: Float[np.ndarray, "points 2"]
    near_body: np.ndarray
    guess: Float[np.ndarray, "2"]


class JointDrag(QObject):
    """A joint taken hold of in a camera view (or picked up with Enter) until it is let go.

    The joint moves in the plane through itself parallel to the image; `push_depth` slides it along
    the cursor's ray. With pins of the joint in other views the place is triangulated. Every change
    is shown as the document's preview; `finish` makes it one undo step, `cancel` leaves no trace.
    """

    changed = Signal()

    def __init__(
        self,
        document: Document,
        playback: Playback,
        settings: Settings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document, self._playback, self._settings = document, playback, settings
        self._grip: _Grip | None = None
        self._pixel = np.zeros(2)
        self._depth_m = 0.0
        self._depth_by_hand = False
        self._has_moved = False
        self._target = np.zeros(3)
        self._result: IkResult | None = None
        self._scene: Scene | None = None
        self._note = ""
        self._residuals: dict[str, float] = {}
        self._direction = np.array([0.0, 0.0, 1.0])
        self._guide_points: tuple[np.ndarray, np.ndarray] | None = None
        document.scene_changed.connect(self._forget)

    @property
    def is_active(self) -> bool:
        """True between press and release."""
        return self._grip is not None

    @property
    def is_by_keyboard(self) -> bool:
        """True when the joint was picked up with Enter."""
        return self._grip is not None and self._grip.by_keyboard

    @property
    def has_moved(self) -> bool:
        """True once the joint was really moved; a press and release alone is a click."""
        return self._has_moved

    @property
    def camera(self) -> str | None:
        """The view it is held in."""
        return None if self._grip is None else self._grip.camera.name

    @property
    def pid(self) -> int | None:
        """Whose joint is held."""
        return None if self._grip is None else self._grip.pid

    @property
    def joint(self) -> Joint | None:
        """Which joint is held."""
        return None if self._grip is None else self._grip.joint

    @property
    def target_world(self) -> Float[np.ndarray, "3"] | None:
        """The wanted place (m)."""
        return self._target if self._has_moved else None

    @property
    def result(self) -> IkResult | None:
        """What the solver made of it."""
        return self._result

    @property
    def residuals_px(self) -> dict[str, float]:
        """Distance from each pin to the triangulated place, per camera, when there is one."""
        return self._residuals

    @property
    def depth_m(self) -> float:
        """Depth of the wanted place along the held camera's axis."""
        return self._depth_m

    @property
    def note(self) -> str:
        """A line for the status bar."""
        if self._result is not None and self._result.note:
            return self._result.note
        return self._note

    def begin(self, camera: Camera, pid: int, joint: int, *, by_keyboard: bool = False) -> bool:
        """Take hold of a joint at the shown frame; False when there is nothing to hold."""
        scene = self._document.scene
        index = self._playback.index
        if scene is None or pid not in scene.pids:
            return False
        person = scene.person(pid)
        source = person.layer(person.shown).poses
        if not 0 <= index < len(source) or not source.valid[index]:
            return False
        edit = person.edit()
        rotvecs, transl = edit.pose_at(source, index)
        betas = source.betas + edit.betas
        _, joints = scene.body.joint_transforms(betas, rotvecs[None], transl[None])
        here = joints[0, joint].astype(np.float64)
        pixel = camera.project(here)
        if not np.isfinite(pixel).all():
            return False
        self._grip = _Grip(
            scene, camera, pid, Joint(joint), index, rotvecs, transl, betas,
            pixel, here, float(camera.depth(here)), by_keyboard,
        )  # fmt: skip
        self._pixel = pixel.copy()
        self._depth_m = self._grip.depth_m
        self._depth_by_hand = self._has_moved = False
        self._target, self._result, self._scene = here, None, None
        self._direction, self._guide_points = camera.rays(pixel), None
        self._note, self._residuals = "", {}
        self.changed.emit()
        return True

    def move_by(self, delta_px: Float[np.ndarray, "2"] | tuple[float, float]) -> None:
        """Move the wanted pixel (recorded pixels of the held view)."""
        if self._grip is None:
            return
        self._pixel = self._pixel + np.asarray(delta_px, np.float64)
        self._has_moved = True
        self._solve()

    def push_depth(self, metres: float) -> None:
        """Slide the joint along the cursor's ray, away from the camera when positive."""
        if self._grip is None:
            return
        self._depth_m = float(np.clip(self._depth_m + metres, NEAREST_M, FURTHEST_M))
        self._depth_by_hand = self._has_moved = True
        self._solve()

    def metres_per_pixel(self) -> float:
        """Size of a pixel of the held view at the joint's depth (m)."""
        if self._grip is None:
            return 0.0
        return self._depth_m / float(self._grip.camera.pixel_from_camera[0, 0])

    def finish(self) -> None:
        """Let go: one undo step and one view pin, or nothing when it was only a click."""
        grip, scene = self._grip, self._scene
        moved = self._has_moved and scene is not None
        self._reset()
        if grip is None:
            return
        if moved and scene is not None:
            who = grip.scene.person(grip.pid).name
            frame = grip.scene.capture.frames[grip.index]
            self._document.edit(f"Drag {grip.joint.label}, {who}, f {frame}", scene)
        else:
            self._document.preview(None)
        self.changed.emit()

    def cancel(self) -> None:
        """Everything is as it was at the press."""
        if self._grip is None:
            return
        self._reset()
        self._document.preview(None)
        self.changed.emit()

    def guide(self, other: Camera) -> EpipolarGuide | None:
        """What another view shows while the joint is held."""
        if self._grip is None or other.name == self._grip.camera.name:
            return None
        if self._guide_points is None:
            depths = np.geomspace(NEAREST_M, FURTHEST_M, DEPTH_SAMPLES)
            depths = np.sort(np.append(depths, self._grip.depth_m + BODY_DEPTHS_M))
            near = np.abs(depths - self._grip.depth_m) <= BODY_DEPTHS_M[-1] + 1e-9
            self._guide_points = (self._on_ray(depths), near)
        points, near = self._guide_points
        pixels = other.project(points)
        pixels[~other.is_inside(pixels)] = np.nan
        return EpipolarGuide(pixels, near, other.project(self._target))

    def _on_ray(self, depths_m: np.ndarray) -> np.ndarray:
        """World points under the cursor, at depths along the held camera's axis."""
        assert self._grip is not None
        camera = self._grip.camera
        along_axis = self._direction @ camera.camera_from_world[2, :3]
        return camera.centre_world + self._direction * (depths_m / along_axis)[:, None]

    def _solve(self) -> None:
        grip = self._grip
        assert grip is not None
        pixel, self._guide_points = self._pixel, None
        self._direction = grip.camera.rays(pixel)
        held = ViewPin(grip.camera.name, grip.index, int(grip.joint), (pixel[0], pixel[1]))
        target = self._on_ray(np.array([self._depth_m]))[0]
        self._note, self._residuals = "", {}
        if not self._depth_by_hand:
            pinned = triangulated_target(grip.scene, grip.pid, grip.index, grip.joint, held)
            self._note, self._residuals = pinned.note, pinned.residuals_px
            if pinned.point_world is not None:
                target = pinned.point_world
        self._target = target
        mode = cast(Mode, self._settings.values.ik_mode)
        self._result = solve_limb(
            grip.scene.body, grip.betas, grip.rotvecs, grip.transl, grip.joint, target, mode
        )
        spread = spread_of(self._settings, self._playback)
        self._scene = set_pose(
            grip.scene,
            grip.pid,
            grip.index,
            self._result.rotvecs.astype(np.float32),
            self._result.transl.astype(np.float32),
            ease_frames=spread.ease_frames,
            hold=spread.hold,
            pins=(replace(held, pixel=(float(pixel[0]), float(pixel[1]))),),
            joints=(int(grip.joint),),
        )
        self._document.preview(self._scene)
        self.changed.emit()

    def _reset(self) -> None:
        self._grip = self._scene = self._result = None
        self._has_moved = False
        self._note, self._residuals = "", {}

    def _forget(self) -> None:
        """Another scene came in (undo, a run's result, a file): what was in hand is dropped."""
        if self._grip is not None:
            self._reset()
            self.changed.emit()
