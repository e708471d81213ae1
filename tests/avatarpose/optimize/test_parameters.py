from dataclasses import replace

import numpy as np
import pytest
import torch

from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.geometry.rotation import geodesic_angle, matrix_from_rotvec
from avatarpose.optimize.parameters import PoseVariables
from tests.strategies import random_poses

FRAMES = np.array([1, 2, 4])


@pytest.fixture
def start():
    random = np.random.default_rng(5)
    poses = {pid: random_poses(random, 6, 0.5) for pid in (3, 7)}
    there = np.array([True, True, False, True, True, True])
    poses[7] = replace(poses[7], valid=there)
    return poses


@pytest.fixture
def variables(start) -> PoseVariables:
    return PoseVariables(start, FRAMES)


def _same_rotations(a: np.ndarray, b: np.ndarray) -> float:
    """Largest angle (rad) between two sets of rotations."""
    return float(geodesic_angle(matrix_from_rotvec(a), matrix_from_rotvec(b)).max())


def test_rows_are_the_people_who_are_there(variables):
    assert variables.pids == (3, 7)
    assert variables.rows(0).tolist() == [0, 1]
    assert variables.rows(1).tolist() == [0]


def test_untouched_variables_give_the_start_back(variables, start):
    for pid, poses in variables.poses().items():
        assert _same_rotations(poses.rotvecs, start[pid].rotvecs) < 1e-3
        assert np.allclose(poses.transl, start[pid].transl, atol=1e-6)
        assert np.array_equal(poses.valid, start[pid].valid)


def test_a_step_changes_one_frame_and_leaves_the_others_alone(variables, start):
    rows = np.array([0, 1])
    before = variables.turns.clone(), variables.transl.clone()
    variables.step(rows, 2, torch.ones(2, 24, 3), torch.ones(2, 3), 1e-2, 1e-3)
    assert torch.equal(variables.turns[:, :2], before[0][:, :2])
    assert torch.equal(variables.transl[:, :2], before[1][:, :2])
    assert torch.allclose(variables.turns[:, 2], torch.tensor(-1e-2), atol=1e-5)
    assert torch.allclose(variables.transl[:, 2] - before[1][:, 2], torch.tensor(-1e-3), atol=1e-5)
    moved = variables.poses()[3]
    outside = [0, 1, 2, 3, 5]
    assert _same_rotations(moved.rotvecs[outside], start[3].rotvecs[outside]) < 1e-3


def test_a_step_of_one_person_leaves_the_other_alone(variables):
    variables.step(np.array([0]), 1, torch.ones(1, 24, 3), torch.ones(1, 3), 1e-2, 1e-3)
    assert torch.all(variables.turns[1] == 0)


def test_momentum_is_kept_per_frame(variables):
    """A frame visited after others takes the same first step as if it were alone."""
    rows, zero = np.array([0]), torch.zeros(1, 3)
    for _ in range(5):
        variables.step(rows, 0, torch.full((1, 24, 3), -3.0), zero, 1e-2, 0.0)
    variables.step(rows, 1, torch.full((1, 24, 3), 1e-4), zero, 1e-2, 0.0)
    assert torch.allclose(variables.turns[0, 1], torch.tensor(-1e-2), atol=1e-4)


def test_steps_go_downhill_until_the_bottom(variables):
    wanted = torch.randn(1, 24, 3, generator=torch.Generator().manual_seed(1)) * 0.1
    rows = np.array([0])
    for number in range(200):
        gradient = 2 * (variables.turns[rows, 0] - wanted)
        variables.step(rows, 0, gradient, torch.zeros(1, 3), 0.01 * (1 - number / 200), 0.0)
    assert (variables.turns[0, 0] - wanted[0]).abs().max() < 2e-3


def test_gradients_that_are_not_numbers_change_nothing(variables):
    nothing = torch.full((1, 24, 3), torch.nan)
    variables.step(np.array([0]), 0, nothing, torch.zeros(1, 3), 1e-2, 1e-3)
    assert torch.isfinite(variables.turns).all()


def test_shapes_are_shared_by_all_frames(variables):
    before = variables.betas.clone()
    variables.step_betas(np.array([1]), torch.ones(1, 10), 0.1)
    assert torch.equal(variables.betas[0], before[0])
    assert torch.all(variables.betas[1] < before[1])
    assert np.allclose(variables.poses()[7].betas, variables.betas[1])


def test_replaced_frames_start_again_where_the_user_put_them(variables):
    other = random_poses(np.random.default_rng(9), 6, 0.5)
    variables.step(np.array([0, 1]), 0, torch.ones(2, 24, 3), torch.ones(2, 3), 0.1, 0.1)
    variables.replace(3, other, np.array([0, 2]))
    poses = variables.poses()[3]
    assert _same_rotations(poses.rotvecs[[1, 4]], other.rotvecs[[1, 4]]) < 1e-3
    assert np.allclose(poses.transl[[1, 4]], other.transl[[1, 4]], atol=1e-6)
    assert torch.all(variables.turns[0, [0, 2]] == 0)
    assert torch.any(variables.turns[1, 0] != 0)


def test_replacing_somebody_unknown_is_no_error(variables):
    variables.replace(99, random_poses(np.random.default_rng(9), 6, 0.5), np.array([0]))
    assert torch.all(variables.turns == 0)


def test_a_placed_body_is_found_where_it_was_placed(variables):
    random = np.random.default_rng(2)
    rotvecs, transl = random.normal(0, 0.5, (24, 3)), random.normal(0, 1, 3)
    variables.place(1, 2, rotvecs, transl)
    found, moved = variables.pose(1, 2)
    assert _same_rotations(found, rotvecs) < 1e-3
    assert np.allclose(moved, transl, atol=1e-6)


def test_joints_agree_with_the_body_model(variables, body):
    joints = variables.all_joints(TorchSmpl(body))
    assert joints.shape == (2, 3, 24, 3)
    poses = variables.poses()[7]
    wanted = body.joint_transforms(poses.betas, poses.rotvecs[FRAMES], poses.transl[FRAMES])[1]
    assert np.abs(joints[1] - wanted).max() < 1e-4
    one = variables.state(TorchSmpl(body), np.array([0, 1]), 2).joints_world
    assert np.abs(one.numpy() - joints[:, 2]).max() < 1e-5


def test_a_restored_state_goes_on_like_the_saved_one(variables, start):
    def work(on: PoseVariables, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        for column in (0, 2, 0):
            turn = torch.randn(2, 24, 3, generator=generator)
            on.step(np.array([0, 1]), column, turn, turn[:, 0], 1e-2, 1e-3)
            on.step_betas(np.array([0, 1]), turn[:, 0].repeat(1, 4)[:, :10], 1e-2)

    work(variables, 1)
    variables.replace(3, random_poses(np.random.default_rng(9), 6, 0.5), np.array([1]))
    again = PoseVariables(start, FRAMES)
    again.restore(variables.tensors())
    work(variables, 2)
    work(again, 2)
    assert torch.equal(variables.turns, again.turns)
    assert torch.equal(variables.transl, again.transl)
    assert torch.equal(variables.betas, again.betas)


def test_saved_tensors_do_not_follow_later_steps(variables):
    saved = variables.tensors()
    variables.step(np.array([0]), 0, torch.ones(1, 24, 3), torch.ones(1, 3), 0.1, 0.1)
    assert torch.all(saved["turns"] == 0)
    assert int(saved["counts"].sum()) == 0
