import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from avatarpose.geometry import rotation, rotation_torch
from tests.strategies import directions, rotvecs


@given(rotvecs())
def test_the_exponential_map_equals_scipys(rotvec):
    expected = Rotation.from_rotvec(rotvec).as_matrix()
    np.testing.assert_allclose(rotation.matrix_from_rotvec(rotvec), expected, atol=1e-12)


@given(rotvecs())
def test_exp_after_log_is_the_same_rotation_even_near_zero_and_pi(rotvec):
    matrix = rotation.matrix_from_rotvec(rotvec)
    again = rotation.matrix_from_rotvec(rotation.rotvec_from_matrix(matrix))
    np.testing.assert_allclose(again, matrix, atol=1e-9)


@given(rotvecs(largest_rad=np.pi - 1e-5))
def test_log_after_exp_is_the_same_vector_below_pi(rotvec):
    again = rotation.rotvec_from_matrix(rotation.matrix_from_rotvec(rotvec))
    np.testing.assert_allclose(again, rotvec, atol=1e-8)


@given(rotvecs())
def test_torch_and_numpy_agree_in_both_directions(rotvec):
    matrix = rotation.matrix_from_rotvec(rotvec)
    tensor = rotation_torch.matrix_from_rotvec(torch.from_numpy(rotvec.copy()))
    np.testing.assert_allclose(tensor.numpy(), matrix, atol=1e-12)
    back = rotation_torch.rotvec_from_matrix(torch.from_numpy(matrix.copy()))
    np.testing.assert_allclose(rotation.matrix_from_rotvec(back.numpy()), matrix, atol=1e-8)
    assert float(back.norm()) <= np.pi + 1e-9


def test_the_derivative_of_the_exponential_map_is_right_at_zero_and_elsewhere():
    for length in (0.0, 1e-6, 1e-4, 1e-2, 1.0, 3.1):
        rotvec = torch.tensor([0.6, -0.48, 0.64], dtype=torch.float64) * length
        assert torch.autograd.gradcheck(
            rotation_torch.matrix_from_rotvec, rotvec.requires_grad_(), atol=1e-6
        )


@given(rotvecs(), rotvecs())
def test_composing_rotvecs_applies_the_first_first(second, first):
    point = np.array([0.3, -1.0, 2.0])
    one_by_one = rotation.matrix_from_rotvec(second) @ (rotation.matrix_from_rotvec(first) @ point)
    at_once = rotation.matrix_from_rotvec(rotation.compose_rotvecs(second, first)) @ point
    np.testing.assert_allclose(at_once, one_by_one, atol=1e-8)


@given(rotvecs(), rotvecs())
def test_the_geodesic_angle_is_symmetric_and_zero_to_itself(a, b):
    first, second = rotation.matrix_from_rotvec(a), rotation.matrix_from_rotvec(b)
    there, back = rotation.geodesic_angle(first, second), rotation.geodesic_angle(second, first)
    np.testing.assert_allclose(there, back, atol=1e-7)
    assert rotation.geodesic_angle(first, first) < 1e-7
    by_torch = rotation_torch.geodesic_angle(torch.from_numpy(first), torch.from_numpy(second))
    np.testing.assert_allclose(float(by_torch), there, atol=2e-6)


def test_the_geodesic_angle_has_a_finite_slope_where_rotations_are_equal():
    rotvec = torch.tensor([0.2, 0.1, -0.4], dtype=torch.float64, requires_grad=True)
    here = rotation_torch.matrix_from_rotvec(rotvec)
    rotation_torch.geodesic_angle(here, here.detach()).backward()
    assert rotvec.grad is not None
    assert torch.isfinite(rotvec.grad).all()


@given(directions(), directions())
def test_the_rotation_between_two_directions_takes_one_into_the_other(source, target):
    turn = rotation.rotation_between(source, target)
    np.testing.assert_allclose(turn @ source, target, atol=1e-7)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(turn) > 0


def test_opposite_directions_are_half_a_turn_apart():
    for axis in np.eye(3):
        turn = rotation.rotation_between(axis, -axis)
        np.testing.assert_allclose(turn @ axis, -axis, atol=1e-12)
        assert np.linalg.det(turn) > 0


@given(rotvecs(), rotvecs(), st.floats(0.0, 1.0))
def test_interpolation_divides_the_shortest_arc(start, end, share):
    between = rotation.interpolate_rotvecs(start[None], end[None], share)[0]
    a, b, c = (rotation.matrix_from_rotvec(vector) for vector in (start, between, end))
    whole = rotation.geodesic_angle(a, c)
    np.testing.assert_allclose(rotation.geodesic_angle(a, b), share * whole, atol=1e-6)
    np.testing.assert_allclose(rotation.geodesic_angle(b, c), (1 - share) * whole, atol=1e-6)


@given(rotvecs(), directions(), st.floats(0.1, 5.0), st.floats(0.1, 5.0))
def test_six_numbers_give_their_rotation_back_at_any_length(rotvec, sideways, long, short):
    matrix = torch.from_numpy(rotation.matrix_from_rotvec(rotvec))
    six = rotation_torch.six_from_matrix(matrix)
    np.testing.assert_allclose(rotation_torch.matrix_from_6d(six), matrix, atol=1e-9)
    skewed = torch.cat([six[:3] * long, six[3:] * short + 0.3 * six[:3] * float(sideways[0])])
    np.testing.assert_allclose(rotation_torch.matrix_from_6d(skewed), matrix, atol=1e-9)
