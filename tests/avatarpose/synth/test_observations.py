import numpy as np
import pytest

from avatarpose.body.skeleton import SKEL19_FROM_BODY25
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rigid import look_at
from avatarpose.synth.observations import (
    Sight,
    body25,
    detect,
    detector_bias,
    disturbed_mask,
    look,
)
from avatarpose.synth.toy_body import toy_body

FRAMES = 300
CAMERA = Camera(
    name="1",
    width=640,
    height=640,
    pixel_from_camera=np.array([[750.0, 0, 320], [0, 750.0, 320], [0, 0, 1]]),
    camera_from_world=look_at(np.array([3.0, 0, 1.0]), np.array([0, 0, 1.0])),
)
NOBODY_TOUCHES = np.zeros(FRAMES, bool)


def sight(*, hidden: bool) -> Sight:
    """Two people that stand still, wholly in view or wholly hidden by each other."""
    rng = np.random.default_rng(0)
    pixels = np.broadcast_to(rng.uniform(100, 540, (2, 1, 25, 2)), (2, FRAMES, 25, 2))
    whole = np.ones((2, FRAMES, 25), bool)
    return Sight(pixels, whole, whole & hidden, whole & False)


def errors_px(seen: Sight, found: np.ndarray) -> np.ndarray:
    """Distance of each detection to the nearer of the two people's true joints."""
    apart = np.linalg.norm(found[:, :, None, :, :2] - seen.pixels.swapaxes(0, 1)[:, None], axis=-1)
    with np.errstate(invalid="ignore"):
        return apart.min(axis=2)


def test_visible_joints_are_found_within_pixels_and_hardly_ever_missed():
    seen = sight(hidden=False)
    found = detect(CAMERA, seen, NOBODY_TOUCHES, np.random.default_rng(1))
    distance = errors_px(seen, found.xyc)
    assert found.keypoint_set == "body25"
    assert (found.pid == -1).all()
    assert np.isnan(distance).mean() == pytest.approx(0.01, abs=0.005)
    assert np.nanmedian(distance) == pytest.approx(1.5 * 0.59 * np.sqrt(2), rel=0.35)
    assert np.nanmean(distance > 25) < 0.08  # swapped limbs


def test_hidden_joints_are_worse_rarer_and_less_sure():
    clear, covered = sight(hidden=False), sight(hidden=True)
    good = detect(CAMERA, clear, NOBODY_TOUCHES, np.random.default_rng(1)).xyc
    bad = detect(CAMERA, covered, NOBODY_TOUCHES, np.random.default_rng(1)).xyc
    assert np.isnan(bad[..., 0]).mean() > 0.3
    assert np.nanmedian(errors_px(covered, bad)) > 3 * np.nanmedian(errors_px(clear, good))
    assert np.nanmedian(bad[..., 2][bad[..., 2] > 0]) < np.median(good[..., 2])


def test_missing_joints_are_nan_with_confidence_zero():
    found = detect(CAMERA, sight(hidden=True), NOBODY_TOUCHES, np.random.default_rng(2)).xyc
    missing = np.isnan(found[..., 0])
    assert missing.any()
    assert (found[missing][:, 2] == 0).all()
    assert (found[~missing][:, 2] > 0).all()


def test_the_order_of_people_changes_from_frame_to_frame():
    seen = sight(hidden=False)
    found = detect(CAMERA, seen, NOBODY_TOUCHES, np.random.default_rng(3)).xyc
    first = np.linalg.norm(found[:, 0, 0, :2] - seen.pixels[0, :, 0], axis=-1) < 30
    assert 0.3 < first.mean() < 0.7


def test_limbs_are_swapped_now_and_then():
    seen = sight(hidden=False)
    found = detect(CAMERA, seen, NOBODY_TOUCHES, np.random.default_rng(4)).xyc
    wrists = found[:, :, [4, 7], :2]
    swapped = np.stack([seen.pixels[:, :, 7], seen.pixels[:, :, 4]], axis=2).swapaxes(0, 1)
    apart = np.linalg.norm(wrists[:, :, None] - swapped[:, None], axis=-1).min(axis=2)
    assert 0.0 < np.nanmean((apart < 15).all(axis=-1)) < 0.15


def test_joints_are_put_on_somebody_else_only_in_contact():
    seen = sight(hidden=False)
    own = seen.pixels[0, 0, 4]
    touching = detect(CAMERA, seen, ~NOBODY_TOUCHES, np.random.default_rng(5)).xyc
    apart = detect(CAMERA, seen, NOBODY_TOUCHES, np.random.default_rng(5)).xyc
    assert own is not None
    assert np.nanmax(np.abs(touching - apart)[..., :2]) > 30


def test_the_detector_means_points_a_centimetre_off_the_same_way_in_every_frame():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(5, 25, 3))
    turns = np.stack([np.eye(3)] * 5)
    offset = detector_bias(points, turns, rng) - points
    length = np.linalg.norm(offset, axis=-1)
    assert length.min() >= 0.0039
    assert length.max() <= 0.0121
    np.testing.assert_allclose(offset, np.broadcast_to(offset[:1], offset.shape), atol=1e-9)


def test_body25_agrees_with_skel19():
    body = toy_body()
    posed = body.posed(np.zeros(10), np.zeros((2, 24, 3), np.float32), np.zeros((2, 3)))
    points = body25(body, posed)
    np.testing.assert_allclose(points[:, list(SKEL19_FROM_BODY25)], body.skel19(posed), atol=1e-6)
    assert np.isfinite(points).all()


def test_a_joint_behind_somebody_else_is_hidden_by_the_other():
    joints = np.full((2, 1, 25, 3), np.nan)
    joints[0, 0, 4] = (0.0, 0.0, 1.0)  # 3 m away
    joints[1, 0, 4] = (1.0, 0.0, 1.0)  # 2 m away
    nearest = np.full((1, 640, 640), 1.95)
    person = np.ones((1, 640, 640), int)
    seen = look(CAMERA, joints, nearest, person)
    assert seen.by_other[0, 0, 4]
    assert not seen.by_other[1, 0, 4]
    assert not seen.by_self[1, 0, 4]


def test_a_disturbed_mask_keeps_most_of_the_people():
    labels = np.zeros((320, 240), np.uint8)
    labels[60:280, 60:120], labels[60:280, 120:180] = 1, 2
    for seed in range(5):
        noisy = disturbed_mask(labels, np.random.default_rng(seed))
        assert 0.9 < (noisy == labels).mean() < 1.0
        assert set(np.unique(noisy)) <= {0, 1, 2}
