"""How far joints can turn: ranges of a healthy adult, used for hints and never to refuse a pose.

The angles follow the ranges of motion usual in clinical practice (American Academy of Orthopaedic
Surgeons), rounded outwards, in the axes of SMPL's T-pose: x to the body's left, y up, z forward.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from avatarpose.body.skeleton import MIRROR, Joint


@dataclass(frozen=True, slots=True)
class JointRange:
    """Range of one joint's local rotation, as twist about a bone axis after a swing.

    Attributes:
        twist_axis: 0, 1 or 2: the T-pose axis the bone lies along.
        low_deg: lowest angle about x, y, z; the entry of the twist axis bounds the twist, the
            others the components of the swing's rotation vector.
        high_deg: highest angles.
    """

    twist_axis: int
    low_deg: tuple[int, int, int]
    high_deg: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class BeyondRange:
    """A joint that is turned further than anatomy allows."""

    joint: Joint
    excess_deg: float

    @property
    def note(self) -> str:
        """A sentence for the status line."""
        label = self.joint.label.capitalize()
        return f"{label} is {self.excess_deg:.0f}° beyond its usual range"


_LEFT_AND_MIDDLE: dict[Joint, JointRange] = {
    Joint.LEFT_HIP: JointRange(1, (-125, -50, -35), (35, 50, 55)),
    Joint.LEFT_KNEE: JointRange(1, (-8, -35, -15), (155, 35, 15)),
    Joint.LEFT_ANKLE: JointRange(2, (-35, -30, -35), (55, 30, 35)),
    Joint.LEFT_FOOT: JointRange(2, (-50, -20, -20), (45, 20, 20)),
    Joint.SPINE1: JointRange(1, (-25, -25, -25), (45, 25, 25)),
    Joint.SPINE2: JointRange(1, (-20, -25, -20), (35, 25, 20)),
    Joint.SPINE3: JointRange(1, (-20, -25, -20), (30, 25, 20)),
    Joint.NECK: JointRange(1, (-45, -55, -35), (45, 55, 35)),
    Joint.HEAD: JointRange(1, (-40, -50, -30), (40, 50, 30)),
    Joint.LEFT_COLLAR: JointRange(0, (-25, -30, -20), (25, 30, 45)),
    Joint.LEFT_SHOULDER: JointRange(0, (-95, -140, -105), (95, 60, 100)),
    Joint.LEFT_ELBOW: JointRange(0, (-100, -155, -20), (100, 10, 20)),
    Joint.LEFT_WRIST: JointRange(0, (-60, -45, -85), (60, 45, 85)),
}  # fmt: skip


def _mirrored(left: JointRange) -> JointRange:
    """Mirroring at the body's symmetry plane turns rotations about y and z round."""
    low, high = left.low_deg, left.high_deg
    return JointRange(left.twist_axis, (low[0], -high[1], -high[2]), (high[0], -low[1], -low[2]))


RANGES: dict[Joint, JointRange] = _LEFT_AND_MIDDLE | {
    Joint(MIRROR[joint]): _mirrored(reach)
    for joint, reach in _LEFT_AND_MIDDLE.items()
    if MIRROR[joint] != joint
}


def swing_twist_deg(rotvec: Float[np.ndarray, "3"], twist_axis: int) -> Float[np.ndarray, "3"]:
    """Angles about x, y, z: the twist about its axis, and the swing's rotation vector (degrees)."""
    quaternion = Rotation.from_rotvec(rotvec).as_quat()
    twist = np.zeros(4)
    twist[twist_axis], twist[3] = quaternion[twist_axis], quaternion[3]
    length = np.linalg.norm(twist)
    if length < 1e-9:
        return np.rad2deg(np.asarray(rotvec, np.float64))
    twist_rotation = Rotation.from_quat(twist / length)
    swing = (Rotation.from_quat(quaternion) * twist_rotation.inv()).as_rotvec()
    angles = np.rad2deg(swing)
    angles[twist_axis] = np.rad2deg(twist_rotation.as_rotvec()[twist_axis])
    return angles


def excess_deg(joint: Joint, rotvec: Float[np.ndarray, "3"]) -> float:
    """How far (degrees) the joint's local rotation lies beyond its range; 0 inside."""
    reach = RANGES.get(joint)
    if reach is None:
        return 0.0
    angles = swing_twist_deg(rotvec, reach.twist_axis)
    below = np.asarray(reach.low_deg) - angles
    above = angles - np.asarray(reach.high_deg)
    return float(max(below.max(), above.max(), 0.0))


def beyond_range(
    rotvecs: Float[np.ndarray, "joints=24 3"], joints: tuple[int, ...] | None = None
) -> tuple[BeyondRange, ...]:
    """Joints turned beyond their range, the worst first (all joints when `joints` is None)."""
    chosen = RANGES if joints is None else [Joint(joint) for joint in joints]
    found = [BeyondRange(Joint(j), excess_deg(Joint(j), rotvecs[j])) for j in chosen]
    beyond = [entry for entry in found if entry.excess_deg > 1.0]
    return tuple(sorted(beyond, key=lambda entry: -entry.excess_deg))
