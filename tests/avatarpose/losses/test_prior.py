import pytest
import torch

from avatarpose.body.skeleton import Joint
from avatarpose.losses.prior import geman_mcclure, hinge_limits, rotation_change, stay_near


def test_the_robust_cost_is_square_for_small_and_bounded_for_large_distances():
    assert float(geman_mcclure(torch.tensor(1e-4), 3.0)) == pytest.approx(1e-4, rel=1e-3)
    assert float(geman_mcclure(torch.tensor(9.0), 3.0)) == pytest.approx(4.5)
    assert float(geman_mcclure(torch.tensor(1e9), 3.0)) == pytest.approx(9.0, rel=1e-3)


def test_staying_where_one_was_costs_nothing():
    joints = torch.rand(2, 24, 3)
    assert float(stay_near(joints, joints, 0.01)) == 0
    moved = joints + torch.tensor([0.01, 0, 0])
    assert float(stay_near(moved, joints, 0.01)) == pytest.approx(9 / 10, rel=1e-3)


def test_rotation_change_is_the_mean_squared_angle():
    turns = torch.zeros(2, 24, 3)
    turns[0, 3] = torch.tensor([0.3, 0.0, 0.4])
    assert float(rotation_change(turns)) == pytest.approx(0.25 / 48)


@pytest.mark.parametrize(
    ("joint", "axis", "sign"),
    [
        (Joint.LEFT_ELBOW, 1, 1.0),
        (Joint.RIGHT_ELBOW, 1, -1.0),
        (Joint.LEFT_KNEE, 0, -1.0),
        (Joint.RIGHT_KNEE, 0, -1.0),
    ],
)
def test_hinges_bent_backwards_cost_more_than_bent_forwards(joint, axis, sign):
    def cost(angle: float) -> float:
        rotvecs = torch.zeros(1, 24, 3)
        rotvecs[0, joint, axis] = angle
        return float(hinge_limits(rotvecs))

    assert cost(0.5 * sign) > cost(0.0) == 1.0
    assert cost(-0.5 * sign) < 1.0
    assert cost(0.5 * sign) == pytest.approx((3 + torch.tensor(1.0).exp().item()) / 4, rel=1e-5)


def test_other_joints_have_no_hinge():
    rotvecs = torch.randn(1, 24, 3)
    rotvecs[:, [Joint.LEFT_ELBOW, Joint.RIGHT_ELBOW, Joint.LEFT_KNEE, Joint.RIGHT_KNEE]] = 0
    assert float(hinge_limits(rotvecs)) == pytest.approx(1.0)
