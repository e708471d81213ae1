import numpy as np
import pytest

from avatarpose.body.skeleton import (
    BODY25_NAMES,
    BONES,
    KEYPOINT_SETS,
    MIRROR,
    PARENTS,
    SKEL19_FROM_BODY25,
    SKEL19_LIMBS,
    SKEL19_MIRROR,
    SKEL19_PARENTS,
    SMPL_OF_SKEL19,
    Joint,
    Skel19,
    descendants,
    keypoint_set,
    skel19_from,
)
from avatarpose.errors import FormatError


@pytest.mark.parametrize(("mirror", "joints"), [(MIRROR, Joint), (SKEL19_MIRROR, Skel19)])
def test_mirroring_twice_changes_nothing_and_once_swaps_left_and_right(mirror, joints):
    assert sorted(mirror) == list(range(len(joints)))
    for joint in joints:
        assert mirror[mirror[joint]] == joint
        swapped = joint.name.replace("LEFT", "?").replace("RIGHT", "LEFT").replace("?", "RIGHT")
        assert joints(mirror[joint]).name == swapped


@pytest.mark.parametrize(
    ("parents", "mirror"), [(PARENTS, MIRROR), (SKEL19_PARENTS, SKEL19_MIRROR)]
)
def test_the_mirrored_joint_hangs_on_the_mirrored_parent(parents, mirror):
    for joint, parent in enumerate(parents):
        if parent >= 0:
            assert parents[mirror[joint]] == mirror[parent]


def test_smpl_parents_come_before_their_children():
    assert PARENTS[0] == -1
    assert all(parent < joint for joint, parent in enumerate(PARENTS))
    assert len(BONES) == 23


def test_skel19_limbs_are_its_tree():
    assert sorted(SKEL19_LIMBS) == sorted(
        (parent, joint) for joint, parent in enumerate(SKEL19_PARENTS) if parent >= 0
    )


def test_descendants_are_the_subtree_of_a_joint():
    left_arm = {Joint.LEFT_SHOULDER, Joint.LEFT_ELBOW, Joint.LEFT_WRIST, Joint.LEFT_HAND}
    assert set(descendants(Joint.LEFT_SHOULDER)) == left_arm
    assert descendants(Joint.PELVIS) == tuple(range(24))
    assert descendants(Joint.HEAD) == (Joint.HEAD,)


def test_skel19_names_what_smpl_names_alike():
    for measured, joint in SMPL_OF_SKEL19.items():
        if measured is not Skel19.MID_HIP:
            assert measured.name == joint.name
    assert Skel19.LEFT_WRIST.label == Joint.LEFT_WRIST.label == "left wrist"


def test_skel19_of_body25_goes_by_name():
    for measured, index in zip(Skel19, SKEL19_FROM_BODY25, strict=True):
        assert BODY25_NAMES[index] == measured.label


def test_every_keypoint_set_maps_all_nineteen_joints_to_indices_it_has():
    for name, chosen in KEYPOINT_SETS.items():
        assert keypoint_set(name) is chosen
        assert len(chosen.skel19) == 19
        assert all(0 <= index < chosen.size for indices in chosen.skel19 for index in indices)


@pytest.mark.parametrize("name", sorted(KEYPOINT_SETS))
def test_left_and_right_of_a_set_are_never_the_same_keypoint(name):
    rows = keypoint_set(name).skel19
    for joint, mirrored in enumerate(SKEL19_MIRROR):
        if joint != mirrored and rows[joint]:
            assert set(rows[joint]).isdisjoint(rows[mirrored])


def test_a_set_that_is_skel19_passes_through():
    xyc = np.random.default_rng(0).uniform(0.1, 1.0, (3, 19, 3))
    np.testing.assert_array_equal(skel19_from(xyc, "skel19"), xyc)


def test_body25_and_halpe26_agree_on_the_same_person():
    body = {name: np.array([10.0 * i, 3.0 * i, 0.5]) for i, name in enumerate(BODY25_NAMES)}
    halpe = (
        "nose", "left eye", "right eye", "left ear", "right ear", "left shoulder",
        "right shoulder", "left elbow", "right elbow", "left wrist", "right wrist", "left hip",
        "right hip", "left knee", "right knee", "left ankle", "right ankle", "head", "neck",
        "mid hip", "left big toe", "right big toe", "left small toe", "right small toe",
        "left heel", "right heel",
    )  # fmt: skip
    by_body25 = skel19_from(np.stack([body[name] for name in BODY25_NAMES]), "body25")
    rows = [body.get(name, np.zeros(3)) for name in halpe]
    np.testing.assert_array_equal(skel19_from(np.stack(rows), "halpe26"), by_body25)


def test_coco_gets_neck_and_mid_hip_as_means_with_the_lower_confidence():
    xyc = np.ones((17, 3))
    xyc[5], xyc[6] = (10.0, 0.0, 0.9), (20.0, 4.0, 0.4)  # left and right shoulder
    joints = skel19_from(xyc, "coco17")
    np.testing.assert_allclose(joints[Skel19.NECK], (15.0, 2.0, 0.4))
    np.testing.assert_array_equal(joints[Skel19.LEFT_SHOULDER], xyc[5])
    for absent in (Skel19.LEFT_BIG_TOE, Skel19.RIGHT_BIG_TOE):
        np.testing.assert_array_equal(joints[absent], (np.nan, np.nan, 0.0))


def test_a_joint_without_confidence_is_missing():
    xyc = np.ones((25, 3))
    xyc[4] = (0.0, 0.0, 0.0)  # right wrist: OpenPose writes zeros for what it did not find
    joints = skel19_from(xyc, "body25")
    np.testing.assert_array_equal(joints[Skel19.RIGHT_WRIST], (np.nan, np.nan, 0.0))
    assert np.isfinite(np.delete(joints, Skel19.RIGHT_WRIST, axis=0)).all()


def test_an_unknown_set_is_refused_with_the_known_names():
    with pytest.raises(FormatError, match="body25"):
        keypoint_set("body26")
