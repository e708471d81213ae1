"""A refinement as data: stages that each change only some groups of parameters."""

from dataclasses import dataclass, replace
from enum import Flag, auto

from avatarpose.avatar.field import FieldShape
from avatarpose.avatar.hashgrid import HashGridShape
from avatarpose.avatar.marching import Band
from avatarpose.errors import OptimizationError
from avatarpose.optimize.settings import PRESETS

_FIELD, _BAND = FieldShape(), Band()


class Update(Flag):
    """Groups of parameters a stage may change."""

    AVATAR = auto()
    SHAPE = auto()
    POSE = auto()
    ROOT = auto()
    KEYPOINTS = auto()


@dataclass(frozen=True, slots=True)
class Stage:
    """A run of steps.

    A step of an avatar stage is one batch of rays; a step of a pose stage is one visit of one frame
    with all its cameras and people; a step of a keypoint stage sees everything at once.

    Attributes:
        name: shown to the user.
        updates: what it may change; KEYPOINTS marks the alignment to 2D keypoints.
        steps: for keypoint and avatar stages their number; for pose stages visits per frame.
        rate: factor on the learning rates.
        collision: weight factor of the collision terms.
        colour: weight factor of colour; 0 looks at masks alone.
    """

    name: str
    updates: Update
    steps: int
    rate: float = 1.0
    collision: float = 1.0
    colour: float = 1.0


@dataclass(frozen=True, slots=True)
class PoseWeights:
    """Weights of the pose terms; those of pictures are means over rays and do not grow with size.

    Attributes:
        rgb: colour.
        alpha: opacity against masks.
        instance: person by person.
        near: stay near the keypoint alignment.
        smooth: acceleration.
        turn: angle of increments.
        hinge: knees and elbows.
        collision: depth of one body in another.
        shared: opacity that avatars share.
        pins: the user's view pins.
        anchors: joints the user corrected.
    """

    rgb: float = 20.0
    alpha: float = 0.2
    instance: float = 1.0
    near: float = 0.1
    smooth: float = 0.02
    turn: float = 0.02
    hinge: float = 1e-3
    collision: float = 0.01
    shared: float = 0.5
    pins: float = 0.2
    anchors: float = 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run needs to know beside the scene.

    Attributes:
        stages: in order.
        longest_px: longer side of pictures at working size.
        field: size of the avatars.
        band: where samples lie.
        avatar_rays: rays of an avatar step.
        pool_rays: rays per frame and camera prepared for an avatar stage.
        pose_rays: rays per camera in a visit.
        inner_steps: gradient steps of a visit.
        avatar_rate: learning rate of fields.
        turn_rate: largest step of a rotation (rad).
        transl_rate: largest step of a translation (m).
        beta_rate: largest step of a shape coefficient, once a visit.
        weights: of the pose terms.
    """

    stages: tuple[Stage, ...]
    longest_px: int = 320
    field: FieldShape = _FIELD
    band: Band = _BAND
    avatar_rays: int = 1024
    pool_rays: int = 320
    pose_rays: int = 128
    inner_steps: int = 4
    avatar_rate: float = 5e-3
    turn_rate: float = 2e-3
    transl_rate: float = 1e-3
    beta_rate: float = 2e-2
    weights: PoseWeights = PoseWeights()


# Cells of about 6 mm: for pictures of 4 mm per pixel.
_FINE = FieldShape(grid=HashGridShape(level_count=10, log2_entries=17, finest_resolution=384))


def _alternation(
    keypoint_steps: int, silhouette_visits: int, cycles: tuple[tuple[int, int, float], ...]
) -> tuple[Stage, ...]:
    pose = Update.POSE | Update.ROOT
    stages = [
        Stage("keypoints", Update.KEYPOINTS | pose | Update.SHAPE, keypoint_steps),
        Stage("silhouettes", pose | Update.SHAPE, silhouette_visits, collision=0.2, colour=0.0),
    ]
    for number, (avatar_steps, visits, rate) in enumerate(cycles, start=1):
        stages.append(Stage(f"avatars {number}", Update.AVATAR, avatar_steps))
        stages.append(Stage(f"poses {number}", pose, visits, rate=rate))
    return tuple(stages)


def without_keypoints(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The stages for a scene in which nobody has 2D keypoints: masks must do the coarse work.

    First only root and shape follow the silhouettes, then the whole pose: freed at once, limbs
    would bend to make up for a wrong size.
    """
    out: list[Stage] = []
    for stage in stages:
        if Update.KEYPOINTS in stage.updates:
            continue
        if stage.colour == 0:
            root = Update.ROOT | Update.SHAPE
            out.append(Stage("silhouettes: root", root, 2 + stage.steps, 4.0, 0.0, 0.0))
            out.append(replace(stage, name="silhouettes: pose", steps=2 + stage.steps, rate=2.0))
        else:
            out.append(stage)
    return tuple(out)


def plan(preset: str) -> Plan:
    """The plan of a preset.

    Raises:
        OptimizationError: there is no such preset.
    """
    if preset == "preview":
        return Plan(_alternation(200, 2, ((120, 2, 1.0),)), longest_px=200, pose_rays=96)
    if preset == "standard":
        return Plan(_alternation(300, 3, ((300, 4, 1.0), (250, 4, 0.7))))
    if preset == "full":
        base = Plan(_alternation(400, 8, ((600, 8, 1.0), (500, 8, 0.7), (700, 8, 0.4))))
        return replace(base, longest_px=640, pose_rays=192, avatar_rays=2048, field=_FINE)
    raise OptimizationError(
        f"There is no preset {preset!r}.", remedy=f"Choose one of {', '.join(PRESETS)}."
    )
