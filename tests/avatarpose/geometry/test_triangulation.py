import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rigid import look_at
from avatarpose.geometry.triangulation import epipolar_curve, largest_ray_angle, triangulate
from tests.strategies import cameras, vectors

POINTS = vectors(-0.3, 0.3).map(lambda offset: offset + np.array([0.0, 0.0, 1.0]))


def _spread(chosen, point) -> float:
    rays = np.stack([point - camera.centre_world for camera in chosen])
    return largest_ray_angle(rays / np.linalg.norm(rays, axis=-1, keepdims=True))


@settings(max_examples=50)
@given(st.lists(cameras(), min_size=2, max_size=5), POINTS)
def test_exact_pixels_give_the_point_back(chosen, point):
    pixels = np.stack([camera.project(point) for camera in chosen])
    assume(all(camera.is_inside(pixel) for camera, pixel in zip(chosen, pixels, strict=True)))
    assume(_spread(chosen, point) > 0.1)
    found = triangulate(chosen, pixels, np.ones(len(chosen)))
    np.testing.assert_allclose(found, point, atol=1e-4)


@given(POINTS, st.integers(0, 5), st.floats(30.0, 200.0), st.floats(0.0, 6.28))
def test_one_view_that_is_far_off_pulls_less_than_its_share(point, liar, off_px, towards):
    ring = [
        Camera("c", 640, 480, np.diag([700.0, 700.0, 1.0]), look_at(centre, np.array([0, 0, 1.0])))
        for centre in (
            np.array([3 * np.cos(around), 3 * np.sin(around), 1.3])
            for around in np.linspace(0, 2 * np.pi, 6, endpoint=False)
        )
    ]
    pixels = np.stack([camera.project(point) for camera in ring])
    pixels[liar] += off_px * np.array([np.cos(towards), np.sin(towards)])
    robust = triangulate(ring, pixels, np.ones(6), huber_px=2.0)
    plain = triangulate(ring, pixels, np.ones(6), huber_px=1e9)
    assert np.linalg.norm(robust - point) < 0.3 * np.linalg.norm(plain - point)
    weights = np.ones(6)
    weights[liar] = 0.0
    np.testing.assert_allclose(triangulate(ring, pixels, weights), point, atol=1e-6)


@given(cameras(), cameras())
def test_fewer_than_two_usable_views_give_no_point(first, second):
    point = np.array([0.0, 0.0, 1.0])
    pixels = np.stack([first.project(point), second.project(point)])
    assert np.isnan(triangulate([first, second], pixels, np.array([1.0, 0.0]))).all()
    pixels[1] = np.nan
    assert np.isnan(triangulate([first, second], pixels, np.ones(2))).all()


@settings(max_examples=50)
@given(cameras(), cameras(), POINTS)
def test_the_epipolar_curve_runs_through_the_projection(held, other, point):
    pixel = held.project(point)
    assume(held.is_inside(pixel))
    depth = float(held.depth(point))
    curve = epipolar_curve(held, pixel, other, np.array([0.5 * depth, depth, 1.5 * depth]))
    np.testing.assert_allclose(curve[1], other.project(point), atol=1e-2)


def test_ray_angles_are_those_of_lines():
    x, y = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    assert largest_ray_angle(np.stack([x, y])) == np.pi / 2
    assert largest_ray_angle(np.stack([x, -x])) == 0.0
    assert largest_ray_angle(x[None]) == 0.0
