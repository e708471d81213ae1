"""Does the rendered opacity agree with the masks, in total and person by person?"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

_EDGE = 1e-3


def opacity_loss(
    alpha: Float[Tensor, " rays"],
    foreground: Float[Tensor, " rays"],
    weight: Float[Tensor, " rays"],
) -> Float[Tensor, ""]:
    """Clamped binary cross entropy of opacity and mask, weighted mean.

    (The released code applies a cross entropy for logits to probabilities, which never vanishes.)
    """
    alpha = alpha.clamp(_EDGE, 1 - _EDGE)
    entropy = -(foreground * alpha.log() + (1 - foreground) * torch.log1p(-alpha))
    return (entropy * weight).sum() / weight.sum().clamp_min(1.0)


def instance_loss(
    instance: Float[Tensor, "people rays"],
    is_person: Bool[Tensor, "people rays"],
    weight: Float[Tensor, " rays"],
) -> Float[Tensor, ""]:
    """Squared distance of each person's visible opacity from the person's own mask."""
    error = (instance - is_person.to(instance.dtype)) ** 2
    return (error.sum(0) * weight).sum() / weight.sum().clamp_min(1.0)


def hard_surface(alpha: Float[Tensor, " rays"]) -> Float[Tensor, ""]:
    """Zero where rays are fully blocked or fully free (method, section 4: H)."""
    return (-(torch.exp(-alpha) + torch.exp(alpha - 1)).log() + 0.313262).mean()
