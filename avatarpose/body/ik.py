"""A dragged joint becomes a pose: two-bone limbs in closed form, chains by damped Gauss-Newton.

Always solved from the pose at the moment of grabbing, so a target brought back restores that pose.
Bone lengths come from the shape and never change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from avatarpose.body.limits import beyond_range, excess_deg
from avatarpose.body.skeleton import PARENTS, Joint
from avatarpose.body.smpl import SmplModel
from avatarpose.geometry.rotation import matrix_from_rotvec, rotation_between, rotvec_from_matrix

Mode = Literal["limb", "body", "fk"]

COLLAR_FROM_REACH = 0.95  # share of the arm's length past which the collar joins
LARGEST_COLLAR_RAD = 0.45
STRAIGHT_SINE = 0.2  # a limb bent less than this has no bend plane worth keeping
CLOSE_ENOUGH_M = 2e-4
MISSING_NOTE_M = 2e-3
STEPS = 14
LARGEST_STEP_RAD = 0.5

# (upper, middle, end) of each limb, and the middle's hinge axis in the upper joint's T-pose axes.
_ARM_LEFT = (Joint.LEFT_SHOULDER, Joint.LEFT_ELBOW, Joint.LEFT_WRIST)
_ARM_RIGHT = (Joint.RIGHT_SHOULDER, Joint.RIGHT_ELBOW, Joint.RIGHT_WRIST)
_LEG_LEFT = (Joint.LEFT_HIP, Joint.LEFT_KNEE, Joint.LEFT_ANKLE)
_LEG_RIGHT = (Joint.RIGHT_HIP, Joint.RIGHT_KNEE, Joint.RIGHT_ANKLE)
_LIMB_OF: dict[Joint, tuple[Joint, Joint, Joint]] = {
    Joint.LEFT_WRIST: _ARM_LEFT,
    Joint.LEFT_HAND: _ARM_LEFT,
    Joint.RIGHT_WRIST: _ARM_RIGHT,
    Joint.RIGHT_HAND: _ARM_RIGHT,
    Joint.LEFT_ANKLE: _LEG_LEFT,
    Joint.LEFT_FOOT: _LEG_LEFT,
    Joint.RIGHT_ANKLE: _LEG_RIGHT,
    Joint.RIGHT_FOOT: _LEG_RIGHT,
}
_HINGE = {
    Joint.LEFT_ELBOW: np.array([0.0, -1.0, 0.0]),
    Joint.RIGHT_ELBOW: np.array([0.0, 1.0, 0.0]),
    Joint.LEFT_KNEE: np.array([1.0, 0.0, 0.0]),
    Joint.RIGHT_KNEE: np.array([1.0, 0.0, 0.0]),
}
_FEET = (Joint.LEFT_ANKLE, Joint.LEFT_FOOT, Joint.RIGHT_ANKLE, Joint.RIGHT_FOOT)
_ENDS = (Joint.LEFT_WRIST, Joint.RIGHT_WRIST, Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE)
# Joints that turn for a dragged joint of the trunk, with how readily (larger: turns more).
_TRUNK_CHAINS: dict[Joint, dict[Joint, float]] = {
    Joint.HEAD: {Joint.NECK: 1.0, Joint.SPINE3: 0.5},
    Joint.NECK: {Joint.SPINE3: 1.0, Joint.SPINE2: 0.6},
    Joint.SPINE3: {Joint.SPINE2: 1.0, Joint.SPINE1: 0.7},
    Joint.SPINE2: {Joint.SPINE1: 1.0},
}
_BODY_SPINE = {Joint.SPINE3: 0.35, Joint.SPINE2: 0.3, Joint.SPINE1: 0.3}
_BODY_LEG = {Joint.PELVIS: 0.25, Joint.SPINE1: 0.25}


@dataclass(frozen=True, slots=True, eq=False)
class IkResult:
    """What became of a drag.

    Attributes:
        rotvecs: local rotations (rad); joints that did not take part are untouched.
        transl: translation (m).
        reached_world: where the dragged joint ended up (m).
        missing_m: distance from there to the target.
        note: a sentence for the user, "" when all is well.
    """

    rotvecs: Float[np.ndarray, "joints=24 3"]
    transl: Float[np.ndarray, "3"]
    reached_world: Float[np.ndarray, "3"]
    missing_m: float
    note: str


def solve_limb(
    model: SmplModel,
    betas: Float[np.ndarray, "10"],
    rotvecs: Float[np.ndarray, "joints=24 3"],
    transl: Float[np.ndarray, "3"],
    joint: int,
    target_world: Float[np.ndarray, "3"],
    mode: Mode = "limb",
    held: Mapping[int, Float[np.ndarray, "3"]] | None = None,
) -> IkResult:
    """The pose in which `joint` is as near to the target as the body allows.

    Args:
        model: whose bones.
        betas: shape.
        rotvecs: local rotations at the moment of grabbing (rad).
        transl: translation then (m).
        joint: the dragged SMPL joint.
        target_world: where it should go (m).
        mode: "limb" bends the limb the joint belongs to, "body" lets the trunk take part,
            "fk" turns the joint's parent only.
        held: world positions (m) of joints that should stay (posing pins).
    """
    target = np.asarray(target_world, np.float64)
    grabbed = Joint(joint)
    arm = _Articulation(model.rest_joints(betas), rotvecs, transl)
    pins = {Joint(pin): np.asarray(at, np.float64) for pin, at in (held or {}).items()}
    pins.pop(grabbed, None)
    if grabbed == Joint.PELVIS:
        arm.translate(target - arm.joints[Joint.PELVIS])
    elif mode == "fk":
        arm.aim(Joint(PARENTS[grabbed]), grabbed, target)
    elif mode == "body":
        _solve_body(arm, grabbed, target, pins)
    else:
        _solve_limb(arm, grabbed, target)
    if mode != "body":
        _hold(arm, grabbed, pins)
    reached = arm.joints[grabbed].copy()
    missing = float(np.linalg.norm(reached - target))
    solved = arm.rotvecs()
    return IkResult(solved, arm.transl, reached, missing, _note(arm, solved, missing))


def _note(arm: "_Articulation", rotvecs: np.ndarray, missing_m: float) -> str:
    if missing_m > MISSING_NOTE_M:
        return f"Out of reach: {missing_m * 100:.1f} cm missing"
    beyond = beyond_range(rotvecs, tuple(arm.turned))
    return beyond[0].note if beyond else ""


class _Articulation:
    """Joint rotations in the world and positions, changed by turning joints (float64)."""

    def __init__(self, rest: np.ndarray, rotvecs: np.ndarray, transl: np.ndarray) -> None:
        rest = rest.astype(np.float64)
        self._offsets = rest.copy()
        self._offsets[1:] -= rest[list(PARENTS[1:])]
        self._given = np.asarray(rotvecs)
        self.local = matrix_from_rotvec(np.asarray(rotvecs, np.float64))
        self.transl = np.asarray(transl, np.float64).copy()
        self.turned: set[Joint] = set()
        self.world = np.empty((24, 3, 3))
        self.joints = np.empty((24, 3))
        self._forward(0)

    def rotvecs(self) -> np.ndarray:
        """Local rotations; those of joints nobody turned are the given ones, bit for bit."""
        out = self._given.astype(np.float64)
        for joint in self.turned:
            out[joint] = rotvec_from_matrix(self.local[joint])
        return out

    def turn(self, joint: Joint, by_world: np.ndarray) -> None:
        """Turn a joint and all below it about its position by a rotation in world axes."""
        parent = PARENTS[joint]
        above = self.world[parent] if parent >= 0 else np.eye(3)
        self.set_local(joint, above.T @ by_world @ self.world[joint])

    def turn_together(self, joints: Sequence[Joint], by_world: np.ndarray) -> None:
        """Turn several joints at once, each in the world axes of before."""
        turned = by_world @ self.world[list(joints)]
        for joint, rotation in zip(joints, turned, strict=True):
            parent = PARENTS[joint]
            self.local[joint] = self.world[parent].T @ rotation if parent >= 0 else rotation
        self.turned.update(joints)
        self._forward(int(min(joints)))

    def set_world(self, joint: Joint, rotation: np.ndarray) -> None:
        """Give a joint a rotation in the world."""
        parent = PARENTS[joint]
        self.set_local(joint, self.world[parent].T @ rotation if parent >= 0 else rotation)

    def set_local(self, joint: Joint, rotation: np.ndarray) -> None:
        """Give a joint a local rotation."""
        self.local[joint] = rotation
        self.turned.add(joint)
        self._forward(int(joint))

    def aim(self, joint: Joint, child: Joint, target: np.ndarray) -> None:
        """Turn `joint` the shortest way so that `child` lies in the direction of the target."""
        away = target - self.joints[joint]
        if np.linalg.norm(away) > 1e-9:
            self.turn(joint, rotation_between(self.joints[child] - self.joints[joint], away))

    def translate(self, by: np.ndarray) -> None:
        """Move the whole person."""
        self.transl += by
        self.joints += by

    def _forward(self, first: int) -> None:
        """Positions and world rotations of `first` and all joints numbered above it."""
        for joint in range(first, 24):
            parent = PARENTS[joint]
            if parent < 0:
                self.world[0] = self.local[0]
                self.joints[0] = self._offsets[0] + self.transl
                continue
            self.world[joint] = self.world[parent] @ self.local[joint]
            self.joints[joint] = self.joints[parent] + self.world[parent] @ self._offsets[joint]


def _solve_limb(arm: _Articulation, joint: Joint, target: np.ndarray) -> None:
    if joint in _LIMB_OF:
        _reach(arm, joint, target)
    elif joint in _TRUNK_CHAINS:
        _gauss_newton(arm, _TRUNK_CHAINS[joint], {joint: target})
    elif joint == Joint.SPINE1:
        hips = {hip: arm.world[hip].copy() for hip in (Joint.LEFT_HIP, Joint.RIGHT_HIP)}
        arm.aim(Joint.PELVIS, joint, target)
        for hip, rotation in hips.items():
            arm.set_world(hip, rotation)
    else:  # elbow, knee, shoulder, hip, collar: the bone above swings
        arm.aim(Joint(PARENTS[joint]), joint, target)


def _reach(arm: _Articulation, joint: Joint, target: np.ndarray) -> None:
    """Bend a limb so that its end, or the hand or foot rigidly below it, meets the target."""
    upper, middle, end = _LIMB_OF[joint]
    if joint in _FEET:
        sole = arm.world[end].copy()
        two_bones(arm, upper, middle, end, target - (arm.joints[joint] - arm.joints[end]))
        arm.set_world(end, sole)
        return
    start = np.linalg.norm(arm.joints[joint] - arm.joints[upper])
    length = np.linalg.norm(arm.joints[middle] - arm.joints[upper]) + np.linalg.norm(
        arm.joints[joint] - arm.joints[middle]
    )
    comfortable = max(COLLAR_FROM_REACH * length, start)
    if np.linalg.norm(target - arm.joints[upper]) > comfortable:
        _extend_collar(arm, upper, target, float(comfortable))
    two_bones(arm, upper, middle, joint, target)


def _extend_collar(
    arm: _Articulation, shoulder: Joint, target: np.ndarray, distance_m: float
) -> None:
    """Turn the collar so that the shoulder comes within `distance_m` of the target, if it can."""
    collar = Joint(PARENTS[shoulder])
    bone, away = arm.joints[shoulder] - arm.joints[collar], target - arm.joints[collar]
    axis = np.cross(bone, away)
    sine = np.linalg.norm(axis)
    if sine < 1e-9:
        return
    lengths = np.linalg.norm(bone) * np.linalg.norm(away)
    between = np.arctan2(sine, bone @ away)
    cosine = (bone @ bone + away @ away - distance_m**2) / (2 * lengths)
    angle = np.clip(between - np.arccos(np.clip(cosine, -1.0, 1.0)), 0.0, LARGEST_COLLAR_RAD)
    arm.turn(collar, matrix_from_rotvec(axis / sine * angle))


def two_bones(
    arm: _Articulation, upper: Joint, middle: Joint, end: Joint, target: np.ndarray
) -> None:
    """Closed-form two-bone reach: bend the middle to the right distance, then swing the upper.

    The middle bends in the plane it is bent in (about its hinge when the limb is nearly straight),
    and the upper turns the shortest way, so the elbow or knee keeps its direction.
    """
    first = arm.joints[middle] - arm.joints[upper]
    second = arm.joints[end] - arm.joints[middle]
    away = target - arm.joints[upper]
    axis = np.cross(first, second)
    sine = np.linalg.norm(axis) / (np.linalg.norm(first) * np.linalg.norm(second))
    shrinks = np.linalg.norm(away) < np.linalg.norm(first + second)
    if sine > STRAIGHT_SINE or (sine > 1e-6 and not shrinks):
        axis = axis / np.linalg.norm(axis)
    else:
        axis = arm.world[upper] @ _HINGE[middle]
    arm.turn(middle, matrix_from_rotvec(axis * _bend(first, second, axis, float(away @ away))))
    arm.aim(upper, end, target)


def _bend(first: np.ndarray, second: np.ndarray, axis: np.ndarray, squared: float) -> float:
    """Angle about `axis` after which |first + second|^2 is `squared`, or as near as it gets.

    first . R(angle) second = a cos + b sin + c is solved for the angle nearest to zero, with a
    leaning to the positive (flexing) one.
    """
    along = (first @ axis) * (second @ axis)
    a = first @ second - along
    b = first @ np.cross(axis, second)
    wanted = (squared - first @ first - second @ second) / 2 - along
    radius = np.hypot(a, b)
    middle = np.arctan2(b, a)
    spread = np.arccos(np.clip(wanted / max(radius, 1e-12), -1.0, 1.0))
    angles = [_wrapped(float(middle + spread)), _wrapped(float(middle - spread))]
    return min(angles, key=lambda angle: angle if angle >= 0 else -1.5 * angle)


def _wrapped(angle: float) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def _hold(arm: _Articulation, grabbed: Joint, pins: Mapping[Joint, np.ndarray]) -> None:
    """Bring pinned hands and feet back after the drag moved what they hang from."""
    for pin, at in pins.items():
        if pin not in _LIMB_OF or np.linalg.norm(arm.joints[pin] - at) < CLOSE_ENOUGH_M:
            continue
        _, middle, end = _LIMB_OF[pin]
        if grabbed == middle:
            arm.aim(middle, pin, at)
        elif grabbed not in (end, pin):
            _reach(arm, pin, at)


def _solve_body(
    arm: _Articulation, joint: Joint, target: np.ndarray, pins: Mapping[Joint, np.ndarray]
) -> None:
    """The joint's own limb and the trunk share the way; pins are further targets."""
    readiness: dict[Joint, float] = {}
    if joint in _LIMB_OF:
        upper, middle, _ = _LIMB_OF[joint]
        readiness |= {upper: 1.0, middle: 1.0}
        if joint in _FEET:
            readiness |= _BODY_LEG
        else:
            readiness |= _BODY_SPINE | {Joint(PARENTS[upper]): 0.4}
    else:
        above = Joint(PARENTS[joint])
        readiness[above] = 1.0
        while above != Joint.PELVIS:
            above = Joint(PARENTS[above])
            readiness[above] = 0.35 if above != Joint.PELVIS else 0.2
    for pin in pins:
        if pin in _LIMB_OF:
            upper, middle, _ = _LIMB_OF[pin]
            readiness |= {upper: 1.0, middle: 1.0}
    soles = {foot: arm.world[foot].copy() for foot in (Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE)}
    _gauss_newton(arm, readiness, {joint: target, **pins})
    if joint in (Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE):
        arm.set_world(joint, soles[joint])


