"""What poses are likely where the pictures say nothing."""

import torch
from jaxtyping import Float
from torch import Tensor

from avatarpose.body.skeleton import Joint

# Joint, axis and sign of the direction that hyper-extends (SMPLify, Bogo et al. 2016, section 3.2).
_HINGES = (
    (Joint.LEFT_ELBOW, 1, 1.0),
    (Joint.RIGHT_ELBOW, 1, -1.0),
    (Joint.LEFT_KNEE, 0, -1.0),
    (Joint.RIGHT_KNEE, 0, -1.0),
)


def geman_mcclure(square: Float[Tensor, "*batch"], scale: float) -> Float[Tensor, "*batch"]:
    """Robust cost of a squared distance: about square for small, at most scale^2 for large ones."""
    return square * scale**2 / (square + scale**2)


def stay_near(
    joints_world: Float[Tensor, "bodies joints 3"],
    anchor_world: Float[Tensor, "bodies joints 3"],
    sigma_m: float,
) -> Float[Tensor, ""]:
    """Robust distance of joints from where earlier evidence put them, in units of `sigma_m`."""
    square = ((joints_world - anchor_world) / sigma_m).square().sum(-1)
    return geman_mcclure(square, 3.0).mean()


def rotation_change(rotvecs: Float[Tensor, "*batch joints 3"]) -> Float[Tensor, ""]:
    """Mean squared angle (rad^2) of increments: twist without evidence stays as it was."""
    return rotvecs.square().sum(-1).mean()


def hinge_limits(rotvecs: Float[Tensor, "bodies joints=24 3"]) -> Float[Tensor, ""]:
    """Knees and elbows do not bend backwards: exponential cost (method, section 4.2, reg_angle)."""
    terms = [torch.exp(sign * rotvecs[:, joint, axis]).square() for joint, axis, sign in _HINGES]
    return torch.stack(terms).mean()
