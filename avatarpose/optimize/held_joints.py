"""Joints brought to where the user put them by the smallest turn of their chain.

A refinement pulls corrected joints with a soft term; this closes what is left of the way, so that
locked joints hold exactly whatever the pictures say.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from avatarpose.body.skeleton import PARENTS
from avatarpose.body.smpl import SmplModel
from avatarpose.geometry.rotation import compose_rotvecs

_STEPS = 25
_CLOSE_M = 2e-5
_LONGEST_M = 0.1  # of a linear step
_TRUNK = frozenset({0, 3, 6, 9})  # pelvis and spine carry everybody else along
_TRUNK_EASE = 0.05
_TRANSL_EASE_M2 = 1e-3  # a centimetre of the root counts as much as 0.3 rad of a limb
_DAMPING_M2 = 1e-6


def bring_joints(
    model: SmplModel,
    betas: Float[np.ndarray, "10"],
    rotvecs: Float[np.ndarray, "joints=24 3"],
    transl: Float[np.ndarray, "3"],
    targets: Mapping[int, Float[np.ndarray, "3"]],
) -> tuple[Float[np.ndarray, "joints=24 3"], Float[np.ndarray, "3"]]:
    """The nearby pose whose joints lie at their targets, as far as bones allow.

    Damped Gauss-Newton steps of least turn; limbs turn more readily than the trunk, and the root
    moves where turning does not suffice.

    Args:
        model: whose bones.
        betas: shape.
        rotvecs: local rotations (rad).
        transl: translation (m).
        targets: wanted world position (m) per SMPL joint.

    Returns:
        Rotations and translation; the given ones when there is nothing to do.
    """
    joints = sorted(targets)
    if not joints:
        return rotvecs, transl
    wanted = np.stack([np.asarray(targets[joint], np.float64) for joint in joints])
    turned, moved = np.array(rotvecs, np.float32), np.array(transl, np.float64)
    chain = sorted({above for joint in joints for above in _above(joint)})
    ease = np.array([_TRUNK_EASE if joint in _TRUNK else 1.0 for joint in chain])
    ease = np.append(np.repeat(ease, 3), np.full(3, _TRANSL_EASE_M2))
    for _ in range(_STEPS):
        world, places = model.joint_transforms(betas, turned[None], moved[None].astype(np.float32))
        places = places[0].astype(np.float64)
        error = wanted - places[joints]
        if np.linalg.norm(error, axis=1).max() < _CLOSE_M:
            break
        far = np.linalg.norm(error, axis=1, keepdims=True)
        error = error * np.minimum(1.0, _LONGEST_M / np.maximum(far, 1e-12))
        jacobian = _jacobian(places, joints, chain)
        square = (jacobian * ease) @ jacobian.T
        solved = np.linalg.solve(square + _DAMPING_M2 * np.eye(len(square)), error.reshape(-1))
        step = ease * (jacobian.T @ solved)
        moved = moved + step[-3:]
        for place, joint in enumerate(chain):
            frame = np.eye(3) if joint == 0 else world[0, PARENTS[joint], :3, :3]
            local = (frame.T @ step[3 * place : 3 * place + 3]).astype(np.float32)
            turned[joint] = compose_rotvecs(local[None], turned[joint][None])[0]
    return turned, moved.astype(np.float32)


def _above(joint: int) -> list[int]:
    """The joints whose rotation moves this one."""
    out = []
    while PARENTS[joint] >= 0:
        joint = PARENTS[joint]
        out.append(joint)
    return out


def _jacobian(
    places: Float[np.ndarray, "joints=24 3"], joints: list[int], chain: list[int]
) -> Float[np.ndarray, "coordinates variables"]:
    """Change of the joints per world turn (rad) of every joint of the chain, and per metre."""
    out = np.zeros((len(joints), 3, len(chain) + 1, 3))
    for row, joint in enumerate(joints):
        above = set(_above(joint))
        for column, turning in enumerate(chain):
            if turning in above:
                arm = places[joint] - places[turning]
                out[row, :, column] = np.cross(np.eye(3), arm).T
        out[row, :, -1] = np.eye(3)
    return out.reshape(3 * len(joints), -1)
