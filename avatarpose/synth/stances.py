"""Whole-body poses the scripts blend between, and the people's place in the world."""

from enum import Enum

import numpy as np
from jaxtyping import Float

from avatarpose.body.skeleton import Joint
from avatarpose.geometry.rotation import matrix_from_rotvec, rotvec_from_matrix
from avatarpose.installation import resource_path

Stance = Float[np.ndarray, "joints=24 3"]


class Side(Enum):
    """A side of the body, with its sign along the body's x axis."""

    LEFT = 1
    RIGHT = -1

    def joint(self, name: str) -> Joint:
        """This side's joint, such as "elbow"."""
        return Joint[f"{self.name}_{name.upper()}"]


# Directions of upper arm and forearm as (outward, up, forward) of the chest.
Arm = tuple[tuple[float, float, float], tuple[float, float, float]]
HANGING: Arm = ((0.22, -1.0, 0.02), (0.10, -1.0, 0.22))
OPEN: Arm = ((0.85, -0.30, 0.55), (0.25, 0.0, 1.0))
OPEN_LOW: Arm = ((0.50, -1.0, 0.35), (0.30, -0.10, 1.0))
OPEN_HIGH: Arm = ((0.60, 0.40, 0.70), (0.15, 0.45, 1.0))
SHAKING: Arm = ((0.12, -1.0, 0.35), (-0.15, 0.05, 1.0))
HELD_ASIDE: Arm = ((0.85, -0.42, 0.35), (0.40, 0.40, 0.75))
AROUND_BACK: Arm = ((0.55, -0.95, 0.35), (-0.45, -0.05, 0.90))
ON_SHOULDER: Arm = ((0.65, -0.05, 0.75), (-0.05, 0.35, 0.95))
CLINCHING: Arm = ((0.60, 0.15, 0.75), (-0.20, 0.20, 1.0))
GRIPPING: Arm = ((0.45, -1.00, 0.30), (0.0, -0.05, 1.00))
REACHING: Arm = ((0.45, -0.45, 0.80), (0.05, 0.05, 1.00))
IN_RING: Arm = ((0.72, -0.75, 0.25), (0.85, -0.15, 0.45))


def stance(
    *, left: Arm = HANGING, right: Arm = HANGING, lean_rad: float = 0.0, knees_rad: float = 0.12
) -> Stance:
    """A pose with level root: aimed arms, a forward lean spread over the spine, soft knees."""
    rotvecs = np.zeros((24, 3))
    for joint in (Joint.SPINE1, Joint.SPINE2, Joint.SPINE3):
        rotvecs[joint, 0] = lean_rad / 3
    rotvecs[Joint.NECK, 0] = -0.4 * lean_rad
    for side, arm in ((Side.LEFT, left), (Side.RIGHT, right)):
        rotvecs[side.joint("collar")], rotvecs[side.joint("shoulder")], bend = aimed_arm(side, arm)
        rotvecs[side.joint("elbow")] = bend
        rotvecs[side.joint("hip"), 0] = -0.5 * knees_rad
        rotvecs[side.joint("knee"), 0] = knees_rad
        rotvecs[side.joint("ankle"), 0] = -0.5 * knees_rad
    return rotvecs


def aimed_arm(side: Side, arm: Arm) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rotations (rad) of collar, shoulder and elbow that aim the arm; the elbow only bends."""
    sign = side.value
    upper, fore = (np.array([sign, 1.0, 1.0]) * direction for direction in arm)
    upper, fore = upper / np.linalg.norm(upper), fore / np.linalg.norm(fore)
    along = sign * upper  # where the rest arm's +x axis goes
    front = fore - (fore @ upper) * upper  # the elbow bends towards the body's front
    front = front / np.linalg.norm(front)
    chest_from_arm = np.stack([along, np.cross(front, along), front], axis=1)
    collar_rad = -0.14 * np.clip(-upper[1], 0.0, 1.0)  # hanging arms lower the collar
    collar = np.array([0.0, 0.0, sign * collar_rad])
    shoulder = rotvec_from_matrix(matrix_from_rotvec(collar).T @ chest_from_arm)
    bend_rad = float(np.arccos(np.clip(upper @ fore, -1.0, 1.0)))
    return collar, shoulder, np.array([0.0, -sign * bend_rad, 0.0])


def embrace() -> tuple[Stance, Stance, Float[np.ndarray, "2"]]:
    """The stored hug: both people's poses with level root, and the way from first to second (m).

    The way is given along the first one's facing direction and to the first one's left.
    """
    with np.load(resource_path("body", "hug_pose.npz"), allow_pickle=False) as stored:
        poses, transl = stored["poses"].astype(np.float64), stored["transl"].astype(np.float64)
    way = transl[1] - transl[0]
    poses[:, 0] = 0.0
    return poses[0], poses[1], np.array([way[2], way[0]])


def facing(heading_rad: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch 3 3"]:
    """World-from-body rotations of upright bodies that look along the heading (from +x to +y)."""
    zero, one = np.zeros_like(heading_rad), np.ones_like(heading_rad)
    cosine, sine = np.cos(heading_rad), np.sin(heading_rad)
    rows = [[-sine, zero, cosine], [cosine, zero, sine], [zero, one, zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
