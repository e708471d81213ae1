import pytest
import torch

from avatarpose.losses.pins import anchor_loss, view_pin_loss


def test_pins_count_in_units_of_their_precision():
    pixels, pinned = torch.tensor([[10.0, 20.0]]), torch.tensor([[14.0, 20.0]])
    assert float(view_pin_loss(pixels, pinned, 2.0)) == pytest.approx(0.5 * 2**2)
    assert float(view_pin_loss(pinned, pinned, 2.0)) == 0


def test_far_pins_pull_evenly():
    pixels = torch.tensor([[100.0, 0.0], [1000.0, 0.0]], requires_grad=True)
    view_pin_loss(pixels, torch.zeros(2, 2), 2.0).backward()
    assert float(pixels.grad[0, 0]) == pytest.approx(float(pixels.grad[1, 0]))


def test_anchors_are_weighted_squares():
    joints, anchors = torch.zeros(3, 3), torch.zeros(3, 3)
    anchors[0, 0], anchors[1, 1] = 0.02, 0.04
    weight = torch.tensor([1.0, 3.0, 0.0])
    wanted = (1 * 1 + 3 * 4) / 4
    assert float(anchor_loss(joints, anchors, weight, 0.02)) == pytest.approx(wanted)


def test_joints_without_weight_do_not_count():
    joints = torch.rand(4, 3)
    assert float(anchor_loss(joints, torch.zeros(4, 3), torch.zeros(4), 0.02)) == 0
