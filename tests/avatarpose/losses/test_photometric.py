import pytest
import torch

from avatarpose.losses.photometric import colour_loss, exposed, huber


def test_huber_is_quadratic_up_to_the_knee_and_linear_beyond():
    error = torch.tensor([0.0, 0.05, -0.05, 0.1, 0.3, -1.0])
    wanted = [0.0, 0.00125, 0.00125, 0.005, 0.1 * 0.25, 0.1 * 0.95]
    assert huber(error).tolist() == pytest.approx(wanted, abs=1e-7)


def test_huber_has_no_step_and_no_kink_at_the_knee():
    at = torch.tensor([0.1 - 1e-4, 0.1 + 1e-4], requires_grad=True)
    huber(at).sum().backward()
    assert at.grad.tolist() == pytest.approx([0.1, 0.1], abs=2e-4)


def test_equal_colours_cost_nothing():
    rgb = torch.rand(7, 3)
    assert float(colour_loss(rgb, rgb)) == 0


def test_colours_are_compared_by_the_weighted_mean():
    rgb, target = torch.zeros(2, 3), torch.tensor([[0.05, 0.05, 0.05], [1.0, 1.0, 1.0]])
    assert float(colour_loss(rgb, target)) == pytest.approx((0.00125 + 0.095) / 2)
    assert float(colour_loss(rgb, target, torch.tensor([3.0, 0.0]))) == pytest.approx(0.00125)
    assert float(colour_loss(rgb, target, torch.zeros(2))) == 0


def test_exposure_scales_colours_and_lifts_opaque_pixels():
    rgb, alpha = torch.tensor([[0.2, 0.2, 0.2], [0.1, 0.1, 0.1]]), torch.tensor([1.0, 0.5])
    gain = torch.tensor([[0.0, 0.0, 0.0], [0.6931472, 0.0, 0.0]])
    offset = torch.tensor([[0.0, 0.0, 0.0], [0.1, 0.1, 0.0]])
    shown = exposed(rgb, alpha, gain, offset, torch.tensor([0, 1]))
    assert shown[0].tolist() == pytest.approx([0.2, 0.2, 0.2])
    assert shown[1].tolist() == pytest.approx([0.25, 0.15, 0.1])
