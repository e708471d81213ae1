import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatarpose.geometry.rotation import matrix_from_rotvec
from avatarpose.scene.layers import EditLayer, KeyOffset
from tests.strategies import random_poses, vectors

COUNT = 14


def _key(seed: int, ease: int = 0, hold: tuple[int, int] | None = None) -> KeyOffset:
    random = np.random.default_rng(seed)
    return KeyOffset(random.normal(0, 0.5, (24, 3)), random.normal(0, 0.3, 3), ease, hold)


def _matrices(poses) -> np.ndarray:
    return matrix_from_rotvec(poses.rotvecs.astype(np.float64))


POSES = random_poses(np.random.default_rng(2), COUNT, 0.5)
KEYS = st.dictionaries(st.integers(0, COUNT - 1), st.integers(0, 6), min_size=1, max_size=4)


@given(KEYS)
def test_keyed_frames_are_exactly_source_and_offset_whatever_other_keys_do(eases):
    keys = {index: _key(index, ease) for index, ease in eases.items()}
    shown = EditLayer(keys).apply(POSES)
    for index, key in keys.items():
        turned = matrix_from_rotvec(key.rotvecs) @ matrix_from_rotvec(POSES.rotvecs[index])
        np.testing.assert_allclose(_matrices(shown)[index], turned, atol=2e-5)
        np.testing.assert_allclose(shown.transl[index], POSES.transl[index] + key.transl, atol=1e-6)


@given(KEYS)
def test_frames_beyond_every_ease_are_the_sources(eases):
    edit = EditLayer({index: _key(index, ease) for index, ease in eases.items()})
    far = np.ones(COUNT, bool)
    for index, ease in eases.items():
        far[max(0, index - ease) : index + ease + 1] = False
    shown = edit.apply(POSES)
    np.testing.assert_array_equal(shown.rotvecs[far], POSES.rotvecs[far])
    np.testing.assert_array_equal(shown.transl[far], POSES.transl[far])
    assert not edit.touched(COUNT)[far].any()
    assert edit.touched(COUNT)[~far].all()


@given(st.integers(0, 10), st.integers(-12, 12))
def test_the_ease_fades_monotonically_and_alike_on_both_sides(ease, away):
    key = _key(0, ease)
    weight = key.weight(20, 20 + away)
    assert 0.0 <= weight <= 1.0
    assert weight == key.weight(20, 20 - away)
    assert key.weight(20, 20 + abs(away) + 1) <= weight
    assert (weight > 0) == (abs(away) <= ease)
    assert key.weight(20, 20) == 1.0


def test_an_offset_is_held_at_full_strength_over_its_range_and_eases_beyond():
    key = _key(0, ease=2, hold=(5, 8))
    weights = [key.weight(6, index) for index in range(COUNT)]
    assert weights[5:9] == [1.0] * 4
    assert weights[4] == weights[9] == pytest.approx(0.75)
    assert weights[3] == weights[10] == pytest.approx(0.25)
    assert weights[:3] == [0.0] * 3
    assert weights[11:] == [0.0] * 3
    shown = EditLayer({6: key}).apply(POSES)
    expected = POSES.transl[5:9] + key.transl
    np.testing.assert_allclose(shown.transl[5:9], expected, atol=1e-6)


@given(KEYS)
def test_overlapping_eases_never_add_up_to_more_than_one_offset(eases):
    shift = np.array([0.2, 0.0, 0.0])
    keys = {index: KeyOffset(np.zeros((24, 3)), shift, ease) for index, ease in eases.items()}
    moved = EditLayer(keys).apply(POSES).transl - POSES.transl
    assert (moved[:, 0] <= 0.2 + 1e-6).all()
    assert (moved[:, 0] >= -1e-6).all()


@given(vectors(-0.4, 0.4))
def test_untouched_joints_stay_bit_for_bit(offset):
    rotvecs = np.zeros((24, 3))
    rotvecs[18] = offset
    shown = EditLayer({3: KeyOffset(rotvecs, np.zeros(3), 4)}).apply(POSES)
    others = [joint for joint in range(24) if joint != 18]
    np.testing.assert_array_equal(shown.rotvecs[:, others], POSES.rotvecs[:, others])


def test_the_pose_at_one_frame_is_that_of_the_whole_sequence():
    edit = EditLayer({3: _key(1, 4), 8: _key(2, 2, (7, 9))})
    shown = edit.apply(POSES)
    for index in range(COUNT):
        rotvecs, transl = edit.pose_at(POSES, index)
        np.testing.assert_allclose(
            matrix_from_rotvec(rotvecs), matrix_from_rotvec(shown.rotvecs[index]), atol=1e-5
        )
        np.testing.assert_allclose(transl, shown.transl[index], atol=1e-6)


def test_an_empty_edit_shows_the_source_itself():
    assert EditLayer().is_empty
    assert EditLayer().apply(POSES) is POSES


def test_a_shape_offset_is_added_to_the_sources_shape():
    shown = EditLayer(betas=np.full(10, 0.5)).apply(POSES)
    np.testing.assert_allclose(shown.betas, POSES.betas + 0.5, rtol=1e-6)


def test_the_keys_of_an_edit_cannot_be_changed_from_outside():
    keys = {3: _key(1)}
    edit = EditLayer(keys)
    keys[4] = _key(2)
    assert list(edit.keys) == [3]
    with pytest.raises(TypeError):
        edit.keys[5] = _key(3)
