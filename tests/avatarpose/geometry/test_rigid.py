import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from avatarpose.geometry.rigid import apply, invert, look_at, rigid
from avatarpose.geometry.rotation import matrix_from_rotvec
from tests.strategies import rotvecs, vectors


@given(rotvecs(), vectors(-5.0, 5.0), vectors(-5.0, 5.0))
def test_the_inverse_takes_points_back(rotvec, translation, point):
    b_from_a = rigid(matrix_from_rotvec(rotvec), translation)
    np.testing.assert_allclose(apply(invert(b_from_a), apply(b_from_a, point)), point, atol=1e-9)
    np.testing.assert_allclose(invert(b_from_a) @ b_from_a, np.eye(4), atol=1e-9)


@given(vectors(-5.0, 5.0), vectors(-5.0, 5.0), st.floats(-3.0, 3.0))
def test_a_camera_looks_at_its_target_and_stands_at_its_centre(centre, target, roll):
    assume(np.linalg.norm(target - centre) > 0.1)
    camera_from_world = look_at(centre, target, roll)
    np.testing.assert_allclose(apply(camera_from_world, centre), 0.0, atol=1e-9)
    seen = apply(camera_from_world, target)
    np.testing.assert_allclose(seen, [0, 0, np.linalg.norm(target - centre)], atol=1e-9)
    turn = camera_from_world[:3, :3]
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(turn) > 0


@given(vectors(-5.0, 5.0), vectors(-5.0, 5.0))
def test_up_in_the_world_is_up_in_the_picture(centre, target):
    assume(np.linalg.norm((target - centre)[:2]) > 0.1)
    camera_from_world = look_at(centre, target)
    up = camera_from_world[:3, :3] @ np.array([0.0, 0.0, 1.0])
    assert up[1] < 0  # +y of a camera points down
    assert abs(up[0]) < 1e-9


def test_a_camera_that_looks_straight_down_is_still_a_rotation():
    camera_from_world = look_at(np.array([0.0, 0.0, 3.0]), np.zeros(3))
    turn = camera_from_world[:3, :3]
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
