import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rasteriser import rasterise
from avatarpose.geometry.silhouette import project_surface, rough_depth, silhouette

K = np.array([[300.0, 2.0, 100], [0, 310, 80], [0, 0, 1]])
BENT = np.array([-0.12, 0.03, 0.002, -0.001, 0.01, 0.0, 0.0, 0.0])


@given(seed=st.integers(0, 10**6))
def test_pixels_and_depths_are_those_of_the_camera(seed: int):
    generator = np.random.default_rng(seed)
    camera = Camera("c", 200, 160, K, np.eye(4), BENT)
    points = generator.normal(0, 0.4, (50, 3)) + np.array([0, 0, 1.0])
    pixels, depth = project_surface(camera, points)
    truth = camera.project(points)
    np.testing.assert_allclose(depth, camera.depth(points), atol=1e-5)
    in_front = depth > 0.3
    np.testing.assert_allclose(pixels[in_front], truth[in_front], rtol=1e-4, atol=0.02)
    assert np.isnan(pixels[depth < 0]).all()


@given(seed=st.integers(0, 10**6))
def test_the_silhouette_is_what_the_rasteriser_covers(seed: int):
    generator = np.random.default_rng(seed)
    pixels = generator.uniform(-10, 60, (30, 2)).astype(np.float32)
    pixels[3] = np.nan
    depth = np.ones(30, np.float32)
    faces = generator.integers(0, 30, (12, 3))
    mask = silhouette(pixels, faces, 48, 40)
    face, _, _ = rasterise(pixels, depth, faces, 48, 40)
    assert np.mean((mask > 0) != (face >= 0)) < 0.005  # edges through pixel centres


def test_rough_depth_keeps_the_nearest_point_of_a_pixel():
    pixels = np.array([[1.2, 2.4], [0.8, 1.6], [9.0, 9.0], [np.nan, 0.0]], np.float32)
    found = rough_depth(pixels, np.array([3.0, 2.0, 1.0, 1.0], np.float32), 4, 4)
    assert found[2, 1] == 2.0
    assert np.isinf(found).sum() == 15
