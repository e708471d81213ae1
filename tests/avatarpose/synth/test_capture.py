import itertools

import numpy as np
import pytest

from avatarpose.errors import AvatarPoseError
from avatarpose.scene.layers import INITIAL, TRUTH
from avatarpose.synth.capture import SyntheticCapture, make_capture
from avatarpose.synth.scripts import SCRIPTS
from avatarpose.synth.toy_body import toy_body


def small_capture(script: str = "hug", **changes) -> SyntheticCapture:
    asked = {
        "people": 2, "views": 3, "frames": 4, "size": (64, 48), "seed": 3, "init_error_mm": 40.0
    } | changes  # fmt: skip
    return make_capture(script, body=toy_body(), **asked)


@pytest.fixture(scope="module")
def hug() -> SyntheticCapture:
    return small_capture()


@pytest.fixture(scope="module")
def longer_hug() -> SyntheticCapture:
    return small_capture(frames=24, size=(96, 72), views=4)


def test_the_same_seed_gives_the_same_bytes(hug):
    again = small_capture()
    for pid in hug.scene.pids:
        for name in (INITIAL, TRUTH):
            one, two = (c.scene.person(pid).layer(name).poses for c in (hug, again))
            assert one.rotvecs.tobytes() == two.rotvecs.tobytes()
            assert one.transl.tobytes() == two.transl.tobytes()
            assert one.betas.tobytes() == two.betas.tobytes()
    for camera in hug.scene.capture.rig.names:
        detections = [c.scene.detections[camera].xyc.tobytes() for c in (hug, again)]
        assert detections[0] == detections[1]
    for stream in ("images", "masks", "true_masks"):
        for one, two in zip(getattr(hug, stream)(), getattr(again, stream)(), strict=True):
            assert one[:2] == two[:2]
            assert one[2].tobytes() == two[2].tobytes()


def test_another_seed_gives_another_capture(hug):
    other = small_capture(seed=4)
    assert np.any(next(hug.images())[2] != next(other.images())[2])


def test_pictures_come_in_any_order_the_reader_likes(hug):
    backwards = {key[:2]: key[2] for key in hug.masks()}
    list(itertools.islice(hug.images(), 2))
    for camera, frame, labels in hug.masks():
        np.testing.assert_array_equal(labels, backwards[camera, frame])


def test_every_view_and_frame_has_a_picture_and_masks(hug):
    wanted = set(itertools.product(hug.scene.capture.rig.names, range(4)))
    assert {(camera, frame) for camera, frame, _ in hug.images()} == wanted
    assert {(camera, frame) for camera, frame, _ in hug.true_masks()} == wanted
    for _, _, picture in hug.images():
        assert picture.shape == (48, 64, 3)
        assert picture.dtype == np.uint8
        assert picture.std() > 10  # something is to be seen


def test_true_joints_lie_on_the_true_masks(hug):
    masks = {key[:2]: key[2] for key in hug.true_masks()}
    hits = total = 0
    for person in hug.scene.people:
        body = hug.scene.body.posed_sequence(person.layer(TRUTH).poses)
        for camera in hug.scene.capture.rig:
            pixels = np.round(camera.project(body.joints_world)).astype(int)
            for frame in range(4):
                labels = masks[camera.name, frame][pixels[frame, :, 1], pixels[frame, :, 0]]
                total += labels.size
                hits += int((labels > 0).sum())
                assert (labels == person.pid + 1).sum() > 4
    assert hits / total > 0.9  # wrists and toes are thinner than a pixel here


def test_disturbed_masks_resemble_the_true_ones(hug):
    for noisy, exact in zip(
        sorted(hug.masks(), key=lambda item: item[:2]),
        sorted(hug.true_masks(), key=lambda item: item[:2]),
        strict=True,
    ):
        both = (noisy[2] > 0) & (exact[2] > 0)
        either = (noisy[2] > 0) | (exact[2] > 0)
        assert 0.6 < both.sum() / either.sum() <= 1.0
        assert set(np.unique(noisy[2])) <= {0, 1, 2}


