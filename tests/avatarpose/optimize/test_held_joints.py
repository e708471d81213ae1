import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarpose.body.skeleton import Joint
from avatarpose.optimize.held_joints import bring_joints
from avatarpose.synth.toy_body import toy_body

BODY = toy_body()
ENDS = (Joint.LEFT_WRIST, Joint.RIGHT_WRIST, Joint.LEFT_ANKLE, Joint.HEAD, Joint.PELVIS)


def _pose(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    rotvecs = random.normal(0, 0.3, (24, 3)).astype(np.float32)
    rotvecs[Joint.LEFT_ELBOW, 1] -= 0.8
    rotvecs[Joint.RIGHT_ELBOW, 1] += 0.8
    rotvecs[Joint.LEFT_KNEE, 0] += 0.6
    return (
        random.normal(0, 0.5, 10).astype(np.float32),
        rotvecs,
        random.normal(0, 1, 3).astype(np.float32),
    )


def _joints(betas, rotvecs, transl) -> np.ndarray:
    return BODY.joint_transforms(betas, rotvecs[None], transl[None])[1][0]


@settings(max_examples=25)
@given(st.integers(0, 1000), st.sampled_from(ENDS), st.floats(0.0, 0.25))
def test_one_joint_reaches_its_target(seed, joint, away_m):
    betas, rotvecs, transl = _pose(seed)
    direction = np.random.default_rng(seed + 1).normal(size=3)
    target = _joints(betas, rotvecs, transl)[joint] + away_m * direction / np.linalg.norm(direction)
    turned, moved = bring_joints(BODY, betas, rotvecs, transl, {joint: target})
    assert np.linalg.norm(_joints(betas, turned, moved)[joint] - target) < 5e-4


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_several_joints_reach_theirs_on_a_body_of_another_shape(seed):
    """Targets from another shape, as after a run that changed the shape a little."""
    betas, rotvecs, transl = _pose(seed)
    wanted = _joints(betas + 0.2, rotvecs, transl)
    targets = {j: wanted[j] for j in (Joint.LEFT_WRIST, Joint.RIGHT_WRIST, Joint.LEFT_ANKLE)}
    turned, moved = bring_joints(BODY, betas, rotvecs, transl, targets)
    reached = _joints(betas, turned, moved)
    for joint, target in targets.items():
        assert np.linalg.norm(reached[joint] - target) < 1e-3


def test_joints_that_are_there_already_stay():
    betas, rotvecs, transl = _pose(2)
    there = {Joint.LEFT_WRIST: _joints(betas, rotvecs, transl)[Joint.LEFT_WRIST]}
    turned, moved = bring_joints(BODY, betas, rotvecs, transl, there)
    assert np.array_equal(turned, rotvecs)
    assert np.allclose(moved, transl)


def test_without_targets_nothing_changes():
    betas, rotvecs, transl = _pose(3)
    turned, moved = bring_joints(BODY, betas, rotvecs, transl, {})
    assert np.array_equal(turned, rotvecs)
    assert np.array_equal(moved, transl)


def test_a_small_way_of_a_wrist_leaves_legs_and_root_nearly_alone():
    betas, rotvecs, transl = _pose(4)
    target = _joints(betas, rotvecs, transl)[Joint.LEFT_WRIST] + [0.02, 0.01, 0.0]
    turned, moved = bring_joints(BODY, betas, rotvecs, transl, {Joint.LEFT_WRIST: target})
    legs = [Joint.LEFT_HIP, Joint.RIGHT_HIP, Joint.LEFT_KNEE, Joint.RIGHT_ANKLE]
    assert np.array_equal(turned[legs], rotvecs[legs])
    assert np.linalg.norm(moved - transl) < 0.01


def test_a_locked_pelvis_moves_the_body_without_turning_it():
    betas, rotvecs, transl = _pose(5)
    target = _joints(betas, rotvecs, transl)[Joint.PELVIS] + [0.3, 0.0, -0.1]
    turned, moved = bring_joints(BODY, betas, rotvecs, transl, {Joint.PELVIS: target})
    assert np.array_equal(turned, rotvecs)
    assert (moved - transl).tolist() == pytest.approx([0.3, 0.0, -0.1], abs=1e-4)
