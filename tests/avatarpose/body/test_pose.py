import numpy as np
import pytest

from avatarpose.body.pose import PoseSequence, frozen
from avatarpose.errors import SceneError
from tests.strategies import random_poses


def test_poses_cannot_be_changed_in_place_nor_from_outside():
    orient = np.zeros((2, 3), np.float32)
    poses = PoseSequence(
        np.zeros(10), orient, np.zeros((2, 69)), np.zeros((2, 3)), np.ones(2, bool)
    )
    orient[0, 0] = 1.0
    assert poses.global_orient[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        poses.body_pose[0, 0] = 1.0


def test_freezing_a_frozen_array_copies_nothing():
    array = frozen(np.arange(3.0))
    assert frozen(array) is array
    assert array.dtype == np.float32


def test_one_frame_is_replaced_and_the_others_stay():
    random = np.random.default_rng(1)
    poses = random_poses(random, 4, 0.3)
    rotvecs, transl = random.normal(size=(24, 3)), random.normal(size=3)
    changed = poses.with_frame(2, rotvecs, transl)
    np.testing.assert_allclose(changed.rotvecs[2], rotvecs, rtol=1e-6)
    np.testing.assert_allclose(changed.transl[2], transl, rtol=1e-6)
    others = [0, 1, 3]
    np.testing.assert_array_equal(changed.rotvecs[others], poses.rotvecs[others])
    np.testing.assert_array_equal(changed.transl[others], poses.transl[others])


def test_a_field_of_another_length_is_refused():
    with pytest.raises((SceneError, TypeError)):
        PoseSequence(
            np.zeros(10), np.zeros((2, 3)), np.zeros((3, 69)), np.zeros((2, 3)), np.ones(2, bool)
        )


def test_the_rest_pose_is_valid_and_unbent():
    rest = PoseSequence.rest(3)
    assert len(rest) == 3
    assert rest.valid.all()
    assert not rest.rotvecs.any()
