import numpy as np
import pytest
import torch

from avatarpose.avatar.hashgrid import (
    HashGridShape,
    corner_index,
    encode,
    initial_table,
    level_weights,
)
from avatarpose.avatar.hashgrid_kernels import NumbaEncode

# Levels of 4 (dense), 8 (dense), 16 and 32 (hashed) cells.
SMALL = HashGridShape(level_count=4, log2_entries=10, base_resolution=4, finest_resolution=32)


def _points(count: int, seed: int) -> torch.Tensor:
    """Points in and around the unit cube, its corners among them."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.rand(count, 3, generator=generator) * 1.6 - 0.3
    corners = torch.tensor([[0.0, 0, 0], [1, 1, 1], [1, 0, 0.5], [-2, 3, 0.5]])
    return torch.cat([points, corners])


def _table(shape: HashGridShape) -> torch.Tensor:
    return initial_table(shape, torch.Generator().manual_seed(1)) * 1e4


def test_resolutions_grow_from_the_coarsest_to_the_finest():
    assert SMALL.resolutions == (4, 8, 16, 32)
    assert HashGridShape(level_count=1, base_resolution=7).resolutions == (7,)
    assert SMALL.width == 8
    assert SMALL.entries == 1024


def test_only_levels_whose_corners_all_fit_are_dense():
    assert [SMALL.is_dense(level) for level in range(4)] == [True, True, False, False]


def test_dense_corners_have_an_entry_each():
    side = torch.arange(5)
    corners = torch.stack(torch.meshgrid(side, side, side, indexing="ij"), -1).reshape(-1, 3)
    index = corner_index(corners, 4, 1024, dense=True)
    assert len(index.unique()) == 125
    assert int(index.max()) == 124
    assert int(corner_index(torch.tensor([3, 2, 1]), 4, 1024, dense=True)) == 3 + 5 * (2 + 5 * 1)


def test_hashed_corners_follow_the_spatial_hash():
    x, y, z = 17, 30, 5
    wanted = ((x * 1) ^ (y * 2654435761) ^ (z * 805459861)) % 1024
    assert int(corner_index(torch.tensor([x, y, z]), 32, 1024, dense=False)) == wanted


def test_a_point_on_a_corner_has_the_features_of_that_corner():
    table = _table(SMALL)
    features = encode(torch.tensor([[0.25, 0.5, 0.75]]), table, SMALL)
    entry = corner_index(torch.tensor([1, 2, 3]), 4, 1024, dense=True)
    assert torch.allclose(features[0, :2], table[0, entry])


def test_features_change_continuously_across_cells():
    table = _table(SMALL)
    before = encode(torch.tensor([[0.25 - 1e-6, 0.3, 0.7]]), table, SMALL)
    after = encode(torch.tensor([[0.25 + 1e-6, 0.3, 0.7]]), table, SMALL)
    assert torch.allclose(before, after, atol=1e-3)


def test_points_outside_the_box_are_moved_to_its_border():
    table = _table(SMALL)
    outside = encode(torch.tensor([[-0.4, 0.3, 1.8]]), table, SMALL)
    assert torch.equal(outside, encode(torch.tensor([[0.0, 0.3, 1.0]]), table, SMALL))


def test_compiled_features_equal_plain_torch():
    points, table = _points(500, 2), _table(SMALL)
    compiled = NumbaEncode.apply(points, table, SMALL)
    assert torch.allclose(compiled, encode(points, table, SMALL), atol=2e-5)


@pytest.mark.parametrize(
    "shape", [SMALL, HashGridShape(level_count=9, log2_entries=8)], ids=["four", "nine levels"]
)
def test_compiled_gradients_equal_plain_torch(shape):
    generator = torch.Generator().manual_seed(3)
    points, pull = torch.rand(400, 3, generator=generator), torch.rand(400, shape.width)
    found = []
    for encoder in (lambda p, t: NumbaEncode.apply(p, t, shape), lambda p, t: encode(p, t, shape)):
        p, table = points.clone().requires_grad_(), _table(shape).requires_grad_()
        (encoder(p, table) * pull).sum().backward()
        found.append((p.grad, table.grad))
    (points_a, table_a), (points_b, table_b) = found
    assert torch.allclose(table_a, table_b, atol=1e-4)
    assert torch.allclose(points_a, points_b, rtol=1e-3, atol=1e-2 * float(points_b.abs().mean()))


def test_compiled_and_plain_points_outside_the_box_get_no_gradient():
    outside = torch.tensor([[-0.2, 0.31, 1.4], [0.3, 1.7, 0.4]])
    moves = []
    for encoder in (lambda p, t: NumbaEncode.apply(p, t, SMALL), lambda p, t: encode(p, t, SMALL)):
        points = outside.clone().requires_grad_()
        encoder(points, _table(SMALL)).sum().backward()
        moves.append(points.grad)
        clamped = (outside < 0) | (outside > 1)
        assert torch.all(points.grad[clamped] == 0)
    assert torch.allclose(*moves, rtol=1e-3, atol=1e-3)


def test_plain_gradients_agree_with_finite_differences():
    shape = HashGridShape(level_count=2, log2_entries=3, base_resolution=2, finest_resolution=5)
    points = (torch.rand(3, 3, generator=torch.Generator().manual_seed(4)) * 0.9 + 0.02).double()
    table = _table(shape).double()
    points.requires_grad_()
    table.requires_grad_()
    assert torch.autograd.gradcheck(lambda p, t: encode(p, t, shape), (points, table))


def test_levels_open_one_after_the_other():
    assert level_weights(SMALL, 2.5).tolist() == [1, 1, 1, 1, 0.5, 0.5, 0, 0]
    assert np.all(level_weights(SMALL, 9.0) == 1)
    assert np.all(level_weights(SMALL, 0.0) == 0)
