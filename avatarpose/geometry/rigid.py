"""Rigid maps as 4x4 matrices named `b_from_a`."""

import numpy as np
from jaxtyping import Float

from avatarpose.geometry.rotation import matrix_from_rotvec


def rigid(
    rotation: Float[np.ndarray, "3 3"], translation: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "4 4"]:
    """The map x -> rotation x + translation."""
    b_from_a = np.eye(4)
    b_from_a[:3, :3] = rotation
    b_from_a[:3, 3] = translation
    return b_from_a


def invert(b_from_a: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
    """a_from_b of a rigid map."""
    rotation = b_from_a[:3, :3].T
    return rigid(rotation, -rotation @ b_from_a[:3, 3])


def apply(
    b_from_a: Float[np.ndarray, "4 4"], points_a: Float[np.ndarray, "*batch 3"]
) -> Float[np.ndarray, "*batch 3"]:
    """The points expressed in frame b."""
    return points_a @ b_from_a[:3, :3].T + b_from_a[:3, 3]


def look_at(
    centre_world: Float[np.ndarray, "3"],
    target_world: Float[np.ndarray, "3"],
    roll_rad: float = 0.0,
) -> Float[np.ndarray, "4 4"]:
    """camera_from_world of an OpenCV camera at a place that looks at another; +z is up."""
    forward = target_world - centre_world
    forward = forward / np.linalg.norm(forward)
    up = np.array([0.0, 0.0, 1.0])
    right = np.cross(forward, up)
    length = np.linalg.norm(right)
    right = right / length if length > 1e-9 else np.array([1.0, 0.0, 0.0])
    down = np.cross(forward, right)
    rotation = np.stack([right, down, forward])
    rotation = matrix_from_rotvec(np.array([0.0, 0.0, roll_rad])) @ rotation
    return rigid(rotation, -rotation @ centre_world)
