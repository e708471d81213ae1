"""The whole way from poses to colours, against finite differences in double precision."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from avatarpose.avatar.avatar import Avatar, new_avatar
from avatarpose.avatar.compositing import RenderedRays
from avatarpose.avatar.deformer import canonical_body, canonical_from_world
from avatarpose.avatar.field import FieldShape
from avatarpose.avatar.hashgrid import HashGridShape
from avatarpose.avatar.marching import Band
from avatarpose.avatar.rendering import PixelBundle, RayBundle, render, sample_rays
from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rigid import look_at
from tests.avatarpose.avatar.bodies import some_pose

SHAPE = FieldShape(
    grid=HashGridShape(level_count=2, log2_entries=8, base_resolution=3, finest_resolution=5),
    width=8,
    ramp_m=0.02,
)


def _cameras() -> list[Camera]:
    k = np.array([[40.0, 0, 23.5], [0, 40.0, 17.5], [0, 0, 1]])
    target = np.array([0.1, 0.0, 1.0])
    places = (np.array([2.6, 0.3, 1.2]), np.array([-0.4, 2.7, 0.9]))
    return [Camera(f"c{i}", 48, 36, k, look_at(at, target)) for i, at in enumerate(places)]


def _bundle(count: int, seed: int = 0) -> PixelBundle:
    random = np.random.default_rng(seed)
    cameras = _cameras()
    camera, pixel = [], []
    for index, view in enumerate(cameras):
        flat = random.choice(view.width * view.height, count, replace=False)
        y, x = np.divmod(np.sort(flat), view.width)
        pixel.append(np.stack([x, y], -1))
        camera.append(np.full(count, index))
    return PixelBundle(cameras, np.concatenate(camera), np.concatenate(pixel))


class TwoPeople:
    """Two posed bodies close to each other, with trained-looking fields, in any precision."""

    def __init__(self, body, topology, dtype: torch.dtype, device: str = "cpu") -> None:
        self.smpl = TorchSmpl(body, device, dtype)
        self.rotvecs = torch.tensor(np.stack([some_pose(1), some_pose(2)])).to(device, dtype)
        self.transl = torch.tensor([[0.0, -0.1, 1.0], [0.15, 0.2, 1.0]]).to(device, dtype)
        self.betas = torch.zeros(2, 10, dtype=dtype, device=device)
        generator = torch.Generator().manual_seed(3)
        self.avatars: list[Avatar] = []
        for pid in range(2):
            avatar = new_avatar(pid, self.betas[pid], self.smpl, SHAPE, generator)
            with torch.no_grad():
                noise = torch.randn(avatar.field.encoding.table.shape, generator=generator)
                avatar.field.encoding.table.copy_(noise.to(device, dtype))
            self.avatars.append(avatar)
        with torch.no_grad():
            skinned = self.smpl.skin(
                self.betas, self.smpl.joints(self.betas, self.rotvecs, self.transl)
            )
        vertices = list(skinned.vertices_world.float().cpu().numpy())
        self.rays: RayBundle = sample_rays(
            _bundle(120), vertices, topology, Band(step_m=0.03), np.random.default_rng(4),
            device, dtype,
        )  # fmt: skip

    def see(
        self,
        rotvecs: torch.Tensor,
        transl: torch.Tensor,
        betas: torch.Tensor,
    ) -> RenderedRays:
        """The picture of fixed samples at other poses and shapes."""
        skinned = self.smpl.skin(betas, self.smpl.joints(betas, rotvecs, transl))
        canonicals = [canonical_body(self.smpl, shape) for shape in betas]
        maps = [
            canonical_from_world(skinned, canonical, i) for i, canonical in enumerate(canonicals)
        ]
        return render(self.rays, self.avatars, maps, canonicals=canonicals)

    def picture(self) -> RenderedRays:
        """As they stand."""
        with torch.no_grad():
            return self.see(self.rotvecs, self.transl, self.betas)


@pytest.fixture(scope="module")
def people(body, topology) -> TwoPeople:
    return TwoPeople(body, topology, torch.float64)


def _loss(seen: RenderedRays) -> torch.Tensor:
    random = torch.Generator().manual_seed(8)
    target = torch.rand(seen.rgb.shape, generator=random).double()
    who = torch.rand(seen.instance.shape, generator=random).double()
    return (seen.rgb - target).square().mean() + 0.5 * (seen.instance - who).square().mean()


def test_both_people_are_seen(people):
    seen = people.picture()
    assert (seen.instance.sum(1) > 3).all()
    assert float(seen.alpha.max()) > 0.9


@pytest.mark.parametrize("group", ["root orientation", "translation", "pose", "shape"])
def test_gradients_through_the_renderer_agree_with_finite_differences(people, group):
    """Acceptance test: no group of parameters may lose its gradient on the way."""
    start = {"rotvecs": people.rotvecs, "transl": people.transl, "betas": people.betas}
    name = {"root orientation": "rotvecs", "pose": "rotvecs", "translation": "transl"}
    varied = name.get(group, "betas")

    def value(tensor: torch.Tensor) -> torch.Tensor:
        return _loss(people.see(**{**start, varied: tensor}))

    free = start[varied].clone().requires_grad_()
    value(free).backward()
    mask = torch.zeros_like(free)
    if group == "root orientation":
        mask[:, 0] = 1
    elif group == "pose":
        mask[:, 1:] = 1
    else:
        mask[:] = 1
    random = torch.Generator().manual_seed(6)
    for _ in range(3):
        direction = torch.randn(free.shape, generator=random).double() * mask
        _assert_slope(value, start[varied], direction, float((free.grad * direction).sum()))


def _assert_slope(
    value: Callable[[torch.Tensor], torch.Tensor],
    at: torch.Tensor,
    direction: torch.Tensor,
    slope: float,
) -> None:
    step = 1e-6
    with torch.no_grad():
        rise = float(value(at + step * direction) - value(at - step * direction)) / (2 * step)
    assert abs(rise) > 1e-5
    assert slope == pytest.approx(rise, rel=1e-3)


def test_swapping_people_swaps_their_shares(people):
    rays = RayBundle(people.rays.origins, people.rays.directions, people.rays.people[::-1])
    with torch.no_grad():
        skinned = people.smpl.skin(
            people.betas, people.smpl.joints(people.betas, people.rotvecs, people.transl)
        )
        maps = [canonical_from_world(skinned, a.canonical, i) for i, a in enumerate(people.avatars)]
        swapped = render(rays, people.avatars[::-1], maps[::-1])
    seen = people.picture()
    assert torch.allclose(swapped.rgb, seen.rgb)
    assert torch.allclose(swapped.instance, seen.instance.flip(0))


def test_somebody_nobody_sees_changes_nothing(people, topology, body):
    far = np.full((body.vertex_count, 3), 50.0, np.float32)
    skin = people.smpl.skin(
        people.betas, people.smpl.joints(people.betas, people.rotvecs, people.transl)
    )
    vertices = [
        skin.vertices_world[0].float().numpy(),
        far + skin.vertices_world[1].float().numpy(),
    ]
    rays = sample_rays(
        _bundle(60), vertices, topology, Band(step_m=0.03), np.random.default_rng(4),
        dtype=torch.float64,
    )  # fmt: skip
    assert len(rays.people[1].ray) == 0
    maps = [canonical_from_world(skin, a.canonical, i) for i, a in enumerate(people.avatars)]
    with torch.no_grad():
        seen = render(rays, people.avatars, maps)
        alone = render(
            RayBundle(rays.origins, rays.directions, rays.people[:1]), people.avatars[:1], maps[:1]
        )
    assert torch.allclose(seen.rgb, alone.rgb)
    assert float(seen.instance[1].max()) == 0


def test_samples_lie_in_the_band_around_the_body(people, topology):
    with torch.no_grad():
        skin = people.smpl.skin(
            people.betas, people.smpl.joints(people.betas, people.rotvecs, people.transl)
        )
    for index, samples in enumerate(people.rays.people):
        points = (
            people.rays.origins[samples.ray]
            + samples.t_m[:, None] * people.rays.directions[samples.ray]
        )
        surface = skin.vertices_world[index].float().numpy()
        away = topology.closest(surface, points.numpy(), 0.3).distance_m
        assert away.max() < Band().outside_m + 0.02
        assert torch.all(samples.step_m > 0)
        assert torch.all(samples.ray.diff() >= 0)


def test_single_precision_equals_double_precision(body, topology, people):
    single = TwoPeople(body, topology, torch.float32).picture()
    assert torch.allclose(single.rgb.double(), people.picture().rgb, atol=1e-3)


@pytest.mark.gpu
def test_cuda_renders_what_the_processor_renders(body, topology):
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device")
    on_cpu = TwoPeople(body, topology, torch.float32).picture()
    on_cuda = TwoPeople(body, topology, torch.float32, "cuda").picture()
    assert torch.allclose(on_cuda.rgb.cpu(), on_cpu.rgb, atol=2e-3)
    assert torch.allclose(on_cuda.instance.cpu(), on_cpu.instance, atol=2e-3)
