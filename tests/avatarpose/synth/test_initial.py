import numpy as np
import pytest

from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import Joint
from avatarpose.synth.initial import measured_joints, spoil
from avatarpose.synth.toy_body import toy_body

FRAMES = 24


@pytest.fixture(scope="module")
def truth() -> list[PoseSequence]:
    rng = np.random.default_rng(0)
    people = []
    for person in range(2):
        rest = PoseSequence.rest(FRAMES, 0.3 * rng.standard_normal(10))
        turned = rest.rotvecs + 0.2 * rng.standard_normal((1, 24, 3)).astype(np.float32)
        people.append(rest.with_frames(np.arange(FRAMES), turned, rest.transl + 0.4 * person))
    return people


def test_measured_joints_are_skel19(truth):
    body = toy_body()
    np.testing.assert_allclose(
        measured_joints(body, truth[0]), body.skel19(body.posed_sequence(truth[0])), atol=1e-5
    )


def test_errors_last_from_frame_to_frame_and_are_larger_in_contact(truth):
    contact = np.arange(FRAMES) >= FRAMES // 2
    late = early = 0.0
    for seed in range(6):
        fits = spoil(toy_body(), truth, contact, 15.0, np.random.default_rng(seed))
        for fit, true in zip(fits.poses, truth, strict=True):
            error = measured_joints(toy_body(), fit) - measured_joints(toy_body(), true)
            step = np.linalg.norm(np.diff(error, axis=0), axis=-1).mean()
            assert step < 0.6 * np.linalg.norm(error, axis=-1).mean()
            size = np.linalg.norm(error, axis=-1).mean(axis=1)
            late += size[contact].mean()
            early += size[~contact].mean()
    assert late > 1.1 * early


def test_gross_failures_put_a_joint_on_somebody_else_or_turn_the_body(truth):
    contact = np.ones(FRAMES, bool)
    fits = spoil(toy_body(), truth, contact, 45.0, np.random.default_rng(1))
    limbs = [failure for failure in fits.failures if failure.what != "heading"]
    assert limbs
    for failure in limbs:
        joint = Joint[failure.what.upper().replace(" ", "_")]
        _, fitted = toy_body().joint_transforms(
            fits.poses[failure.person].betas,
            fits.poses[failure.person].rotvecs,
            fits.poses[failure.person].transl,
        )
        _, right = toy_body().joint_transforms(
            truth[failure.person].betas,
            truth[failure.person].rotvecs,
            truth[failure.person].transl,
        )
        stretch = slice(failure.first, failure.first + failure.frames)
        wrong = np.linalg.norm(fitted[stretch, joint] - right[stretch, joint], axis=-1)
        assert wrong.mean() > 0.10


def test_good_or_short_fits_have_no_gross_failures(truth):
    contact = np.ones(FRAMES, bool)
    assert spoil(toy_body(), truth, contact, 10.0, np.random.default_rng(0)).failures == ()


def test_no_error_is_no_error(truth):
    fits = spoil(toy_body(), truth, np.ones(FRAMES, bool), 0.0, np.random.default_rng(0))
    assert fits.error_mm < 0.01
