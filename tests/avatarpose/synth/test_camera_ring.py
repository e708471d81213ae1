import numpy as np
import pytest

from avatarpose.synth.camera_ring import camera_ring


@pytest.mark.parametrize("size", [(320, 240), (240, 320)])
def test_every_camera_sees_everything(size):
    rng = np.random.default_rng(0)
    points = rng.uniform((-0.8, -0.6, 0.0), (0.8, 0.6, 1.8), (400, 3))
    cameras = camera_ring(7, size, points, rng)
    assert [camera.name for camera in cameras] == [str(index + 1) for index in range(7)]
    for camera in cameras:
        assert camera.is_inside(camera.project(points)).all()
        assert camera.has_distortion
    centres = np.stack([camera.centre_world for camera in cameras])
    azimuth = np.sort(np.arctan2(centres[:, 1], centres[:, 0]))
    assert np.diff(azimuth).max() < 2 * np.pi / 7 * 1.6


def test_distortion_can_be_undone_everywhere_in_the_picture():
    points = np.random.default_rng(0).uniform((-0.8, -0.6, 0.0), (0.8, 0.6, 1.8), (50, 3))
    for camera in camera_ring(4, (320, 240), points, np.random.default_rng(1)):
        corners = np.array([[0.0, 0.0], [319.0, 0.0], [0.0, 239.0], [319.0, 239.0]])
        np.testing.assert_allclose(camera.distort(camera.undistort(corners)), corners, atol=1e-4)