def _gauss_newton(
    arm: _Articulation, readiness: Mapping[Joint, float], targets: Mapping[Joint, np.ndarray]
) -> None:
    """Turn the named joints by small damped steps until the targets are met.

    Steps are the smallest that do the job, each joint's share growing with its readiness; joints
    beyond their anatomical range give way to the others.
    """
    chain: Sequence[Joint] = sorted(readiness)
    goals = list(targets)
    moves = np.array([[_is_above(j, goal) for j in chain] for goal in goals])
    weights = np.array([readiness[j] for j in chain])
    nearest, ready = np.inf, weights
    for number in range(STEPS):
        residual = np.stack([targets[goal] - arm.joints[goal] for goal in goals])
        size = float(np.linalg.norm(residual))
        if size < CLOSE_ENOUGH_M or size > 0.995 * nearest:
            break
        nearest = size
        if number % 4 == 0:
            ready = weights / np.array([_stiffness(arm, j) for j in chain])
        levers = arm.joints[goals][:, None] - arm.joints[list(chain)][None]
        levers = np.where(moves[..., None], levers, 0.0) * ready[:, None]
        # d(position) = turn x lever = -[lever]_x turn
        x, y, z = levers[..., 0], levers[..., 1], levers[..., 2]
        zero = np.zeros_like(x)
        blocks = np.stack([zero, z, -y, -z, zero, x, y, -x, zero], -1)
        jacobian = blocks.reshape(len(goals), len(chain), 3, 3).transpose(0, 2, 1, 3)
        jacobian = jacobian.reshape(3 * len(goals), 3 * len(chain))
        normal = jacobian @ jacobian.T
        normal[np.diag_indices_from(normal)] += 1e-6 + 1e-4 * np.trace(normal) / len(normal)
        step = (jacobian.T @ np.linalg.solve(normal, residual.ravel())).reshape(-1, 3)
        step *= ready[:, None]
        largest = np.linalg.norm(step, axis=1).max()
        step *= min(1.0, LARGEST_STEP_RAD / max(largest, 1e-12))
        arm.turn_together(chain, matrix_from_rotvec(step))


def _stiffness(arm: _Articulation, joint: Joint) -> float:
    """1 within the joint's range, up to 4 well beyond it."""
    excess = excess_deg(joint, rotvec_from_matrix(arm.local[joint]))
    return 1.0 + min(excess / 10.0, 3.0)


def _is_above(joint: Joint, other: Joint) -> bool:
    """True when turning `joint` moves the position of `other`."""
    at = PARENTS[other]
    while at >= 0:
        if at == joint:
            return True
        at = PARENTS[at]
    return False