@pytest.mark.parametrize("error_mm", [8.0, 40.0, 80.0])
def test_the_initial_error_is_as_asked_for(error_mm):
    capture = small_capture(
        frames=12 if error_mm == 40 else 3, init_error_mm=error_mm, size=(32, 24), views=2
    )
    errors = []
    for person in capture.scene.people:
        initial, true = (
            capture.scene.body.skel19(capture.scene.body.posed_sequence(person.layer(name).poses))
            for name in (INITIAL, TRUTH)
        )
        errors.append(1000 * np.linalg.norm(initial - true, axis=-1).mean())
    assert np.mean(errors) == pytest.approx(error_mm, rel=0.05)
    assert capture.statistics.initial_error_mm == pytest.approx(np.mean(errors), rel=1e-3)
    assert np.any(
        capture.scene.person(0).layer(INITIAL).poses.betas
        != capture.scene.person(0).layer(TRUTH).poses.betas
    )


def winding_numbers(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """1 inside a closed surface, 0 outside (Van Oosterom and Strackee 1983)."""
    a, b, c = (vertices[faces[:, corner]][None] - points[:, None] for corner in range(3))
    la, lb, lc = (np.linalg.norm(corner, axis=-1) for corner in (a, b, c))
    volume = np.einsum("pfi,pfi->pf", a, np.cross(b, c))
    dots = [np.einsum("pfi,pfi->pf", one, two) for one, two in ((a, b), (b, c), (c, a))]
    below = la * lb * lc + dots[0] * lc + dots[1] * la + dots[2] * lb
    return np.arctan2(volume, below).sum(axis=1) / (2 * np.pi)


def test_people_touch_but_do_not_enter_one_another(longer_hug):
    scene = longer_hug.scene
    bodies = [
        scene.body.posed_sequence(person.layer(TRUTH).poses).vertices_world.astype(np.float64)
        for person in scene.people
    ]
    assert len(scene.contact_frames) > 8
    for frame in (0, 8, 16, 23):
        for one, other in ((0, 1), (1, 0)):
            points, surface = bodies[one][frame], bodies[other][frame]
            inside = winding_numbers(points, surface, scene.body.faces) > 0.5
            assert inside.mean() < 0.04
            apart = np.linalg.norm(points[inside][:, None] - surface[None], axis=-1)
            # To the nearest vertex; the toy body's are 6 cm apart.
            assert inside.sum() == 0 or apart.min(axis=1).max() < 0.065


def test_longer_captures_hold_a_gross_failure(longer_hug):
    assert len(longer_hug.statistics.failures) >= 1


def test_people_stand_on_the_floor(longer_hug):
    for person in longer_hug.scene.people:
        body = longer_hug.scene.body.posed_sequence(person.layer(TRUTH).poses)
        lowest = body.vertices_world[..., 2].min(axis=1)
        assert lowest.min() > -0.03
        assert lowest.max() < 0.06


def test_motion_is_smooth(longer_hug):
    for person in longer_hug.scene.people:
        body = longer_hug.scene.body.posed_sequence(person.layer(TRUTH).poses)
        acceleration = np.diff(body.joints_world, 2, axis=0) * 25**2
        assert np.median(np.linalg.norm(acceleration, axis=-1)) < 10.0  # m/s²


@pytest.mark.parametrize("people", [2, 3, 4])
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_runs_with_two_to_four_people(script, people):
    capture = small_capture(script, people=people, frames=2, size=(40, 32), views=2)
    assert capture.scene.pids == tuple(range(people))
    seen = set(np.unique(np.stack([labels for _, _, labels in capture.true_masks()])))
    assert seen == set(range(people + 1))
    _, _, picture = next(capture.images())
    assert picture.shape == (32, 40, 3)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"people": 1}, "2 to 4"),
        ({"people": 5}, "2 to 4"),
        ({"views": 1}, "views"),
        ({"frames": 0}, "frame"),
        ({"size": (4, 4)}, "pixels"),
        ({"seed": -1}, "seed"),
        ({"init_error_mm": -5.0}, "mm"),
        ({"script": "juggle"}, "juggle"),
    ],
)
def test_what_cannot_be_made_is_said_so(changes, word):
    script = changes.pop("script", "hug")
    with pytest.raises(AvatarPoseError, match=word):
        small_capture(script, **changes)
