import numpy as np
import pytest
import torch

from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.geometry.rotation_torch import matrix_from_rotvec
from tests.strategies import random_poses


@pytest.fixture(scope="module")
def precise(open_body) -> TorchSmpl:
    return TorchSmpl(open_body, dtype=torch.float64)


def _tensors(poses) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    betas = torch.tensor(np.tile(poses.betas, (len(poses), 1)), dtype=torch.float64)
    rotvecs = torch.tensor(poses.rotvecs, dtype=torch.float64)
    return betas, rotvecs, torch.tensor(poses.transl, dtype=torch.float64)


@pytest.mark.parametrize("bend_rad", [0.0, 0.4, 1.5])
def test_torch_and_numpy_give_one_body(open_body, precise, bend_rad):
    poses = random_poses(np.random.default_rng(11), 3, bend_rad)
    betas, rotvecs, transl = _tensors(poses)
    state = precise.joints(betas, rotvecs, transl)
    skinned = precise.skin(betas, state)
    expected = open_body.posed_sequence(poses)
    np.testing.assert_allclose(state.joints_world, expected.joints_world, atol=1e-5)
    np.testing.assert_allclose(skinned.vertices_world, expected.vertices_world, atol=1e-5)
    np.testing.assert_allclose(state.world_from_rest, expected.world_from_rest[:, :, :3], atol=1e-5)
    np.testing.assert_allclose(precise.skel19(betas, state), open_body.skel19(expected), atol=1e-5)


def test_float32_stays_within_a_hundredth_of_a_millimetre(open_body):
    poses = random_poses(np.random.default_rng(12), 2, 0.5)
    single = TorchSmpl(open_body)
    betas, rotvecs, transl = (tensor.float() for tensor in _tensors(poses))
    state = single.joints(betas, rotvecs, transl)
    expected = open_body.posed_sequence(poses).vertices_world
    np.testing.assert_allclose(single.skin(betas, state).vertices_world, expected, atol=2e-5)


def test_a_few_vertices_are_those_of_the_whole_surface(precise):
    poses = random_poses(np.random.default_rng(13), 2, 0.5)
    betas, rotvecs, transl = _tensors(poses)
    state = precise.joints(betas, rotvecs, transl)
    picked = [0, 65, 6999]
    whole = precise.skin(betas, state).vertices_world[:, picked]
    torch.testing.assert_close(precise.vertices_at(betas, state, picked), whole)


def test_the_blended_map_carries_the_corrected_rest_surface_to_the_world(precise):
    poses = random_poses(np.random.default_rng(14), 2, 0.5)
    betas, rotvecs, transl = _tensors(poses)
    skinned = precise.skin(betas, precise.joints(betas, rotvecs, transl))
    rest = skinned.shaped + skinned.correctives
    turned = (skinned.world_from_rest[..., :3] @ rest[..., None]).squeeze(-1)
    torch.testing.assert_close(turned + skinned.world_from_rest[..., 3], skinned.vertices_world)


def test_rotation_matrices_do_as_rotation_vectors_do(precise):
    poses = random_poses(np.random.default_rng(15), 1, 0.5)
    betas, rotvecs, transl = _tensors(poses)
    by_vectors = precise.joints(betas, rotvecs, transl)
    by_matrices = precise.joints_from_matrices(betas, matrix_from_rotvec(rotvecs), transl)
    torch.testing.assert_close(by_vectors.joints_world, by_matrices.joints_world)


@pytest.mark.parametrize("bend_rad", [0.0, 0.5])
def test_derivatives_of_surface_points_and_joints_are_those_of_finite_differences(
    precise, bend_rad
):
    poses = random_poses(np.random.default_rng(16), 1, bend_rad)
    inputs = [tensor.requires_grad_() for tensor in _tensors(poses)]

    def points(betas, rotvecs, transl):
        state = precise.joints(betas, rotvecs, transl)
        return torch.cat(
            [precise.vertices_at(betas, state, [65, 2948, 6222]), state.joints_world], 1
        )

    assert torch.autograd.gradcheck(points, inputs, atol=1e-5)
