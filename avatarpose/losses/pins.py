"""The user's hand observations as terms of the refinement."""

from jaxtyping import Float
from torch import Tensor

from avatarpose.losses.photometric import huber


def view_pin_loss(
    pixels: Float[Tensor, "pins 2"], pinned: Float[Tensor, "pins 2"], sigma_px: float
) -> Float[Tensor, ""]:
    """Huber distance of projected joints from where the user put them, in units of `sigma_px`."""
    return huber((pixels - pinned) / sigma_px, knee=3.0).sum(-1).mean()


def anchor_loss(
    joints_world: Float[Tensor, "joints 3"],
    anchors_world: Float[Tensor, "joints 3"],
    weight: Float[Tensor, " joints"],
    sigma_m: float,
) -> Float[Tensor, ""]:
    """Squared distance of corrected joints from where the user left them, in units of `sigma_m`."""
    square = ((joints_world - anchors_world) / sigma_m).square().sum(-1)
    return (weight * square).sum() / weight.sum().clamp_min(1.0)
