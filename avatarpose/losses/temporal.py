"""Joints move smoothly in time, root included."""

from jaxtyping import Float
from torch import Tensor

from avatarpose.losses.prior import geman_mcclure


def acceleration(
    before: Float[Tensor, "bodies joints 3"],
    now: Float[Tensor, "bodies joints 3"],
    after: Float[Tensor, "bodies joints 3"],
    step_s: float,
    sigma_m_s2: float,
) -> Float[Tensor, ""]:
    """Robust acceleration of joint positions, in units of `sigma_m_s2`; frame-rate aware.

    A noise floor of 3 mm per frame keeps high frame rates from freezing the motion.
    """
    scale = sigma_m_s2 * step_s**2 + 0.003
    square = ((before - 2 * now + after) / scale).square().sum(-1)
    return geman_mcclure(square, 3.0).mean()
