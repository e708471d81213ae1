import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from avatarpose.avatar.compositing import composite


def _random_rays(seed: int, rays: int = 12, samples: int = 14, people: int = 3):
    generator = torch.Generator().manual_seed(seed)
    return {
        "t_m": torch.rand(rays, samples, generator=generator) + 1,
        "step_m": torch.rand(rays, samples, generator=generator) * 0.02,
        "density": torch.rand(rays, samples, generator=generator) * 200,
        "rgb": torch.rand(rays, samples, 3, generator=generator),
        "person": torch.randint(0, people, (rays, samples), generator=generator),
    }


def test_one_opaque_sample_hides_what_lies_behind():
    seen = composite(
        torch.tensor([[2.0, 1.0]]), torch.full((1, 2), 0.01), torch.tensor([[1e4, 1e4]]),
        torch.tensor([[[1.0, 0, 0], [0, 1.0, 0]]]), torch.tensor([[0, 1]]), 2,
    )  # fmt: skip
    assert torch.allclose(seen.rgb, torch.tensor([[0.0, 1.0, 0.0]]), atol=1e-6)
    assert torch.allclose(seen.instance[:, 0], torch.tensor([0.0, 1.0]), atol=1e-6)
    assert float(seen.depth_m) == pytest.approx(1.0)


def test_half_opaque_samples_blend_by_hand_computed_shares():
    density = np.log(2) / 0.01  # half of the light passes a step of 1 cm
    seen = composite(
        torch.tensor([[1.0, 2.0]]), torch.full((1, 2), 0.01),
        torch.full((1, 2), density, dtype=torch.float32),
        torch.tensor([[[1.0, 0, 0], [0, 0, 1.0]]]), torch.tensor([[0, 1]]), 2,
    )  # fmt: skip
    assert torch.allclose(seen.rgb, torch.tensor([[0.5, 0.0, 0.25]]), atol=1e-5)
    assert float(seen.alpha) == pytest.approx(0.75, abs=1e-5)
    assert seen.instance[:, 0].tolist() == pytest.approx([0.5, 0.25], abs=1e-5)
    assert float(seen.depth_m) == pytest.approx(0.5 * 1 + 0.25 * 2, abs=1e-5)


@given(st.integers(0, 10_000))
def test_opacity_lies_between_nothing_and_everything_and_belongs_to_somebody(seed):
    seen = composite(**_random_rays(seed), person_count=3)
    assert torch.all((seen.alpha >= 0) & (seen.alpha <= 1 + 1e-5))
    assert torch.allclose(seen.instance.sum(0), seen.alpha, atol=1e-5)
    assert torch.all((seen.rgb >= 0) & (seen.rgb <= seen.alpha[:, None] + 1e-5))


@given(st.integers(0, 10_000))
def test_the_order_of_samples_does_not_matter(seed):
    rays = _random_rays(seed)
    mixed = torch.randperm(rays["t_m"].shape[1], generator=torch.Generator().manual_seed(seed))
    one = composite(**rays, person_count=3)
    other = composite(**{name: value[:, mixed] for name, value in rays.items()}, person_count=3)
    assert torch.allclose(one.rgb, other.rgb, atol=1e-5)
    assert torch.allclose(one.instance, other.instance, atol=1e-5)


@given(st.integers(0, 10_000))
def test_renaming_people_renames_their_shares(seed):
    rays = _random_rays(seed)
    renamed = torch.tensor([2, 0, 1])
    one = composite(**rays, person_count=3)
    other = composite(**{**rays, "person": renamed[rays["person"]]}, person_count=3)
    assert torch.allclose(one.rgb, other.rgb)
    assert torch.allclose(one.instance, other.instance[renamed])


@given(st.integers(0, 10_000))
def test_empty_slots_change_nothing(seed):
    rays = _random_rays(seed)
    one = composite(**rays, person_count=3)
    padded = {
        name: torch.cat([torch.zeros_like(value[:, :2]), value], 1) for name, value in rays.items()
    }
    other = composite(**padded, person_count=3)
    assert torch.allclose(one.rgb, other.rgb, atol=1e-6)
    assert torch.allclose(one.depth_m, other.depth_m, atol=1e-6)


def _profile(t: np.ndarray, centre: float, width: float, peak: float) -> np.ndarray:
    return peak * np.exp(-(((t - centre) / width) ** 2))


def test_layers_equal_a_dense_render_of_the_summed_densities():
    """Two people interpenetrate; each is sampled on a lattice of its own."""
    colours = np.array([[1.0, 0.2, 0.1], [0.1, 0.4, 1.0]])
    centres, widths, peaks = (2.0, 2.02), (0.03, 0.05), (30.0, 45.0)
    dense = np.linspace(1.7, 2.4, 200_001)
    length = dense[1] - dense[0]
    densities = np.stack([_profile(dense, *of) for of in zip(centres, widths, peaks, strict=True)])
    through = np.exp(-np.cumsum(densities.sum(0)) * length)
    rgb = np.einsum("pt,pc,t->c", densities * length, colours, through)
    instance = (densities * through * length).sum(1)
    t, step, density, shade, person = [], [], [], [], []
    for who, count in ((0, 300), (1, 450)):
        lattice = np.linspace(1.7, 2.4, count, endpoint=False)
        spacing = 0.7 / count
        lattice = lattice + spacing / 2
        t.append(lattice)
        step.append(np.full(count, spacing))
        density.append(_profile(lattice, centres[who], widths[who], peaks[who]))
        shade.append(np.tile(colours[who], (count, 1)))
        person.append(np.full(count, who))
    seen = composite(
        torch.tensor(np.concatenate(t))[None], torch.tensor(np.concatenate(step))[None],
        torch.tensor(np.concatenate(density))[None], torch.tensor(np.concatenate(shade))[None],
        torch.tensor(np.concatenate(person))[None], 2,
    )  # fmt: skip
    assert np.abs(seen.rgb[0].numpy() - rgb).max() < 2e-3
    assert np.abs(seen.instance[:, 0].numpy() - instance).max() < 2e-3
    assert float(seen.alpha) == pytest.approx(1 - through[-1], abs=1e-3)
    assert instance.min() > 0.1  # both are seen
