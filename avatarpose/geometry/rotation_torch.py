"""Rotations in torch: differentiable exponential map and 6D representation."""

import torch
from jaxtyping import Float
from torch import Tensor


def matrix_from_rotvec(rotvec: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation matrices of rotation vectors (rad); derivatives are finite at zero."""
    square = (rotvec * rotvec).sum(-1)
    small = square < 1e-8
    safe = torch.where(small, torch.ones_like(square), square)
    angle = safe.sqrt()
    first = torch.where(small, 1 - square / 6, torch.sin(angle) / angle)
    second = torch.where(small, 0.5 - square / 24, (1 - torch.cos(angle)) / safe)
    x, y, z = rotvec.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1)
    cross = cross.reshape(*rotvec.shape[:-1], 3, 3)
    identity = torch.eye(3, dtype=rotvec.dtype, device=rotvec.device)
    return identity + first[..., None, None] * cross + second[..., None, None] * (cross @ cross)


def rotvec_from_matrix(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3"]:
    """Rotation vectors (rad, length at most pi); meant for values, not for gradients near pi."""
    # Quaternion by the largest of the four candidate pivots: stable at every angle.
    m = matrix
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    w = torch.stack(
        [
            1 + trace,
            1 + m[..., 0, 0] - m[..., 1, 1] - m[..., 2, 2],
            1 - m[..., 0, 0] + m[..., 1, 1] - m[..., 2, 2],
            1 - m[..., 0, 0] - m[..., 1, 1] + m[..., 2, 2],
        ],
        dim=-1,
    )
    a = m[..., 2, 1] - m[..., 1, 2]
    b = m[..., 0, 2] - m[..., 2, 0]
    c = m[..., 1, 0] - m[..., 0, 1]
    d = m[..., 1, 0] + m[..., 0, 1]
    e = m[..., 2, 0] + m[..., 0, 2]
    f = m[..., 2, 1] + m[..., 1, 2]
    candidates = torch.stack(
        [
            torch.stack([w[..., 0], a, b, c], -1),
            torch.stack([a, w[..., 1], d, e], -1),
            torch.stack([b, d, w[..., 2], f], -1),
            torch.stack([c, e, f, w[..., 3]], -1),
        ],
        dim=-2,
    )
    pick = w.argmax(-1)
    quaternion = torch.gather(candidates, -2, pick[..., None, None].expand(*pick.shape, 1, 4))
    quaternion = torch.nn.functional.normalize(quaternion.squeeze(-2), dim=-1)
    sign = torch.where(quaternion[..., :1] < 0, -1.0, 1.0).to(matrix.dtype)
    quaternion = quaternion * sign
    vector = quaternion[..., 1:]
    sine = (vector * vector).sum(-1, keepdim=True).sqrt()
    angle = 2 * torch.atan2(sine, quaternion[..., :1])
    scale = torch.where(sine > 1e-8, angle / sine.clamp_min(1e-12), torch.full_like(sine, 2.0))
    return vector * scale


def matrix_from_6d(six: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation matrices whose first two columns are the orthonormalised halves of `six`.

    Continuous everywhere (Zhou et al., CVPR 2019, equation 15).
    """
    first = torch.nn.functional.normalize(six[..., :3], dim=-1)
    second = six[..., 3:] - (first * six[..., 3:]).sum(-1, keepdim=True) * first
    second = torch.nn.functional.normalize(second, dim=-1)
    return torch.stack([first, second, torch.cross(first, second, dim=-1)], dim=-1)


def six_from_matrix(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 6"]:
    """The first two columns of each rotation matrix."""
    return torch.cat([matrix[..., 0], matrix[..., 1]], dim=-1)


def geodesic_angle(
    a: Float[Tensor, "*batch 3 3"], b: Float[Tensor, "*batch 3 3"]
) -> Float[Tensor, "*batch"]:
    """Angle (rad) between rotations, with a finite slope at zero."""
    relative = a.transpose(-1, -2) @ b
    skew = torch.stack(
        [
            relative[..., 2, 1] - relative[..., 1, 2],
            relative[..., 0, 2] - relative[..., 2, 0],
            relative[..., 1, 0] - relative[..., 0, 1],
        ],
        dim=-1,
    )
    sine = ((skew * skew).sum(-1) + 1e-12).sqrt() / 2
    cosine = (relative.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2
    return torch.atan2(sine, cosine)
