"""From posed world points to canonical space, through the closest point of the skin.

Every vertex carries the affine map canonical_from_world of its blended transform and correctives
(method, section 2.2); a point uses the maps of its closest triangle, mixed by barycentrics, so the
map is continuous across the surface (nearest-vertex maps are not). Gradients reach pose, root,
translation and shape through the maps.
"""

from dataclasses import dataclass
from typing import Any, no_type_check

import numba
import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from avatarpose.body.skeleton import Joint
from avatarpose.body.smpl_torch import SkinnedBody, TorchSmpl

_LEG_SPREAD_RAD = np.pi / 6


def canonical_rotvecs() -> Float[np.ndarray, "joints=24 3"]:
    """The canonical pose: T-pose with the legs spread by 60 degrees in total."""
    rotvecs = np.zeros((24, 3), np.float32)
    rotvecs[Joint.LEFT_HIP, 2] = _LEG_SPREAD_RAD
    rotvecs[Joint.RIGHT_HIP, 2] = -_LEG_SPREAD_RAD
    return rotvecs


@dataclass(frozen=True, slots=True, eq=False)
class CanonicalBody:
    """The body of one shape in canonical pose.

    Attributes:
        skinned: its surface and vertex maps (a batch of one).
        normals: unit normals of the canonical surface.
    """

    skinned: SkinnedBody
    normals: Float[Tensor, "vertices 3"]

    @property
    def vertices(self) -> Float[Tensor, "vertices 3"]:
        """Canonical surface (m)."""
        return self.skinned.vertices_world[0]


def canonical_body(smpl: TorchSmpl, betas: Float[Tensor, "10"]) -> CanonicalBody:
    """The canonical body of a shape; differentiable in betas."""
    rotvecs = torch.as_tensor(canonical_rotvecs(), dtype=betas.dtype, device=betas.device)
    transl = torch.zeros(1, 3, dtype=betas.dtype, device=betas.device)
    skinned = smpl.skin(betas[None], smpl.joints(betas[None], rotvecs[None], transl))
    vertices = skinned.vertices_world[0]
    corners = vertices[smpl.faces]
    area = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = torch.zeros_like(vertices)
    for k in range(3):
        normals = normals.index_add(0, smpl.faces[:, k], area)
    normals = torch.nn.functional.normalize(normals, dim=-1)
    return CanonicalBody(skinned, normals)


def inverse_3x3(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Inverse by the adjugate: fast and differentiable for many small matrices."""
    a, b, c = matrix.unbind(-1)
    bc, ca, ab = torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)
    determinant = (a * bc).sum(-1)[..., None, None]
    return torch.stack([bc, ca, ab], dim=-2) / determinant


def canonical_from_world(
    body: SkinnedBody, canonical: CanonicalBody, row: int
) -> Float[Tensor, "vertices 3 4"]:
    """Map of every vertex from the world (body `row` of a batch) to canonical space."""
    blended = body.world_from_rest[row]
    rest_from_world = inverse_3x3(blended[..., :3])
    turn = canonical.skinned.world_from_rest[0]
    linear = turn[..., :3] @ rest_from_world
    offset = canonical.skinned.correctives[0] - body.correctives[row]
    shift = (turn[..., :3] @ offset[..., None]).squeeze(-1) + turn[..., 3]
    shift = shift - (linear @ blended[..., 3:]).squeeze(-1)
    return torch.cat([linear, shift[..., None]], dim=-1)


def deform(
    points_world: Float[Tensor, "points 3"],
    maps: Float[Tensor, "vertices 3 4"],
    corners: Int[Tensor, "points 3"],
    barycentric: Float[Tensor, "points 3"],
) -> Float[Tensor, "points 3"]:
    """Canonical points through the maps of each point's triangle corners."""
    if points_world.device.type == "cpu" and points_world.dtype == torch.float32:
        return _Deform.apply(points_world, maps, corners, barycentric)  # pyright: ignore[reportReturnType]
    mixed = (maps[corners] * barycentric[..., None, None]).sum(1)
    return (mixed[..., :3] @ points_world[..., None]).squeeze(-1) + mixed[..., 3]


def skin_distance(
    points_canonical: Float[Tensor, "points 3"],
    canonical: CanonicalBody,
    corners: Int[Tensor, "points 3"],
    barycentric: Float[Tensor, "points 3"],
) -> Float[Tensor, " points"]:
    """Distance to the canonical skin along its normal (m, positive outside)."""
    foot = (canonical.vertices[corners] * barycentric[..., None]).sum(1)
    normal = (canonical.normals[corners] * barycentric[..., None]).sum(1)
    normal = torch.nn.functional.normalize(normal, dim=-1)
    return ((points_canonical - foot) * normal).sum(-1)


@numba.njit(nogil=True, cache=True, fastmath=True)
@no_type_check
def _deform_forward(points, maps, corners, barycentric, out):
    for i in range(points.shape[0]):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        for row in range(3):
            total = np.float32(0.0)
            for k in range(3):
                m = maps[corners[i, k], row]
                total += barycentric[i, k] * (m[0] * x + m[1] * y + m[2] * z + m[3])
            out[i, row] = total


@numba.njit(nogil=True, cache=True, fastmath=True)
@no_type_check
def _deform_backward(points, maps, corners, barycentric, grad, grad_points, grad_maps):
    for i in range(points.shape[0]):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        for k in range(3):
            w = barycentric[i, k]
            if w == 0:
                continue
            vertex = corners[i, k]
            for row in range(3):
                g = w * grad[i, row]
                m = maps[vertex, row]
                target = grad_maps[vertex, row]
                target[0] += g * x
                target[1] += g * y
                target[2] += g * z
                target[3] += g
                grad_points[i, 0] += g * m[0]
                grad_points[i, 1] += g * m[1]
                grad_points[i, 2] += g * m[2]


class _Deform(torch.autograd.Function):
    """`deform` compiled for float32 on the CPU; the gradient is gathered per vertex at once."""

    @staticmethod
    def forward(
        ctx: Any,
        points: Tensor,
        maps: Tensor,
        corners: Tensor,
        barycentric: Tensor,
    ) -> Tensor:
        out = torch.empty_like(points, requires_grad=False)
        _deform_forward(
            points.detach().contiguous().numpy(),
            maps.detach().contiguous().numpy(),
            corners.numpy(),
            barycentric.numpy(),
            out.numpy(),
        )
        ctx.save_for_backward(points, maps, corners, barycentric)
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None, None]:
        points, maps, corners, barycentric = ctx.saved_tensors
        grad_points, grad_maps = torch.zeros_like(points), torch.zeros(maps.shape)
        _deform_backward(
            points.detach().contiguous().numpy(),
            maps.detach().contiguous().numpy(),
            corners.numpy(),
            barycentric.numpy(),
            grad_outputs[0].contiguous().numpy(),
            grad_points.numpy(),
            grad_maps.numpy(),
        )
        return grad_points, grad_maps, None, None
