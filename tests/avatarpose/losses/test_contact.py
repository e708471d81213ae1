import pytest
import torch

from avatarpose.losses.contact import depth_loss, interpenetration, short_opacity


def test_opacity_within_a_centimetre_of_hand_computed_densities():
    density = torch.tensor([-5.0, 0.0, 69.31472, 1e5])
    assert short_opacity(density).tolist() == pytest.approx([0, 0, 0.5, 1.0], abs=1e-6)


def test_interpenetration_sums_over_pairs():
    opacity = torch.tensor([[0.5, 1.0], [0.4, 0.0], [0.2, 0.0]])
    first = 0.5 * 0.4 + 0.5 * 0.2 + 0.4 * 0.2
    assert float(interpenetration(opacity)) == pytest.approx(first / 2)


def test_nobody_who_overlaps_nobody_pays():
    assert float(interpenetration(torch.eye(3))) == 0
    assert float(interpenetration(torch.rand(1, 5))) == pytest.approx(0, abs=1e-6)
    assert float(interpenetration(torch.zeros(2, 0))) == 0


def _opacity(centres: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Soft balls of 10 cm around the centres."""
    away = (points[None] - centres[:, None]).norm(dim=-1)
    return torch.sigmoid((0.1 - away) / 0.02)


@pytest.mark.parametrize("count", [2, 3])
def test_the_gradient_separates_overlapping_bodies(count):
    """Acceptance test, also for three people of whom no point lies in all."""
    centres = torch.tensor([[-0.08, 0.0, 0.0], [0.08, 0.0, 0.0], [0.24, 0.0, 0.0]])[:count]
    points = torch.rand(4000, 3, generator=torch.Generator().manual_seed(1)) * 0.8 - 0.3
    centres.requires_grad_()
    before = interpenetration(_opacity(centres, points))
    before.backward()
    push = -centres.grad
    assert push[0, 0] < 0
    assert push[-1, 0] > 0
    moved = centres.detach() + 0.02 * push / push.norm(dim=1).max()
    assert interpenetration(_opacity(moved, points)) < before
    gap = moved[1:, 0] - moved[:-1, 0]
    assert torch.all(gap > 0.16 - 1e-6)


def _triangle() -> torch.Tensor:
    return torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])


def _depth(point: torch.Tensor, surface: torch.Tensor, tolerance_m: float = 0.0) -> torch.Tensor:
    return depth_loss(
        point[None], surface, torch.tensor([[0.0, 0, 1]]), torch.tensor([[0, 1, 2]]),
        torch.tensor([[0.5, 0.25, 0.25]]), tolerance_m,
    )  # fmt: skip


def test_depth_is_measured_along_the_normal_beyond_the_tolerance():
    point = torch.tensor([0.25, 0.25, -0.03])
    assert float(_depth(point, _triangle())) == pytest.approx(0.03**2, rel=1e-5)
    assert float(_depth(point, _triangle(), 0.01)) == pytest.approx(0.02**2, rel=1e-5)
    assert float(_depth(point, _triangle(), 0.05)) == 0
    assert float(_depth(point * torch.tensor([1.0, 1, -1]), _triangle())) == 0


def test_depth_moves_both_bodies_apart():
    point = torch.tensor([0.25, 0.25, -0.03], requires_grad=True)
    surface = _triangle().requires_grad_()
    _depth(point, surface).backward()
    assert -point.grad[2] > 0
    assert -surface.grad[:, 2].sum() < 0
    assert torch.allclose(point.grad, -surface.grad.sum(0), atol=1e-6)


def test_three_bodies_in_a_row_are_pushed_outwards():
    """Slabs whose surfaces overlap their neighbours: the outer two go, the middle one stays."""
    places = torch.tensor([0.0, 0.9, 1.8], requires_grad=True)  # each one metre thick
    corners, weights = torch.tensor([[0, 1, 2]]), torch.tensor([[1.0, 0, 0]])
    cost = torch.zeros(())
    for left in range(2):
        right_face = torch.stack([places[left] + 1, places[left] * 0, places[left] * 0])
        left_face = torch.stack([places[left + 1], places[left] * 0, places[left] * 0])
        surface = right_face[None].expand(3, -1)
        cost = cost + depth_loss(
            left_face[None], surface, torch.tensor([[1.0, 0, 0]]), corners, weights, 0.0
        )
    cost.backward()
    assert places.grad[0] > 0
    assert places.grad[2] < 0
    assert float(places.grad[1]) == pytest.approx(0, abs=1e-6)
