"""Posed toy bodies as tensors."""

import numpy as np
import torch

from avatarpose.body.skeleton import Joint
from avatarpose.body.smpl_torch import SkinnedBody, TorchSmpl

UPRIGHT = (np.pi / 2, 0.0, 0.0)


def some_pose(seed: int, bend_rad: float = 0.3) -> np.ndarray:
    """Rotations (rad) of somebody who stands in a world with z up."""
    random = np.random.default_rng(seed)
    rotvecs = random.normal(0.0, bend_rad, (24, 3))
    rotvecs[0] = UPRIGHT
    rotvecs[Joint.LEFT_SHOULDER, 2] -= 0.7
    rotvecs[Joint.RIGHT_SHOULDER, 2] += 0.7
    return rotvecs


def skinned(
    smpl: TorchSmpl,
    betas: torch.Tensor,
    rotvecs: torch.Tensor,
    transl: torch.Tensor,
) -> SkinnedBody:
    """A batch of one."""
    return smpl.skin(betas[None], smpl.joints(betas[None], rotvecs[None], transl[None]))
