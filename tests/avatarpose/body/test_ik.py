import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarpose.body.ik import solve_limb
from avatarpose.body.limits import RANGES, beyond_range, excess_deg
from avatarpose.body.skeleton import BONES, MIRROR, Joint
from avatarpose.body.smpl import SmplModel, load_open_body
from avatarpose.installation import resource_path

MODEL = load_open_body(resource_path("body", "body_smpl24.npz"))
LIMB_ENDS = (
    Joint.LEFT_WRIST, Joint.RIGHT_WRIST, Joint.LEFT_HAND, Joint.RIGHT_HAND,
    Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE, Joint.LEFT_FOOT, Joint.RIGHT_FOOT,
)  # fmt: skip
MODES = ("limb", "body", "fk")


@pytest.fixture(scope="module")
def model() -> SmplModel:
    return MODEL


@st.composite
def poses(draw, bend_rad: float = 0.5):
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    rotvecs = generator.normal(0, bend_rad / 2, (24, 3))
    rotvecs[Joint.PELVIS] = generator.normal(0, 1.0, 3)
    betas = generator.normal(0, 0.7, 10)
    return betas, rotvecs, generator.normal(0, 1.0, 3)


def _joints(betas, rotvecs, transl) -> np.ndarray:
    _, joints = MODEL.joint_transforms(betas, rotvecs[None], transl[None])
    return joints[0].astype(np.float64)


def _bone_lengths(joints: np.ndarray) -> np.ndarray:
    return np.array([np.linalg.norm(joints[child] - joints[parent]) for parent, child in BONES])


@given(pose=poses(), joint=st.sampled_from(list(Joint)), mode=st.sampled_from(MODES))
def test_a_target_brought_back_restores_the_pose(pose, joint, mode):
    betas, rotvecs, transl = pose
    here = _joints(betas, rotvecs, transl)
    result = solve_limb(MODEL, betas, rotvecs, transl, joint, here[joint], mode)
    again = _joints(betas, result.rotvecs, result.transl)
    np.testing.assert_allclose(again, here, atol=2e-4)
    assert result.missing_m < 1e-4


@given(
    pose=poses(),
    joint=st.sampled_from(list(Joint)),
    mode=st.sampled_from(MODES),
    away=st.tuples(*[st.floats(-0.6, 0.6)] * 3),
)
def test_bones_keep_their_lengths_and_the_result_tells_the_truth(pose, joint, mode, away):
    betas, rotvecs, transl = pose
    here = _joints(betas, rotvecs, transl)
    target = here[joint] + np.array(away)
    result = solve_limb(MODEL, betas, rotvecs, transl, joint, target, mode)
    moved = _joints(betas, result.rotvecs, result.transl)
    np.testing.assert_allclose(_bone_lengths(moved), _bone_lengths(here), atol=1e-5)
    np.testing.assert_allclose(moved[joint], result.reached_world, atol=1e-5)
    assert result.missing_m == pytest.approx(np.linalg.norm(moved[joint] - target), abs=1e-4)
    assert result.missing_m <= np.linalg.norm(here[joint] - target) + 1e-4


@given(
    pose=poses(),
    joint=st.sampled_from(LIMB_ENDS),
    share=st.floats(0.45, 0.94),
    direction=st.tuples(*[st.floats(-1, 1)] * 3),
)
def test_a_reachable_target_is_reached_within_a_millimetre(pose, joint, share, direction):
    betas, rotvecs, transl = pose
    here = _joints(betas, rotvecs, transl)
    middle = {20: 18, 22: 18, 21: 19, 23: 19, 7: 4, 10: 4, 8: 5, 11: 5}[int(joint)]
    upper = {18: 16, 19: 17, 4: 1, 5: 2}[middle]
    end = joint
    if joint in (Joint.LEFT_FOOT, Joint.RIGHT_FOOT):
        end = Joint(joint - 3)
    reach = np.linalg.norm(here[middle] - here[upper]) + np.linalg.norm(here[end] - here[middle])
    towards = np.array(direction) + np.array([0.0, 0.0, 1e-3])
    towards = towards / np.linalg.norm(towards)
    target = here[upper] + share * reach * towards + (here[joint] - here[end])
    result = solve_limb(MODEL, betas, rotvecs, transl, joint, target, "limb")
    assert result.missing_m < 1e-3


@given(pose=poses(), joint=st.sampled_from((Joint.LEFT_WRIST, Joint.RIGHT_ANKLE)))
def test_an_unreachable_target_straightens_the_limb_and_says_what_is_missing(pose, joint):
    betas, rotvecs, transl = pose
    here = _joints(betas, rotvecs, transl)
    middle, upper = {20: (18, 16), 8: (5, 2)}[int(joint)]
    target = here[upper] + 3.0 * (here[joint] - here[upper]) / np.linalg.norm(
        here[joint] - here[upper]
    )
    result = solve_limb(MODEL, betas, rotvecs, transl, joint, target, "limb")
    moved = _joints(betas, result.rotvecs, result.transl)
    first, second = moved[middle] - moved[upper], moved[joint] - moved[middle]
    cosine = first @ second / (np.linalg.norm(first) * np.linalg.norm(second))
    assert cosine > 0.9999
    assert "cm missing" in result.note


