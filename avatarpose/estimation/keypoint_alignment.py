"""Bodies pulled onto the 2D keypoints of all views at once: the first stage of every refinement.

Images pull a limb only when it is nearly where it belongs; keypoints reach it wherever it is. The
distances are robust with a scale that starts wide, so that limbs on the wrong person come back, and
ends narrow, so that swapped and misplaced detections are ignored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from avatarpose.body.pose import PoseSequence
from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.errors import OptimizationError
from avatarpose.estimation.body_fit import (
    AccelerationTerm,
    BodyPoints,
    FreeBodies,
    Group,
    descend,
    hinge_term,
    stack_poses,
    start_term,
)
from avatarpose.estimation.evidence import Evidence, gather_evidence
from avatarpose.geometry.projection_torch import ideal_cameras
from avatarpose.scene.scene import Scene

StepListener = Callable[[int, float, Mapping[int, PoseSequence]], bool]


@dataclass(frozen=True, slots=True)
class AlignmentSettings:
    """What is believed about detectors, and the course of the optimisation.

    Reprojection errors are measured in metres at the depth of the person: where a person of 1.7 m
    is 380 pixels tall, 12 mm are 2.7 pixels. A constant 3D disagreement per joint between detector
    and body is not estimated: with shapes free as well it cannot be told from limb lengths, and
    trying to made bodies worse.

    Attributes:
        detector_m: noise of a sure detection.
        widest_m: robust scale at the start; errors far beyond the scale lose their pull.
        narrowest_m: robust scale at the end.
        narrow_at: share of the steps after which the scale is narrowest.
        hand_m: precision of a point placed by hand (a view pin), which is always believed.
        shape: spread of each beta around its start.
        repeated: a detector misplaces a joint in the same way in every frame and view, so that
            many of them say little more about the shape than a few. One picture counts as this
            share of an independent one (and all as at least one).
        learning_rate: largest step of a rotation (rad); all others are in proportion.
    """

    detector_m: float = 0.012
    widest_m: float = 0.4
    narrowest_m: float = 0.045
    narrow_at: float = 0.6
    hand_m: float = 0.004
    shape: float = 0.5
    repeated: float = 0.1
    learning_rate: float = 0.04


def align_to_keypoints(
    scene: Scene,
    poses: Mapping[int, PoseSequence],
    *,
    frames: Int[np.ndarray, " frames"],
    steps: int,
    refine_shape: bool = True,
    device: torch.device | str = "cpu",
    on_step: StepListener | None = None,
    settings: AlignmentSettings | None = None,
) -> dict[int, PoseSequence]:
    """Root, pose and shape of all people that explain the labelled 2D keypoints best.

    Args:
        scene: cameras, labelled detections (see `association.label_detections`), and the view pins
            of the shown layers.
        poses: where each person starts.
        frames: positions on the time base that may change.
        steps: optimisation steps.
        refine_shape: let the betas change, one shape per person.
        device: where tensors live.
        on_step: called after every step with the step, the cost and the poses; False stops early.
        settings: beliefs and course; the defaults suit people of 100 to 1000 pixels.

    Returns:
        The poses over the whole time base; frames outside `frames` are as before.

    Raises:
        OptimizationError: there is no labelled keypoint, or the cost is not a number.
    """
    settings = settings or AlignmentSettings()
    frames = np.asarray(frames)
    evidence = gather_evidence(scene, tuple(poses), frames)
    if not np.any(evidence.confidence > 0):
        raise OptimizationError(
            "No 2D keypoint belongs to the people to align.",
            remedy="Import 2D keypoints, and check that the initial poses lie near the people.",
        )
    times = scene.capture.frames[frames] / scene.capture.fps
    start = stack_poses(poses, frames, times, device)
    bodies = FreeBodies(TorchSmpl(scene.body, device), start)
    reprojection = ReprojectionTerm(scene, evidence, settings, device)
    pins = PinTerm(scene, evidence.pids, frames, settings, device)
    acceleration = AccelerationTerm(start)
    count = settings.repeated * (evidence.confidence > 0).any(-1).sum((1, 2))
    pictures = torch.tensor(np.maximum(count, 1.0), dtype=torch.float32, device=device)

    def cost(points: BodyPoints, done: float) -> Tensor:
        total = reprojection(points, _scale_m(settings, done)) + pins(points)
        total = total + acceleration(points) + hinge_term(points.rotations)
        total = total + start_term(bodies.joint_turns)
        change = (bodies.shape_change / settings.shape) ** 2
        return total + 0.5 * (pictures[:, None] * change).sum()

    def tell(step: int, value: float) -> bool:
        return on_step is None or on_step(step, value, bodies.poses(poses, frames))

    free = Group.ROOT | Group.POSE
    descend(
        bodies,
        cost,
        free=free | Group.SHAPE if refine_shape else free,
        steps=steps,
        learning_rate=settings.learning_rate,
        after_step=tell,
    )
    return bodies.poses(poses, frames)


class ReprojectionTerm:
    """Robust distances between detections and projected bodies, at the depth of the bodies (m)."""

    def __init__(
        self,
        scene: Scene,
        evidence: Evidence,
        settings: AlignmentSettings,
        device: torch.device | str = "cpu",
    ) -> None:
        cameras = [scene.capture.rig[name] for name in evidence.cameras]
        self._cameras = ideal_cameras(cameras, device)
        seen = evidence.confidence > 0
        pixels = np.where(seen[..., None], evidence.pixels, 0.0).transpose(2, 0, 1, 3, 4)
        weight = evidence.confidence.transpose(2, 0, 1, 3)
        self._pixels = torch.tensor(pixels, dtype=torch.float32, device=device)
        self._weight = torch.tensor(weight, dtype=torch.float32, device=device)
        focal = self._cameras.pixel_from_camera[:, [0, 1], [0, 1]]
        self._focal = focal[:, None, None, None, :]
        self._detector_m = settings.detector_m

    def __call__(self, points: BodyPoints, scale_m: float) -> Tensor:
        """Cost at a robust scale (Geman and McClure)."""
        pixels, depth = self._cameras.project(points.evidence)
        error = (pixels - self._pixels) / self._focal * depth.detach()[..., None].clamp_min(0.1)
        square = (error**2).sum(-1)
        robust = square / (1 + square / scale_m**2)
        return 0.5 * (self._weight * robust).sum() / self._detector_m**2


class PinTerm:
    """Distances (m) of projected SMPL joints to where the user pinned them in single views."""

    def __init__(
        self,
        scene: Scene,
        pids: Sequence[int],
        frames: Int[np.ndarray, " frames"],
        settings: AlignmentSettings,
        device: torch.device | str = "cpu",
    ) -> None:
        rig = scene.capture.rig
        row_of = {int(index): row for row, index in enumerate(frames)}
        where: list[tuple[int, int, int, int]] = []
        pixels: list[np.ndarray] = []
        for person, pid in enumerate(pids):
            for pin in scene.person(pid).edit().view_pins:
                if pin.frame_index in row_of and pin.camera in rig:
                    camera = rig.names.index(pin.camera)
                    where.append((camera, person, row_of[pin.frame_index], int(pin.joint)))
                    pixels.append(rig[pin.camera].undistort(np.array(pin.pixel)))
        self._where = where
        self._cameras = ideal_cameras(list(rig), device)
        self._pixels = torch.tensor(np.array(pixels).reshape(-1, 2), device=device).float()
        self._hand_m = settings.hand_m

    def __call__(self, points: BodyPoints) -> Tensor:
        """Cost of the pins; not robust, because somebody looked."""
        if not self._where:
            return points.joints.new_zeros(())
        camera, person, frame, joint = map(list, zip(*self._where, strict=True))
        cameras = self._cameras
        local = points.joints[person, frame, joint]
        local = (cameras.rotation[camera] @ local[..., None]).squeeze(-1)
        local = local + cameras.translation[camera]
        ray = (cameras.pixel_from_camera[camera] @ local[..., None]).squeeze(-1)
        focal = cameras.pixel_from_camera[camera][:, [0, 1], [0, 1]]
        depth = local[:, 2:].detach().clamp_min(0.1)
        error = (ray[:, :2] / ray[:, 2:].clamp_min(0.01) - self._pixels) / focal * depth
        return 0.5 * (error**2).sum() / self._hand_m**2


def _scale_m(settings: AlignmentSettings, done: float) -> float:
    share = min(done / settings.narrow_at, 1.0)
    return settings.widest_m * (settings.narrowest_m / settings.widest_m) ** share
