import pytest
import torch

from avatarpose.losses.temporal import acceleration


def test_even_motion_costs_nothing():
    start, velocity = torch.rand(2, 24, 3), torch.rand(2, 24, 3)
    cost = acceleration(start, start + velocity, start + 2 * velocity, 0.04, 6.0)
    assert float(cost) == pytest.approx(0, abs=1e-6)


def test_a_jump_is_measured_in_units_of_a_usual_acceleration():
    still = torch.zeros(1, 24, 3)
    jumped = torch.zeros(1, 24, 3)
    jumped[..., 0] = 6.0 * 0.04**2 / 2 + 0.0015  # second difference of one unit
    assert float(acceleration(still, jumped, still, 0.04, 6.0)) == pytest.approx(0.9, rel=1e-3)


def test_the_same_wobble_counts_more_at_a_higher_frame_rate():
    still, wobble = torch.zeros(1, 24, 3), torch.full((1, 24, 3), 0.005)
    slow = acceleration(still, wobble, still, 1 / 25, 6.0)
    assert acceleration(still, wobble, still, 1 / 100, 6.0) > slow


def test_the_frame_in_the_middle_is_pulled_to_its_neighbours():
    now = torch.full((1, 24, 3), 0.01, requires_grad=True)
    acceleration(torch.zeros(1, 24, 3), now, torch.zeros(1, 24, 3), 0.04, 6.0).backward()
    assert torch.all(now.grad > 0)
