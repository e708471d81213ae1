import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from app.views.orbit_camera import FAR_M, NEAR_M, LookThrough, OrbitCamera
from tests.strategies import cameras, vectors

SIZES = st.integers(80, 2000)


@st.composite
def orbits(draw: st.DrawFn) -> OrbitCamera:
    return OrbitCamera(
        target_world=draw(vectors(-2.0, 2.0)),
        distance_m=draw(st.floats(0.5, 20.0)),
        azimuth_rad=draw(st.floats(-6.0, 6.0)),
        elevation_rad=draw(st.floats(-1.5, 1.5)),
    )


def _pixel_by_clip(view, point) -> np.ndarray:
    clip = view.clip_from_world @ np.array([*point, 1.0])
    ndc = clip[:3] / clip[3]
    assert -1 <= ndc[2] <= 1
    return np.array([(ndc[0] + 1) * view.width / 2, (1 - ndc[1]) * view.height / 2])


@given(orbits(), SIZES, SIZES, vectors(-0.4, 0.4))
def test_opengl_draws_a_point_where_numpy_picks_it(camera, width, height, offset):
    view = camera.viewpoint(width, height)
    point = camera.target_world + offset
    assume(NEAR_M < view.depth(point) < FAR_M)
    np.testing.assert_allclose(_pixel_by_clip(view, point), view.project(point), atol=1e-6)
    ray = view.ray(view.project(point))
    np.testing.assert_allclose(np.cross(ray, point - view.eye_world), 0, atol=1e-6)


@given(orbits(), SIZES, SIZES)
def test_the_target_is_in_the_middle_and_the_horizon_is_level(camera, width, height):
    view = camera.viewpoint(width, height)
    middle = np.array([width / 2, height / 2])
    np.testing.assert_allclose(view.project(camera.target_world), middle, atol=1e-6)
    assert abs(view.right_world[2]) < 1e-12
    assert view.down_world[2] < 0
    turn = view.camera_from_world[:3, :3]
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(turn) > 0


@given(orbits(), st.floats(0.5, 2.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_zooming_keeps_what_is_under_the_cursor(camera, factor, across, down):
    width, height = 640, 480
    pixel = np.array([across * width, down * height])
    view = camera.viewpoint(width, height)
    ray = view.ray(pixel)
    point = view.eye_world + camera.distance_m / (ray @ view.forward_world) * ray
    after = camera.zoomed(factor, pixel, width, height).viewpoint(width, height)
    np.testing.assert_allclose(after.project(point), pixel, atol=1e-5)


@given(orbits(), vectors(-100.0, 100.0))
def test_panning_moves_the_target_with_the_cursor(camera, push):
    before = camera.viewpoint(640, 480)
    after = camera.panned(push[:2], 480).viewpoint(640, 480)
    moved = after.project(camera.target_world) - before.project(camera.target_world)
    np.testing.assert_allclose(moved, push[:2], atol=1e-6)


@given(orbits(), vectors(-100.0, 100.0))
def test_orbiting_keeps_distance_and_target(camera, push):
    after = camera.orbited(push[:2])
    eye = after.viewpoint(640, 480).eye_world
    np.testing.assert_allclose(np.linalg.norm(eye - camera.target_world), camera.distance_m)


@given(orbits(), SIZES, SIZES, st.lists(vectors(-2.0, 2.0), min_size=1, max_size=6))
def test_framing_brings_every_point_into_the_picture(camera, width, height, points):
    stack = np.stack(points)
    pixels = camera.framing(stack, width, height).viewpoint(width, height).project(stack)
    assert ((pixels >= -1e-6) & (pixels <= np.array([width, height]) + 1e-6)).all()


@given(cameras(), SIZES, SIZES, vectors(-0.3, 0.3))
def test_looking_through_a_camera_puts_points_on_its_undistorted_picture(
    camera, width, height, offset
):
    look = LookThrough(camera)
    left, top, wide, high = look.picture_rectangle(width, height)
    point = np.array([0.0, 0.0, 1.0]) + offset
    share = (camera.project_ideal(point) + 0.5) / np.array([camera.width, camera.height])
    expected = np.array([left, top]) + share * np.array([wide, high])
    view = look.viewpoint(width, height)
    np.testing.assert_allclose(view.project(point), expected, atol=1e-6)
    np.testing.assert_allclose(_pixel_by_clip(view, point), expected, atol=1e-5)
    np.testing.assert_allclose(view.eye_world, camera.centre_world, atol=1e-9)


@given(cameras(), st.floats(0.4, 2.5), st.floats(0.0, 640.0), st.floats(0.0, 480.0))
def test_zooming_the_picture_keeps_what_is_under_the_cursor(camera, factor, x, y):
    look = LookThrough(camera)
    pixel = np.array([x, y])
    point = np.array([0.1, 0.1, 1.0])
    before, after = (
        look.viewpoint(640, 480),
        look.zoomed(factor, pixel, 640, 480).viewpoint(640, 480),
    )
    np.testing.assert_allclose(
        after.project(point) - pixel, (before.project(point) - pixel) / factor, atol=1e-5
    )
