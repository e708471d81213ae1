from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatarpose.errors import AvatarPoseError
from avatarpose.geometry.camera import Camera, Rig, natural_key
from avatarpose.geometry.rigid import invert, look_at
from tests.strategies import cameras, pixels_of, vectors


def _without_skew(camera: Camera) -> Camera:
    """OpenCV's intrinsic matrix has no skew: left out where OpenCV is the oracle."""
    k = camera.pixel_from_camera.copy()
    k[0, 1] = 0.0
    return replace(camera, pixel_from_camera=k)


def _opencv_distorted(camera: Camera, ideal: np.ndarray) -> np.ndarray:
    k = camera.pixel_from_camera
    ray = np.linalg.inv(k) @ np.array([*ideal, 1.0])
    seen, _ = cv2.projectPoints(ray[None, None], np.zeros(3), np.zeros(3), k, camera.distortion)
    return seen[0, 0]


@given(cameras(), vectors(-0.4, 0.4))
def test_projection_equals_opencvs(camera, offset):
    camera = _without_skew(camera)
    point = offset + np.array([0.0, 0.0, 1.0])
    pose = camera.camera_from_world
    expected, _ = cv2.projectPoints(
        point[None, None],
        cv2.Rodrigues(pose[:3, :3])[0],
        pose[:3, 3],
        camera.pixel_from_camera,
        camera.distortion,
    )
    np.testing.assert_allclose(camera.project(point), expected[0, 0], atol=1e-6)


@given(cameras(), st.data())
def test_undistortion_undoes_opencvs_distortion(camera, data):
    camera = _without_skew(camera)
    pixel = data.draw(pixels_of(camera))
    np.testing.assert_allclose(_opencv_distorted(camera, camera.undistort(pixel)), pixel, atol=1e-4)


def test_a_pixel_that_no_ray_reaches_still_gets_a_finite_place():
    k = np.array([[400.0, 0.0, 320.0], [0.0, 400.0, 240.0], [0.0, 0.0, 1.0]])
    barrel = np.array([-0.35, 0.02, 0.001, 0.0, 0.0, 0.0, 0.0, 0.0])
    camera = Camera("c", 640, 480, k, np.eye(4), barrel)
    far_out = np.array([[5000.0, 240.0], [-900.0, -900.0], [320.0, 240.0]])
    ideal = camera.undistort(far_out)
    assert np.isfinite(ideal).all()
    assert ideal[0, 0] > 640
    assert ideal[1, 0] < 60
    assert ideal[1, 1] < 0
    np.testing.assert_allclose(ideal[2], far_out[2], atol=1e-9)
    assert np.isnan(camera.undistort(np.array([np.nan, 0.0]))).all()


@given(cameras(), st.data(), st.floats(0.1, 20.0))
def test_a_pixel_unprojected_and_projected_is_the_same_pixel(camera, data, depth_m):
    pixel = data.draw(pixels_of(camera))
    point_world = camera.unproject(pixel, depth_m)
    np.testing.assert_allclose(camera.project(point_world), pixel, atol=1e-4)
    np.testing.assert_allclose(camera.depth(point_world), depth_m, rtol=1e-9)


@given(cameras(), st.data(), st.floats(0.1, 20.0))
def test_the_ray_of_a_pixel_runs_through_what_is_seen_there(camera, data, depth_m):
    pixel = data.draw(pixels_of(camera))
    seen = camera.unproject(pixel, depth_m) - camera.centre_world
    np.testing.assert_allclose(np.cross(camera.rays(pixel), seen), 0.0, atol=1e-6)
    assert camera.rays(pixel) @ seen > 0


@given(cameras())
def test_what_is_behind_the_camera_has_no_pixel(camera):
    behind = invert(camera.camera_from_world) @ np.array([0.1, 0.2, -1.0, 1.0])
    assert np.isnan(camera.project(behind[:3])).all()
    assert not camera.is_inside(camera.project(behind[:3]))


@given(cameras(), st.integers(50, 3000), st.integers(50, 3000))
def test_resizing_there_and_back_is_the_same_camera(camera, width, height):
    again = camera.resized(width, height).resized(camera.width, camera.height)
    np.testing.assert_allclose(again.pixel_from_camera, camera.pixel_from_camera, atol=1e-7)
    assert (again.width, again.height) == (camera.width, camera.height)


@given(cameras(), st.data())
def test_resizing_keeps_every_point_at_its_share_of_the_picture(camera, data):
    """Half a pixel outside the first pixel centre is the picture's edge, at every size."""
    small = camera.resized(97, 61)
    pixel = data.draw(pixels_of(camera))
    point = camera.unproject(pixel, 2.0)
    share = (pixel + 0.5) / np.array([camera.width, camera.height])
    expected = share * np.array([97, 61]) - 0.5
    np.testing.assert_allclose(small.project(point), expected, atol=1e-4)


def test_the_corners_of_the_picture_are_half_a_pixel_beyond_the_outer_pixel_centres():
    camera = Camera("c", 4, 3, np.eye(3), np.eye(4))
    assert camera.is_inside(np.array([[-0.5, -0.5], [3.49, 2.49], [0.0, 0.0]])).all()
    outside = np.array([[3.5, 0.0], [0.0, 2.5], [-0.51, 0.0], [np.nan, 0.0]])
    assert not camera.is_inside(outside).any()


@given(cameras())
def test_the_undistorted_camera_projects_without_distortion(camera):
    point = np.array([0.1, 0.0, 1.1])
    ideal = camera.undistorted()
    assert not ideal.has_distortion
    np.testing.assert_allclose(ideal.project(point), camera.project_ideal(point))
    np.testing.assert_allclose(camera.distort(ideal.project(point)), camera.project(point))


def test_a_camera_does_not_change_when_the_array_it_came_from_does():
    k = np.diag([500.0, 500.0, 1.0])
    camera = Camera("c", 10, 10, k, np.eye(4))
    k[0, 0] = 1.0
    assert camera.pixel_from_camera[0, 0] == 500.0
    with pytest.raises(ValueError, match="read-only"):
        camera.pixel_from_camera[0, 0] = 2.0


def _named(*names: str) -> tuple[Camera, ...]:
    pose = look_at(np.array([3.0, 0.0, 1.0]), np.zeros(3))
    return tuple(Camera(name, 10, 10, np.eye(3), pose) for name in names)


def test_cameras_stand_in_natural_order_however_they_were_listed():
    assert Rig(_named("16", "4", "100")).names == ("4", "16", "100")
    assert sorted(["cam10", "cam2", "a", "7"], key=natural_key) == ["7", "a", "cam2", "cam10"]


def test_two_cameras_of_one_name_are_refused_with_a_remedy():
    with pytest.raises(AvatarPoseError, match="share a name") as refused:
        Rig(_named("4", "4"))
    assert refused.value.remedy


def test_asking_for_an_unknown_camera_names_the_known_ones():
    rig = Rig(_named("4", "16"))
    with pytest.raises(AvatarPoseError, match="4, 16"):
        rig["5"]
    assert rig.only(["16"]).names == ("16",)
