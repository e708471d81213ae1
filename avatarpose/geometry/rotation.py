"""Rotations in numpy: rotation vectors (axis-angle, radians), matrices, and what lies between."""

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation, Slerp

_SMALL_ANGLE_RAD = 1e-8


def matrix_from_rotvec(
    rotvec: Float[np.ndarray, "*batch 3"],
) -> Float[np.ndarray, "*batch 3 3"]:
    """Rotation matrices of rotation vectors, by Rodrigues' formula; smooth through zero."""
    angle = np.linalg.norm(rotvec, axis=-1)[..., None, None]
    x, y, z = rotvec[..., 0], rotvec[..., 1], rotvec[..., 2]
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1)
    cross = cross.reshape(*rotvec.shape[:-1], 3, 3)
    safe = np.where(angle > _SMALL_ANGLE_RAD, angle, 1.0)
    first = np.where(angle > _SMALL_ANGLE_RAD, np.sin(angle) / safe, 1.0)
    second = np.where(angle > _SMALL_ANGLE_RAD, (1 - np.cos(angle)) / safe**2, 0.5)
    identity = np.eye(3, dtype=rotvec.dtype)
    return (identity + first * cross + second * (cross @ cross)).astype(rotvec.dtype)


def rotvec_from_matrix(
    matrix: Float[np.ndarray, "*batch 3 3"],
) -> Float[np.ndarray, "*batch 3"]:
    """Rotation vectors (length in [0, pi] rad) of rotation matrices."""
    flat = Rotation.from_matrix(matrix.reshape(-1, 3, 3)).as_rotvec()
    return flat.reshape(*matrix.shape[:-2], 3).astype(matrix.dtype)


def compose_rotvecs(
    second: Float[np.ndarray, "*batch 3"], first: Float[np.ndarray, "*batch 3"]
) -> Float[np.ndarray, "*batch 3"]:
    """The rotation vector of `first` followed by `second`."""
    return rotvec_from_matrix(matrix_from_rotvec(second) @ matrix_from_rotvec(first))


def geodesic_angle(
    a: Float[np.ndarray, "*batch 3 3"], b: Float[np.ndarray, "*batch 3 3"]
) -> Float[np.ndarray, "*batch"]:
    """Angle (rad, in [0, pi]) of the rotation that takes `a` to `b`."""
    relative = np.swapaxes(a, -1, -2) @ b
    turning = (relative - np.swapaxes(relative, -1, -2))[..., [2, 0, 1], [1, 2, 0]]
    sine = np.linalg.norm(turning, axis=-1) / 2
    cosine = (np.trace(relative, axis1=-2, axis2=-1) - 1) / 2
    return np.asarray(np.arctan2(sine, cosine))  # arccos would lose half the digits near 0 and pi


def rotation_between(
    source: Float[np.ndarray, "3"], target: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "3 3"]:
    """Shortest rotation that turns the direction `source` into the direction `target`."""
    a = source / np.linalg.norm(source)
    b = target / np.linalg.norm(target)
    axis = np.cross(a, b)
    sine, cosine = np.linalg.norm(axis), float(a @ b)
    if sine < 1e-12:
        if cosine > 0:
            return np.eye(3)
        helper = np.eye(3)[int(np.argmin(np.abs(a)))]
        axis = np.cross(a, helper)
        return matrix_from_rotvec(np.pi * axis / np.linalg.norm(axis))
    return matrix_from_rotvec(axis / sine * np.arctan2(sine, cosine))


def interpolate_rotvecs(
    start: Float[np.ndarray, "*batch 3"], end: Float[np.ndarray, "*batch 3"], share: float
) -> Float[np.ndarray, "*batch 3"]:
    """Rotation vectors at `share` of the way (0: start, 1: end) along the shortest arcs."""
    out = np.empty_like(start)
    flat_start, flat_end = start.reshape(-1, 3), end.reshape(-1, 3)
    flat_out = out.reshape(-1, 3)
    for index, (first, last) in enumerate(zip(flat_start, flat_end, strict=True)):
        slerp = Slerp([0.0, 1.0], Rotation.from_rotvec(np.stack([first, last])))
        flat_out[index] = slerp(share).as_rotvec()
    return out
