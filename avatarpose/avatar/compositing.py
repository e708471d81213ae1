"""Several people's samples on the same rays become one picture, and who is seen where.

Layered volume rendering: every sample has its own step length, so samples of different people at
the same place add their optical depths (the released code takes differences of the merged list,
which halves densities in overlaps and stretches the last sample before a gap).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class RenderedRays:
    """What a bundle of rays sees.

    Attributes:
        rgb: colour without background (premultiplied by opacity).
        alpha: opacity.
        instance: share of the opacity that belongs to each person; sums to alpha.
        depth_m: expected distance times opacity.
    """

    rgb: Float[Tensor, "rays 3"]
    alpha: Float[Tensor, " rays"]
    instance: Float[Tensor, "people rays"]
    depth_m: Float[Tensor, " rays"]


def composite(
    t_m: Float[Tensor, "rays samples"],
    step_m: Float[Tensor, "rays samples"],
    density: Float[Tensor, "rays samples"],
    rgb: Float[Tensor, "rays samples 3"],
    person: Int[Tensor, "rays samples"],
    person_count: int,
) -> RenderedRays:
    """Blend samples front to back, whatever their order.

    Args:
        t_m: distance along the ray.
        step_m: length each sample stands for; 0 for empty slots.
        density: 1/m, not negative.
        rgb: colours in [0, 1].
        person: row of `instance` each sample belongs to.
        person_count: number of rows.
    """
    order = torch.where(step_m > 0, t_m, torch.inf).argsort(dim=1)
    t_m = t_m.gather(1, order)
    optical = (density * step_m).gather(1, order)
    person = person.gather(1, order)
    rgb = rgb.gather(1, order[..., None].expand(-1, -1, 3))
    before = torch.cumsum(optical, dim=1) - optical
    weights = torch.exp(-before) * -torch.expm1(-optical)
    owner: Bool[Tensor, "people rays samples"] = (
        person[None] == torch.arange(person_count, device=person.device)[:, None, None]
    )
    return RenderedRays(
        rgb=(weights[..., None] * rgb).sum(1),
        alpha=weights.sum(1),
        instance=(weights[None] * owner).sum(-1),
        depth_m=(weights * t_m).sum(1),
    )
