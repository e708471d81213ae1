import numpy as np
import pytest
import torch

from avatarpose.avatar.deformer import (
    canonical_body,
    canonical_from_world,
    canonical_rotvecs,
    deform,
    inverse_3x3,
    skin_distance,
)
from avatarpose.body.skeleton import Joint
from avatarpose.body.smpl_torch import TorchSmpl
from tests.avatarpose.avatar.bodies import skinned, some_pose


@pytest.fixture(scope="module")
def smpl(body) -> TorchSmpl:
    return TorchSmpl(body)


@pytest.fixture(scope="module")
def betas() -> torch.Tensor:
    return torch.tensor(np.random.default_rng(3).normal(0, 0.8, 10), dtype=torch.float32)


def _posed(smpl, betas, seed=1):
    rotvecs = torch.tensor(some_pose(seed), dtype=betas.dtype)
    return skinned(smpl, betas, rotvecs, torch.tensor([0.4, -0.2, 1.0], dtype=betas.dtype))


def _on_surface(smpl, posed, count, seed):
    """Random surface points with their triangle corners and barycentrics."""
    generator = torch.Generator().manual_seed(seed)
    corners = smpl.faces[torch.randint(0, len(smpl.faces), (count,), generator=generator)]
    weights = torch.rand(count, 3, generator=generator).to(posed.vertices_world.dtype) + 0.05
    weights = weights / weights.sum(-1, keepdim=True)
    points = (posed.vertices_world[0][corners] * weights[..., None]).sum(1)
    return points, corners, weights


def test_the_canonical_pose_spreads_the_legs_and_nothing_else():
    rotvecs = canonical_rotvecs()
    moved = np.flatnonzero(np.abs(rotvecs).max(1))
    assert moved.tolist() == [Joint.LEFT_HIP, Joint.RIGHT_HIP]
    assert rotvecs[Joint.LEFT_HIP, 2] == pytest.approx(np.pi / 6)
    assert rotvecs[Joint.RIGHT_HIP, 2] == pytest.approx(-np.pi / 6)


def test_canonical_normals_point_outwards(smpl, betas):
    canonical = canonical_body(smpl, betas)
    grown = canonical.vertices + 0.01 * canonical.normals
    faces = smpl.faces

    def volume(vertices):
        a, b, c = (vertices[faces[:, k]] for k in range(3))
        return float((a * torch.linalg.cross(b, c)).sum() / 6)

    assert volume(grown) > volume(canonical.vertices) > 0
    assert torch.allclose(canonical.normals.norm(dim=1), torch.ones(len(grown)), atol=1e-5)


def test_vertices_of_a_posed_body_go_to_the_canonical_vertices(smpl, betas):
    canonical, posed = canonical_body(smpl, betas), _posed(smpl, betas)
    maps = canonical_from_world(posed, canonical, 0)
    corners = torch.arange(smpl.model.vertex_count)[:, None].expand(-1, 3).contiguous()
    weights = torch.tensor([[1.0, 0, 0]]).expand(len(corners), -1).contiguous()
    back = deform(posed.vertices_world[0], maps, corners, weights)
    assert (back - canonical.vertices).norm(dim=1).max() < 1e-4


def test_the_canonical_pose_itself_is_left_alone(smpl, betas):
    canonical = canonical_body(smpl, betas)
    maps = canonical_from_world(canonical.skinned, canonical, 0)
    points, corners, weights = _on_surface(smpl, canonical.skinned, 100, 2)
    assert (deform(points + 0.01, maps, corners, weights) - points - 0.01).abs().max() < 1e-5


def test_root_and_translation_do_not_change_where_the_body_goes(smpl, betas):
    canonical = canonical_body(smpl, betas)
    found = []
    for root, shift in ((0.0, 0.0), (1.1, 2.5)):
        rotvecs = torch.tensor(some_pose(4), dtype=torch.float32)
        rotvecs[0] += root
        posed = skinned(smpl, betas, rotvecs, torch.full((3,), shift))
        points, corners, weights = _on_surface(smpl, posed, 80, 5)
        found.append(deform(points, canonical_from_world(posed, canonical, 0), corners, weights))
    assert (found[0] - found[1]).abs().max() < 1e-4


def test_compiled_and_plain_deformation_agree_in_value_and_gradient(smpl, betas):
    canonical, posed = canonical_body(smpl, betas), _posed(smpl, betas)
    maps = canonical_from_world(posed, canonical, 0).detach()
    points, corners, weights = _on_surface(smpl, posed, 300, 6)
    points = points + 0.02 * torch.randn(300, 3, generator=torch.Generator().manual_seed(7))
    pull = torch.randn(300, 3, generator=torch.Generator().manual_seed(8))
    found = []
    for kind in (torch.float32, torch.float64):  # single precision is the compiled one
        p = points.detach().to(kind, copy=True).requires_grad_()
        m = maps.to(kind, copy=True).requires_grad_()
        out = deform(p, m, corners, weights.to(kind))
        (out * pull.to(kind)).sum().backward()
        found.append([value.double() for value in (out.detach(), p.grad, m.grad)])
    for compiled, plain in zip(*found, strict=True):
        assert torch.allclose(compiled, plain, rtol=1e-4, atol=1e-4)


def test_the_adjugate_inverse_is_the_inverse():
    matrices = torch.randn(50, 3, 3, generator=torch.Generator().manual_seed(9)).double()
    assert torch.allclose(inverse_3x3(matrices), torch.linalg.inv(matrices), rtol=1e-6, atol=1e-6)


def test_the_distance_to_the_skin_is_measured_along_the_normal(smpl, betas):
    canonical = canonical_body(smpl, betas)
    points, corners, weights = _on_surface(smpl, canonical.skinned, 100, 10)
    normal = (canonical.normals[corners] * weights[..., None]).sum(1)
    normal = torch.nn.functional.normalize(normal, dim=-1)
    for height in (-0.01, 0.0, 0.03):
        away = skin_distance(points + height * normal, canonical, corners, weights)
        assert torch.allclose(away, torch.full((100,), height), atol=1e-5)


def test_gradients_of_the_maps_reach_pose_root_translation_and_shape(body):
    smpl = TorchSmpl(body, dtype=torch.float64)
    rotvecs = torch.tensor(some_pose(2)).requires_grad_()
    transl = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    betas = torch.zeros(10, dtype=torch.float64, requires_grad=True)
    posed = skinned(smpl, betas, rotvecs, transl)
    maps = canonical_from_world(posed, canonical_body(smpl, betas), 0)
    points, corners, weights = _on_surface(smpl, posed, 40, 3)
    deform(points.detach(), maps, corners, weights).square().sum().backward()
    for wanted in (rotvecs.grad[0], rotvecs.grad[1:], transl.grad, betas.grad):
        assert wanted.abs().max() > 1e-3
