"""Bodies of several people over time as one differentiable thing, and the terms that pull at it.

All terms are negative log likelihoods up to a constant: a weight is one over twice a variance, and
each standard deviation below says in metres or radians what is believed about people and detectors.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Flag, auto
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import SKEL19_FROM_BODY25, SMPL_OF_SKEL19, Joint
from avatarpose.body.smpl import SURFACE_JOINTS
from avatarpose.body.smpl_torch import JointState, TorchSmpl
from avatarpose.errors import OptimizationError
from avatarpose.estimation.evidence import EXTRA_OF_BODY25, EXTRA_POINTS, POINT_COUNT
from avatarpose.geometry.rotation_torch import matrix_from_rotvec, rotvec_from_matrix

LONGEST_GAP_S = 0.2  # frames farther apart are not smoothed as neighbours

# How far each joint's rotation may be from where it started (rad). Wide where keypoints show it,
# narrow where they hardly do: there the start is the best there is.
_SPREAD_RAD: dict[Joint, float] = {
    Joint.SPINE1: 0.15, Joint.SPINE2: 0.15, Joint.SPINE3: 0.15, Joint.NECK: 0.25,
    Joint.HEAD: 0.3, Joint.LEFT_COLLAR: 0.15, Joint.RIGHT_COLLAR: 0.15,
    Joint.LEFT_ANKLE: 0.3, Joint.RIGHT_ANKLE: 0.3, Joint.LEFT_FOOT: 0.1, Joint.RIGHT_FOOT: 0.1,
    Joint.LEFT_WRIST: 0.15, Joint.RIGHT_WRIST: 0.15, Joint.LEFT_HAND: 0.05, Joint.RIGHT_HAND: 0.05,
}  # fmt: skip
_WIDE_RAD = 0.6

# Accelerations people reach in everyday close contact (m/s²): the trunk is slow, limbs are quick.
_TRUNK_ACCELERATION = 4.0
_LIMB_ACCELERATION = 10.0
_TRUNK = (
    Joint.PELVIS, Joint.LEFT_HIP, Joint.RIGHT_HIP, Joint.SPINE1, Joint.SPINE2, Joint.SPINE3,
    Joint.NECK, Joint.LEFT_COLLAR, Joint.RIGHT_COLLAR, Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER,
)  # fmt: skip

# Elbows and knees are hinges: (joint, hinge axis, axis of the bone below, sign of overextension).
_HINGES = (
    (Joint.LEFT_ELBOW, 1, 0, 1.0), (Joint.RIGHT_ELBOW, 1, 0, -1.0),
    (Joint.LEFT_KNEE, 0, 1, -1.0), (Joint.RIGHT_KNEE, 0, 1, -1.0),
)  # fmt: skip
_OVEREXTENSION_SLACK_RAD = 0.1
_OVEREXTENSION_SPREAD_RAD = 0.1
_SIDEWAYS_SPREAD_RAD = 0.1
_TWIST_SPREAD_RAD = 0.3  # of forearms and shanks about themselves, which no keypoint shows


@dataclass(frozen=True, slots=True, eq=False)
class BodyStack:
    """Where the bodies start and when they exist.

    Attributes:
        pids: the people.
        rotations: local rotations at the start.
        transl: translations at the start (m).
        betas: shapes at the start.
        valid: who is present when.
        times_s: time of every frame.
    """

    pids: tuple[int, ...]
    rotations: Float[Tensor, "people frames joints=24 3 3"]
    transl: Float[Tensor, "people frames 3"]
    betas: Float[Tensor, "people 10"]
    valid: Bool[Tensor, "people frames"]
    times_s: Float[np.ndarray, " frames"]


def stack_poses(
    poses: Mapping[int, PoseSequence],
    indices: np.ndarray,
    times_s: Float[np.ndarray, " frames"],
    device: torch.device | str = "cpu",
) -> BodyStack:
    """The frames `indices` of several people as tensors."""
    pids = tuple(poses)

    def stack(arrays: Sequence[np.ndarray]) -> Tensor:
        return torch.tensor(np.stack(arrays), device=device)

    rotvecs = stack([poses[pid].rotvecs[indices] for pid in pids])
    return BodyStack(
        pids=pids,
        rotations=matrix_from_rotvec(rotvecs),
        transl=stack([poses[pid].transl[indices] for pid in pids]),
        betas=stack([poses[pid].betas for pid in pids]),
        valid=stack([poses[pid].valid[indices] for pid in pids]),
        times_s=times_s,
    )


class FreeBodies:
    """Bodies with free root, pose and shape, as changes of a `BodyStack`.

    Rotations are changed by rotation vectors on the right of the starting rotations, so that zero
    means the start and no angle comes near pi.
    """

    def __init__(self, body: TorchSmpl, start: BodyStack) -> None:
        self.body = body
        self.start = start
        people, frames = start.valid.shape
        self.root_turns = start.transl.new_zeros(people, frames, 1, 3).requires_grad_()
        self.joint_turns = start.transl.new_zeros(people, frames, 23, 3).requires_grad_()
        self.shifts = torch.zeros_like(start.transl).requires_grad_()
        self.shape_change = torch.zeros_like(start.betas).requires_grad_()
        self._sources = _PointSources(body)

    @property
    def rotations(self) -> Float[Tensor, "people frames joints=24 3 3"]:
        """Local rotations now."""
        turns = torch.cat([self.root_turns, self.joint_turns], dim=2)
        return self.start.rotations @ matrix_from_rotvec(turns)

    @property
    def betas(self) -> Float[Tensor, "people 10"]:
        """Shapes now."""
        return self.start.betas + self.shape_change

    def points(self) -> "BodyPoints":
        """Joints and evidence points in the world now."""
        people, frames = self.start.valid.shape
        rotations = self.rotations
        betas = self.betas[:, None].expand(-1, frames, -1).reshape(-1, 10)
        transl = (self.start.transl + self.shifts).reshape(-1, 3)
        state = self.body.joints_from_matrices(betas, rotations.reshape(-1, 24, 3, 3), transl)
        evidence = self._sources.points(betas, state)
        return BodyPoints(
            rotations=rotations,
            joints=state.joints_world.reshape(people, frames, 24, 3),
            evidence=evidence.reshape(people, frames, POINT_COUNT, 3),
        )

    def poses(
        self, poses: Mapping[int, PoseSequence], indices: np.ndarray
    ) -> dict[int, PoseSequence]:
        """The sequences with the state now at the frames `indices` where people are present."""
        with torch.no_grad():
            rotvecs = rotvec_from_matrix(self.rotations).cpu().numpy()
            transl = (self.start.transl + self.shifts).cpu().numpy()
            betas = self.betas.cpu().numpy()
        out = {}
        for row, pid in enumerate(self.start.pids):
            present = poses[pid].valid[indices]
            moved = poses[pid].with_frames(
                indices[present], rotvecs[row, present], transl[row, present]
            )
            out[pid] = replace(moved, betas=betas[row])
        return out


@dataclass(frozen=True, slots=True, eq=False)
class BodyPoints:
    """Where bodies are.

    Attributes:
        rotations: local rotations.
        joints: SMPL joints (m).
        evidence: what detectors look for (m), in the order of `evidence.py`.
    """

    rotations: Float[Tensor, "people frames joints=24 3 3"]
    joints: Float[Tensor, "people frames joints=24 3"]
    evidence: Float[Tensor, "people frames points=25 3"]


class _PointSources:
    """Where the evidence points are read off a body: joints and vertices, or a regressor."""

    def __init__(self, body: TorchSmpl) -> None:
        self._body = body
        if body.body25 is not None:
            rows = body.body25[[*SKEL19_FROM_BODY25, *EXTRA_OF_BODY25]]
            used = (rows != 0).any(0).nonzero().squeeze(1)
            self._vertices = used.tolist()
            self._mix: Tensor | None = rows[:, used]
        else:
            names = [*SURFACE_JOINTS.values(), *EXTRA_POINTS]
            self._vertices = [body.model.vertex_ids[name] for name in names]
            self._mix = None

    def points(
        self, betas: Float[Tensor, "bodies 10"], state: JointState
    ) -> Float[Tensor, "bodies points=25 3"]:
        """The points in the world; only the vertices they need are skinned."""
        surface = self._body.vertices_at(betas, state, self._vertices)
        if self._mix is not None:
            return self._mix @ surface
        found = dict(
            zip([*SURFACE_JOINTS, *range(19, POINT_COUNT)], surface.unbind(1), strict=True)
        )
        for target, joint in SMPL_OF_SKEL19.items():
            found[target] = state.joints_world[:, joint]
        return torch.stack([found[row] for row in range(POINT_COUNT)], dim=1)


def start_term(
    joint_turns: Float[Tensor, "people frames joints=23 3"], looseness: float = 1.0
) -> Tensor:
    """Staying near the starting rotations; heavy-tailed, so that gross errors can be left.

    Args:
        joint_turns: changes of joints 1 to 23 (rad).
        looseness: multiplies every spread; above 1 for a start that is only a usual pose.
    """
    spread = joint_turns.new_full((24,), _WIDE_RAD)
    for joint, value in _SPREAD_RAD.items():
        spread[joint] = value
    square = (joint_turns**2).sum(-1) / (looseness * spread[1:]) ** 2
    total = 0.5 * torch.log1p(square).sum()
    for joint, _, bone, _ in _HINGES:
        twist = joint_turns[..., joint - 1, bone] / _TWIST_SPREAD_RAD
        total = total + 0.5 * torch.log1p(twist**2).sum()
    return total


def hinge_term(turned: Float[Tensor, "people frames joints=24 3 3"]) -> Tensor:
    """Elbows and knees bend neither backwards nor sideways.

    This also decides how upper arms and thighs are twisted, which joint positions leave open.
    """
    total = turned.new_zeros(())
    for joint, hinge, bone, sign in _HINGES:
        matrix = turned[..., joint, :, :]
        # sine of the rotation about the hinge, from the skew part of the matrix
        row, column = (hinge + 2) % 3, (hinge + 1) % 3
        sine = 0.5 * (matrix[..., row, column] - matrix[..., column, row])
        excess = torch.relu(sign * sine - _OVEREXTENSION_SLACK_RAD) / _OVEREXTENSION_SPREAD_RAD
        sideways = matrix[..., hinge, bone] / _SIDEWAYS_SPREAD_RAD
        total = total + 0.5 * (excess**2).sum() + 0.5 * (sideways**2).sum()
    return total


class AccelerationTerm:
    """People do not jump: accelerations of joints, robust, over real time differences."""

    def __init__(self, start: BodyStack) -> None:
        times = start.times_s
        gaps = np.diff(times)
        near = gaps <= LONGEST_GAP_S
        middle = np.flatnonzero(near[:-1] & near[1:]) + 1
        device, dtype = start.transl.device, start.transl.dtype
        self._middle = torch.as_tensor(middle, device=device)
        valid = start.valid
        self._valid = valid[:, self._middle] & valid[:, self._middle - 1]
        self._valid = self._valid & valid[:, self._middle + 1]
        before = torch.as_tensor(gaps[middle - 1], dtype=dtype, device=device)
        after = torch.as_tensor(gaps[middle], dtype=dtype, device=device)
        self._before, self._after = before[:, None, None], after[:, None, None]
        spread = torch.full((24 + POINT_COUNT - 19 + 5,), _LIMB_ACCELERATION, dtype=dtype)
        spread[list(_TRUNK)] = _TRUNK_ACCELERATION
        self._spread = spread.to(device)

    def __call__(self, points: BodyPoints) -> Tensor:
        """Cost of the accelerations."""
        if len(self._middle) == 0:
            return points.joints.new_zeros(())
        surface = [*SURFACE_JOINTS, *range(19, POINT_COUNT)]
        where = torch.cat([points.joints, points.evidence[:, :, surface]], dim=2)
        now = where[:, self._middle]
        forward = (where[:, self._middle + 1] - now) / self._after
        backward = (now - where[:, self._middle - 1]) / self._before
        acceleration = 2 * (forward - backward) / (self._after + self._before)
        square = (acceleration**2).sum(-1) / self._spread**2
        return 0.5 * (torch.log1p(square / 3) * 3 * self._valid[..., None]).sum()


class Group(Flag):
    """What a descent may change."""

    ROOT = auto()
    POSE = auto()
    SHAPE = auto()


def descend(
    bodies: FreeBodies,
    cost: Callable[[BodyPoints, float], Tensor],
    *,
    free: Group,
    steps: int,
    learning_rate: float,
    after_step: Callable[[int, float], bool] | None = None,
) -> None:
    """Adam steps down a cost.

    Args:
        bodies: what is changed.
        cost: of the points, at a share of the way done in [0, 1).
        free: the groups that may change.
        steps: how many.
        learning_rate: largest step of a rotation (rad) and of a beta; translations take half.
        after_step: told the step and the cost; False stops.

    Raises:
        OptimizationError: the cost is not a number.
    """
    groups: list[dict[str, Any]] = []
    if Group.ROOT in free:
        groups.append({"params": [bodies.root_turns], "lr": learning_rate})
        groups.append({"params": [bodies.shifts], "lr": 0.5 * learning_rate})
    if Group.POSE in free:
        groups.append({"params": [bodies.joint_turns], "lr": learning_rate})
    if Group.SHAPE in free:
        groups.append({"params": [bodies.shape_change], "lr": learning_rate})
    optimiser = torch.optim.Adam(groups, betas=(0.9, 0.99))
    course = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _pace(step / max(steps, 1)))
    for step in range(steps):
        optimiser.zero_grad()
        value = cost(bodies.points(), step / steps)
        if not torch.isfinite(value):
            raise OptimizationError(
                f"The bodies diverged at step {step + 1}.",
                remedy="Check the calibration and the poses the scene starts from.",
            )
        value.backward()
        optimiser.step()
        course.step()
        if after_step is not None and not after_step(step, float(value.detach())):
            return


def _pace(done: float) -> float:
    """Learning rate over the course: full for the wide part, then a cosine down to 2 %."""
    if done < 0.4:
        return 1.0
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (done - 0.4) / 0.6))
