from dataclasses import replace

import numpy as np
import pytest

from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.errors import SceneError
from avatarpose.estimation.association import label_detections
from avatarpose.estimation.body_fit import FreeBodies, stack_poses
from avatarpose.estimation.evidence import EXTRA_POINTS
from avatarpose.estimation.fitting import PointTracks, fit_to_points, initialise, shape_from_limbs
from avatarpose.evaluate.reprojection import reprojection_errors
from avatarpose.formats.detect import read_capture
from avatarpose.scene.layers import INITIAL
from tests.avatarpose.estimation.scenes import moving


def points_of(body, poses: dict) -> np.ndarray:
    """The evidence points of bodies, exactly."""
    count = len(next(iter(poses.values())))
    stack = stack_poses(poses, np.arange(count), np.arange(count) / 25.0)
    return FreeBodies(TorchSmpl(body), stack).points().evidence.detach().numpy().astype(float)


def surface_error_mm(body, found, true) -> float:
    a, b = body.posed_sequence(found).vertices_world, body.posed_sequence(true).vertices_world
    return float(1000 * np.linalg.norm(a - b, axis=-1).mean())


def test_bodies_pass_through_exact_points(body, two_people):
    points = points_of(body, two_people)
    tracks = PointTracks(points, np.ones(points.shape[:3]))
    present = {pid: np.ones(6, bool) for pid in two_people}
    found = fit_to_points(body, present, tracks, np.arange(6) / 25.0)
    for pid, poses in two_people.items():
        joints = body.skel19_sequence(found[pid]) - body.skel19_sequence(poses)
        assert 1000 * np.linalg.norm(joints, axis=-1).mean() < 4
        assert surface_error_mm(body, found[pid], poses) < 8


def test_shape_from_limbs_gives_limbs_their_lengths(body):
    poses = moving(0.0, 0.3, 4)
    points = points_of(body, {0: poses})[0]
    betas = shape_from_limbs(body, points)
    true, found = body.rest_joints(poses.betas), body.rest_joints(betas.astype(np.float32))
    mean = body.rest_joints(np.zeros(10, np.float32))
    for upper, lower in ((1, 4), (4, 7), (16, 18), (18, 20)):
        length = np.linalg.norm(true[upper] - true[lower])
        error = abs(np.linalg.norm(found[upper] - found[lower]) - length)
        assert error < 0.004 or error < 0.3 * abs(
            np.linalg.norm(mean[upper] - mean[lower]) - length
        )


def test_points_that_are_missing_or_wrong_do_no_harm(body, two_people):
    points = points_of(body, two_people)
    random = np.random.default_rng(0)
    points[random.random(points.shape[:3]) < 0.15] = np.nan
    points[0, 2, 16] += 0.6  # a left wrist somewhere else in one frame
    tracks = PointTracks(points, np.isfinite(points[..., 0]).astype(float))
    present = {pid: np.ones(6, bool) for pid in two_people}
    found = fit_to_points(body, present, tracks, np.arange(6) / 25.0)
    for pid, poses in two_people.items():
        gap = body.skel19_sequence(found[pid]) - body.skel19_sequence(poses)
        assert 1000 * np.linalg.norm(gap, axis=-1).mean() < 14
    gap = body.skel19_sequence(found[0]) - body.skel19_sequence(two_people[0])
    assert np.linalg.norm(gap[2, 16]) < 0.1


def test_keypoints_of_unknown_people_become_bodies(make_scene, two_people):
    scene = make_scene(two_people, noise_px=1.5)
    heard = []
    fitted = initialise(scene.changed(people=()), lambda share, words: heard.append((share, words)))
    assert len(fitted.people) == 2
    assert [share for share, _ in heard] == sorted(share for share, _ in heard)
    assert heard[-1][0] == pytest.approx(1.0)
    for person in fitted.people:
        assert person.shown == INITIAL
        poses = person.poses()
        distances = [
            1000
            * np.linalg.norm(
                scene.body.skel19_sequence(poses) - scene.body.skel19_sequence(true), axis=-1
            ).mean()
            for true in two_people.values()
        ]
        assert min(distances) < 10


def test_known_people_keep_names_and_layers_and_are_present_where_they_are_seen(make_scene):
    people = {0: moving(-0.4, 1.5, 1, 16), 1: moving(0.4, -1.5, 2, 16)}
    seen = np.arange(16) < 3  # then gone for longer than gaps are filled
    scene = label_detections(make_scene(people, views=3))
    hidden = {}
    for name, found in scene.detections.items():
        xyc = found.xyc.copy()
        xyc[(found.pid == 1) & ~seen[:, None]] = (np.nan, np.nan, 0.0)
        hidden[name] = replace(found, xyc=xyc)
    fitted = initialise(scene.changed(detections=hidden))
    np.testing.assert_array_equal(fitted.person(1).layer(INITIAL).poses.valid, seen)
    assert fitted.person(0).layer(INITIAL).poses.valid.all()
    for person in fitted.people:
        assert person.layer_names == ("truth", INITIAL)
        assert person.shown == "truth"


def test_one_view_is_not_enough(make_scene, two_people):
    with pytest.raises(SceneError) as raised:
        initialise(make_scene(two_people, views=1))
    assert "two" in raised.value.problem


def test_evidence_names_exist_on_the_body(body):
    assert all(name in body.vertex_ids for name in EXTRA_POINTS)


@pytest.mark.slow
def test_the_real_clip_gives_two_plausible_bodies(shared_clip):
    fitted = initialise(read_capture(shared_clip))
    man, woman = fitted.people
    for person in (man, woman):
        poses = person.poses()
        assert poses.valid.all()
        assert np.abs(poses.betas).max() < 4
        vertices = fitted.body.posed_sequence(poses, np.array([0, 50, 99])).vertices_world
        assert np.abs(vertices[..., 2].min(1)).max() < 0.2  # feet near the floor or the beam
    # calibration and detections disagree by 6.5 (man) and 15 pixels (woman) in the median
    errors = reprojection_errors(fitted, man.pid, man.poses())
    assert np.nanmedian(errors) < 13
    errors = reprojection_errors(fitted, woman.pid, woman.poses())
    assert np.nanmedian(errors) < 22
    height = [
        np.ptp(fitted.body.rest_vertices(person.poses().betas)[:, 1]) for person in (man, woman)
    ]
    assert 1.55 < height[0] < 1.95
    assert 1.2 < height[1] < 1.55
