import numpy as np
import pytest
import torch

from avatarpose.optimize.avatar_stage import AvatarTrainer, Exposure, RayPool
from avatarpose.scene.layers import TRUTH
from tests.avatarpose.optimize.scenes import tiny_plan
from tests.avatarpose.optimize.stages import CPU, Workplace, workplace


@pytest.fixture
def place(tiny_scene) -> Workplace:
    return workplace(tiny_scene, tiny_plan(), TRUTH)


def _pool(place: Workplace, columns=(0, 1, 2, 3)) -> RayPool:
    pool = RayPool(
        place.plan, place.pictures, place.sampler, place.variables, place.avatars, place.smpl,
        place.topology, np.random.default_rng(1), np.array(columns), CPU,
    )  # fmt: skip
    shares = list(pool.build())
    assert shares[-1] == 1
    return pool


def test_batches_hold_rays_of_several_frames_with_their_samples(place):
    pool = _pool(place)
    assert pool.part_count == 4
    rays, people = pool.batch(200, torch.Generator().manual_seed(2))
    count = len(rays["camera"])
    assert 100 < count <= 200
    assert sorted(people) == [0, 1]
    for samples in people.values():
        assert int(samples["ray"].max()) < count
        assert len(samples["canonical"]) == len(samples["ray"]) == len(samples["t"])
        assert torch.all(samples["step"] > 0)


def test_samples_of_a_batch_lie_near_the_canonical_body(place):
    _, people = _pool(place).batch(300, torch.Generator().manual_seed(2))
    for row, samples in people.items():
        canonical = place.avatars[row].canonical
        foot = (canonical.vertices[samples["corners"]] * samples["barycentric"][..., None]).sum(1)
        assert float((samples["canonical"] - foot).norm(dim=1).quantile(0.99)) < 0.1


def test_training_lowers_the_colour_loss(place):
    pool = _pool(place)
    trainer = AvatarTrainer(place.plan, place.avatars, place.exposure, 30)
    generator = torch.Generator().manual_seed(3)
    losses = [trainer.step(pool, generator).values["rgb"] for _ in range(30)]
    assert np.mean(losses[-6:]) < 0.7 * np.mean(losses[:3])


def test_training_changes_fields_and_exposures_but_no_poses(place):
    turns, transl = place.variables.turns.clone(), place.variables.transl.clone()
    before = [p.clone() for p in place.avatars[0].field.parameters()]
    trainer = AvatarTrainer(place.plan, place.avatars, place.exposure, 2)
    trainer.step(_pool(place), torch.Generator().manual_seed(3))
    after = list(place.avatars[0].field.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert torch.any(place.exposure.gain != 0)
    assert torch.equal(place.variables.turns, turns)
    assert torch.equal(place.variables.transl, transl)


def test_exposures_prefer_cameras_that_are_alike():
    exposure = Exposure(3, CPU)
    assert float(exposure.prior().detach()) == 0
    with torch.no_grad():
        exposure.gain[0] = 0.2
    alone = float(exposure.prior().detach())
    with torch.no_grad():
        exposure.gain[1] = -0.2
    assert 0 < float(exposure.prior().detach()) < alone
