import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from avatarpose.body.skeleton import Skel19
from avatarpose.evaluate.pose_metrics import (
    acceleration_errors_mm_s2,
    limbs_correct,
    match_people,
    procrustes_errors_mm,
    root_aligned_errors_mm,
    world_errors_mm,
)
from avatarpose.geometry.rotation import matrix_from_rotvec
from tests.strategies import rotvecs, vectors


def skeleton(seed: int, frames: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.5, (frames, 19, 3))


def test_a_shift_of_3_and_4_centimetres_is_50_millimetres():
    true = skeleton(0)
    errors = world_errors_mm(true + np.array([0.03, 0.04, 0.0]), true)
    np.testing.assert_allclose(errors, 50.0)


def test_an_absent_person_has_no_error():
    true = skeleton(0, 2)
    estimated = true.copy()
    estimated[1] = np.nan
    for errors in (
        world_errors_mm(estimated, true),
        root_aligned_errors_mm(estimated, true),
        procrustes_errors_mm(estimated, true),
    ):
        assert np.isfinite(errors[0]).all()
        assert np.isnan(errors[1]).all()
    assert not limbs_correct(estimated, true)[1].any()


@given(shift=vectors(-5.0, 5.0))
def test_root_alignment_forgives_every_shift_but_not_a_wrong_wrist(shift):
    true = skeleton(1)
    estimated = true + shift
    estimated[0, Skel19.LEFT_WRIST] += [0.0, 0.1, 0.0]
    errors = root_aligned_errors_mm(estimated, true)[0]
    np.testing.assert_allclose(errors[Skel19.LEFT_WRIST], 100.0, atol=1e-6)
    np.testing.assert_allclose(np.delete(errors, Skel19.LEFT_WRIST), 0.0, atol=1e-6)


@given(rotvec=rotvecs(), shift=vectors(-3.0, 3.0), scale=st.floats(0.3, 3.0))
def test_procrustes_forgives_every_similarity(rotvec, shift, scale):
    true = skeleton(2)
    estimated = scale * true @ matrix_from_rotvec(rotvec).T + shift
    np.testing.assert_allclose(procrustes_errors_mm(estimated, true), 0.0, atol=1e-6)


def test_procrustes_does_not_mirror():
    true = skeleton(3)
    assert procrustes_errors_mm(true * [-1, 1, 1], true).mean() > 50


def test_procrustes_is_never_worse_than_the_world():
    true = skeleton(4, 20)
    estimated = true + np.random.default_rng(0).normal(0, 0.05, true.shape)
    aligned = (procrustes_errors_mm(estimated, true) ** 2).sum(1)
    world = (world_errors_mm(estimated, true) ** 2).sum(1)
    assert (aligned <= world + 1e-9).all()


def test_a_limb_is_wrong_when_its_ends_are_off_by_half_its_length_on_average():
    true = np.zeros((1, 19, 3))
    true[0, :, 0] = np.arange(19)  # limbs have the lengths of index differences
    estimated = true.copy()
    length = float(Skel19.RIGHT_WRIST - Skel19.RIGHT_ELBOW)  # the only limb of the wrist
    estimated[0, Skel19.RIGHT_WRIST, 1] = 0.99 * length  # half of it on average: right
    assert limbs_correct(estimated, true).all()
    estimated[0, Skel19.RIGHT_WRIST, 1] = 1.01 * length
    correct = limbs_correct(estimated, true)
    assert correct.sum() == 17


def test_constant_velocity_errors_have_no_acceleration():
    true = skeleton(5, 6)
    estimated = true + 0.01 * np.arange(6)[:, None, None]
    np.testing.assert_allclose(acceleration_errors_mm_s2(estimated, true, 25.0), 0.0, atol=1e-6)


def test_a_jump_of_1_mm_in_one_frame_at_10_hz_is_100_mm_s2_beside_it_and_200_in_it():
    true = np.zeros((5, 1, 3))
    estimated = true.copy()
    estimated[2, 0, 0] = 0.001
    found = acceleration_errors_mm_s2(estimated, true, 10.0)[:, 0]
    np.testing.assert_allclose(found, [100.0, 200.0, 100.0])


def test_two_frames_have_no_acceleration():
    assert acceleration_errors_mm_s2(skeleton(0, 2), skeleton(1, 2), 25.0).shape == (0, 19)


def test_unknown_people_are_matched_with_a_miss_and_a_false_person_far_away():
    a, b, c = (
        skeleton(6, 2),
        skeleton(6, 2) + np.array([1.0, 0, 0]),
        skeleton(6, 2) + np.array([0, 9.0, 0]),
    )
    true = np.stack([a, b, c])
    far = a + np.array([0, 0, 30.0])
    found = match_people(np.stack([far, b + 0.01, a - 0.01]), true)
    np.testing.assert_array_equal(found, [[2, 2], [1, 1], [-1, -1]])


def test_each_estimate_serves_one_person_only():
    true = np.stack([skeleton(7), skeleton(7) + np.array([0.1, 0, 0])])
    found = match_people(true[:1] + 0.01, true)
    assert sorted(found[:, 0]) == [-1, 0]
