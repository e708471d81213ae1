"""Two bodies cannot be in the same place; touching is allowed."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def interpenetration(opacity: Float[Tensor, "people points"]) -> Float[Tensor, ""]:
    """How much matter the people claim to share at the same points; 0 when nobody overlaps.

    Sum over pairs (the released code multiplies all people, which is blind for three and more).

    Args:
        opacity: chance in [0, 1] that each person's avatar stops light within 1 cm of each point.
    """
    pairs = 0.5 * (opacity.sum(dim=0) ** 2 - (opacity**2).sum(dim=0))
    return pairs.sum() / max(pairs.numel(), 1)


def short_opacity(density: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """Chance to be stopped within 1 cm at a density in 1/m (method, section 1.2)."""
    return -torch.expm1(-0.01 * density.clamp_min(0))


def depth_loss(
    intruding: Float[Tensor, "points 3"],
    surface: Float[Tensor, "vertices 3"],
    normals: Float[Tensor, "points 3"],
    corners: Int[Tensor, "points 3"],
    barycentric: Float[Tensor, "points 3"],
    tolerance_m: float,
) -> Float[Tensor, ""]:
    """Sum of squared depths (m^2) by which points lie below another body's skin.

    Gradients move both bodies apart: through the points and through the surface.

    Args:
        intruding: surface points of one person found inside the other.
        surface: the other person's vertices.
        normals: outward normals at the closest points, without gradient.
        corners: vertices of the closest triangles.
        barycentric: weights of the corners.
        tolerance_m: depth that costs nothing (soft tissue).
    """
    foot = (surface[corners] * barycentric[..., None]).sum(1)
    depth = -((intruding - foot) * normals).sum(-1) - tolerance_m
    return depth.clamp_min(0).square().sum()
