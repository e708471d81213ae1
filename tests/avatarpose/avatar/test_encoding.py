import importlib.util

import pytest
import torch

from avatarpose.avatar.encoding import HashEncoding, available_backend, make_encoding
from avatarpose.avatar.field import AvatarField, FieldShape
from avatarpose.avatar.hashgrid import HashGridShape

SHAPE = HashGridShape(level_count=3, log2_entries=9, base_resolution=4, finest_resolution=16)


def test_the_processor_uses_compiled_kernels():
    assert available_backend(torch.device("cpu")) == "numba"


def test_cuda_without_tiny_cuda_nn_uses_plain_torch():
    if importlib.util.find_spec("tinycudann"):
        pytest.skip("tiny-cuda-nn is installed here")
    assert available_backend(torch.device("cuda")) == "torch"
    made = make_encoding(SHAPE, torch.Generator(), torch.device("cuda"))
    assert isinstance(made, HashEncoding)


def test_an_encoding_of_the_processor_is_the_hash_encoding():
    assert isinstance(make_encoding(SHAPE, torch.Generator(), torch.device("cpu")), HashEncoding)


def test_the_back_ends_give_the_same_features():
    points = torch.rand(50, 3)
    plain = HashEncoding(SHAPE, torch.Generator().manual_seed(1), "torch")
    compiled = HashEncoding(SHAPE, torch.Generator().manual_seed(1), "numba")
    assert torch.allclose(plain(points), compiled(points), atol=1e-7)


def test_double_precision_and_other_feature_counts_fall_back_to_plain_torch():
    encoding = HashEncoding(SHAPE, torch.Generator()).double()
    assert encoding(torch.rand(4, 3).double()).dtype == torch.float64
    wide = HashGridShape(level_count=2, features=4, log2_entries=9)
    assert HashEncoding(wide, torch.Generator())(torch.rand(4, 3)).shape == (4, 8)


def test_the_same_seed_makes_the_same_field():
    shape = FieldShape(grid=SHAPE, width=8)
    one, other = (
        AvatarField(shape, torch.Generator().manual_seed(5), torch.device("cpu")) for _ in range(2)
    )
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_an_untrained_field_is_dense_inside_and_empty_outside():
    shape = FieldShape(grid=SHAPE, width=8)
    field = AvatarField(shape, torch.Generator().manual_seed(5), torch.device("cpu"))
    away = torch.tensor([-0.03, shape.offset_m, 0.06])
    colour, density = field(torch.full((3, 3), 0.4), away)
    assert density[0] > 0.95 * shape.density_peak
    assert abs(float(density[1].detach()) / shape.density_peak - 0.5) < 0.1
    assert density[2] < 0.01 * shape.density_peak
    assert torch.all((colour >= 0) & (colour <= 1))


def test_closed_levels_do_not_count():
    field = AvatarField(FieldShape(grid=SHAPE, width=8), torch.Generator(), torch.device("cpu"))
    points, away = torch.rand(6, 3), torch.zeros(6)
    with torch.no_grad():
        field.encoding.table[1:] = 7.0
    closed = torch.tensor([1.0, 1, 0, 0, 0, 0])
    seen = field(points, away, closed)
    with torch.no_grad():
        field.encoding.table[1:] = -3.0
    assert torch.equal(seen[0], field(points, away, closed)[0])