@given(pose=poses(), joint=st.sampled_from((Joint.LEFT_ANKLE, Joint.RIGHT_FOOT)))
def test_the_sole_keeps_its_direction_in_the_world(pose, joint):
    betas, rotvecs, transl = pose
    transforms, joints = MODEL.joint_transforms(betas, rotvecs[None], transl[None])
    target = joints[0, joint] + np.array([0.1, -0.05, 0.12])
    result = solve_limb(MODEL, betas, rotvecs, transl, joint, target, "limb")
    after, _ = MODEL.joint_transforms(betas, result.rotvecs[None], result.transl[None])
    ankle = joint if joint in (7, 8) else joint - 3
    np.testing.assert_allclose(after[0, ankle, :3, :3], transforms[0, ankle, :3, :3], atol=1e-5)


@given(pose=poses(0.2), joint=st.sampled_from((Joint.HEAD, Joint.NECK, Joint.SPINE3)))
@settings(max_examples=30)
def test_the_trunk_shares_a_small_move_of_the_head(pose, joint):
    betas, rotvecs, transl = pose
    here = _joints(betas, rotvecs, transl)
    lowest = {Joint.HEAD: Joint.SPINE3, Joint.NECK: Joint.SPINE2, Joint.SPINE3: Joint.SPINE1}
    base = here[lowest[joint]]
    lever = here[joint] - base
    sideways = np.cross(lever, [0.3, 0.7, 0.1])
    sideways *= 0.03 / np.linalg.norm(sideways)
    target = base + (lever + sideways) * np.linalg.norm(lever) / np.linalg.norm(lever + sideways)
    result = solve_limb(MODEL, betas, rotvecs, transl, joint, target, "limb")
    assert result.missing_m < 1e-3
    result = solve_limb(MODEL, betas, rotvecs, transl, joint, target, "body")
    assert result.missing_m < 1e-3


def test_the_pelvis_takes_everybody_along_and_pinned_feet_stay(model):
    betas, transl = np.zeros(10), np.zeros(3)
    rotvecs = np.zeros((24, 3))
    rotvecs[Joint.LEFT_KNEE, 0] = rotvecs[Joint.RIGHT_KNEE, 0] = 0.6
    rotvecs[Joint.LEFT_HIP, 0] = rotvecs[Joint.RIGHT_HIP, 0] = -0.4
    here = _joints(betas, rotvecs, transl)
    target = here[Joint.PELVIS] + np.array([0.05, -0.06, 0.03])
    free = solve_limb(model, betas, rotvecs, transl, Joint.PELVIS, target)
    np.testing.assert_array_equal(free.rotvecs, rotvecs)
    np.testing.assert_allclose(free.transl, target - here[Joint.PELVIS], atol=1e-9)
    feet = {int(foot): here[foot] for foot in (Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE)}
    pinned = solve_limb(model, betas, rotvecs, transl, Joint.PELVIS, target, held=feet)
    moved = _joints(betas, pinned.rotvecs, pinned.transl)
    np.testing.assert_allclose(moved[Joint.PELVIS], target, atol=1e-5)
    for foot, at in feet.items():
        np.testing.assert_allclose(moved[foot], at, atol=1e-3)


def test_past_95_percent_of_its_reach_the_arm_is_helped_by_the_collar(model):
    betas, rotvecs, transl = np.zeros(10), np.zeros((24, 3)), np.zeros(3)
    rotvecs[Joint.LEFT_ELBOW, 1] = -0.9
    here = _joints(betas, rotvecs, transl)
    shoulder = here[Joint.LEFT_SHOULDER]
    reach = np.linalg.norm(here[18] - here[16]) + np.linalg.norm(here[20] - here[18])
    up = np.array([0.3, 0.9, 0.3]) / np.linalg.norm([0.3, 0.9, 0.3])
    near = solve_limb(model, betas, rotvecs, transl, 20, shoulder + 0.9 * reach * up)
    far = solve_limb(model, betas, rotvecs, transl, 20, shoulder + 1.03 * reach * up)
    assert np.array_equal(near.rotvecs[Joint.LEFT_COLLAR], np.zeros(3))
    assert np.linalg.norm(far.rotvecs[Joint.LEFT_COLLAR]) > 0.05
    assert far.missing_m < 1e-3


def test_a_straight_knee_bends_forwards_and_a_straight_elbow_too(model):
    betas, rotvecs, transl = np.zeros(10), np.zeros((24, 3)), np.zeros(3)
    here = _joints(betas, rotvecs, transl)
    for upper, end, hinge, sign in ((1, 7, Joint.LEFT_KNEE, 1), (16, 20, Joint.LEFT_ELBOW, -1)):
        target = here[upper] + 0.8 * (here[end] - here[upper])
        result = solve_limb(model, betas, rotvecs, transl, end, target)
        axis = 0 if hinge == Joint.LEFT_KNEE else 1
        assert sign * result.rotvecs[hinge, axis] > 0.5
        assert result.missing_m < 1e-3
        assert result.note == ""


def test_ranges_are_mirrored_and_a_backward_elbow_is_noted():
    for joint, reach in RANGES.items():
        assert RANGES[Joint(MIRROR[joint])].low_deg[0] == reach.low_deg[0]
    rotvecs = np.zeros((24, 3))
    assert beyond_range(rotvecs) == ()
    rotvecs[Joint.RIGHT_ELBOW, 1] = np.deg2rad(-50)
    found = beyond_range(rotvecs)
    assert [entry.joint for entry in found] == [Joint.RIGHT_ELBOW]
    assert found[0].note == "Right elbow is 40° beyond its usual range"
    assert excess_deg(Joint.LEFT_ELBOW, np.deg2rad([0.0, -50.0, 0.0])) == 0.0
