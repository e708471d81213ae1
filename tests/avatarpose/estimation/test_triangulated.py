import numpy as np

from avatarpose.estimation.triangulated import triangulate_many
from avatarpose.geometry.triangulation import triangulate
from tests.avatarpose.estimation.scenes import ring


def seen_by(cameras, points):
    return np.stack([camera.project_ideal(points) for camera in cameras], axis=1)


def test_exact_pixels_give_exact_points():
    cameras = list(ring(5))
    points = np.random.default_rng(0).uniform(-0.8, 0.8, (40, 3)) + np.array([0, 0, 1])
    found = triangulate_many(cameras, seen_by(cameras, points), np.ones((40, 5)))
    np.testing.assert_allclose(found.points, points, atol=1e-6)
    assert found.inliers.all()
    assert found.residual_px.max() < 1e-3


def test_views_that_disagree_are_left_out():
    cameras = list(ring(6))
    random = np.random.default_rng(1)
    points = random.uniform(-0.5, 0.5, (60, 3)) + np.array([0, 0, 1])
    pixels = seen_by(cameras, points)
    wrong = np.zeros((60, 6), bool)
    for row in range(60):
        wrong[row, random.choice(6, 2, replace=False)] = True
    pixels[wrong] += random.choice([-1, 1], (wrong.sum(), 2)) * random.uniform(60, 150)
    found = triangulate_many(cameras, pixels, np.ones((60, 6)))
    np.testing.assert_allclose(found.points, points, atol=1e-5)
    assert not (found.inliers & wrong).any()


def test_it_agrees_with_triangulation_of_single_points():
    cameras = list(ring(4))
    random = np.random.default_rng(2)
    points = random.uniform(-0.5, 0.5, (10, 3)) + np.array([0, 0, 1])
    pixels = seen_by(cameras, points) + random.normal(0, 1.0, (10, 4, 2))
    weights = random.uniform(0.3, 1.0, (10, 4))
    found = triangulate_many(cameras, pixels, weights)
    ideal = [camera.undistorted() for camera in cameras]
    for row in range(10):
        np.testing.assert_allclose(
            found.points[row], triangulate(ideal, pixels[row], weights[row]), atol=1e-6
        )


def test_one_view_gives_no_point():
    cameras = list(ring(3))
    pixels = seen_by(cameras, np.array([[0.0, 0.0, 1.0]]))
    found = triangulate_many(cameras, pixels, np.array([[1.0, 0.0, 0.0]]))
    assert np.isnan(found.points).all()
    assert np.isnan(found.residual_px).all()


def test_facing_cameras_give_no_point():
    first, second = ring(2)
    middle = (first.centre_world + second.centre_world) / 2
    pixels = seen_by([first, second], middle[None])
    found = triangulate_many([first, second], pixels, np.ones((1, 2)))
    assert np.isnan(found.points).all()
