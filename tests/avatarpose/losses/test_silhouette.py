import numpy as np
import pytest
import torch

from avatarpose.losses.silhouette import hard_surface, instance_loss, opacity_loss


@pytest.mark.parametrize("target", [0.0, 0.3, 1.0])
def test_opacity_loss_is_least_at_the_target(target):
    alpha = torch.linspace(0, 1, 101)
    one = torch.ones(1)
    cost = torch.stack([opacity_loss(a[None], torch.tensor([target]), one) for a in alpha])
    assert float(alpha[cost.argmin()]) == pytest.approx(target, abs=0.011)


def test_opacity_loss_of_hand_computed_values():
    alpha, mask = torch.tensor([0.5, 0.9]), torch.tensor([1.0, 0.0])
    both = -(np.log(0.5) + np.log(0.1))
    assert float(opacity_loss(alpha, mask, torch.ones(2))) == pytest.approx(both / 2, rel=1e-5)
    only_second = opacity_loss(alpha, mask, torch.tensor([0.0, 1.0]))
    assert float(only_second) == pytest.approx(-np.log(0.1), rel=1e-5)


def test_a_perfect_mask_costs_next_to_nothing_and_a_wrong_one_stays_finite():
    sure = torch.tensor([0.0, 1.0])
    assert float(opacity_loss(sure, sure, torch.ones(2))) < 2e-3
    assert torch.isfinite(opacity_loss(sure, 1 - sure, torch.ones(2)))


def test_pixels_without_a_mask_do_not_count():
    alpha = torch.tensor([0.2, 0.7], requires_grad=True)
    opacity_loss(alpha, torch.ones(2), torch.tensor([0.0, 1.0])).backward()
    assert alpha.grad[0] == 0
    assert alpha.grad[1] != 0


def test_instances_are_compared_person_by_person():
    instance = torch.tensor([[1.0, 0.25], [0.0, 0.5]])
    mask = torch.tensor([[True, False], [False, True]])
    value = instance_loss(instance, mask, torch.ones(2))
    assert float(value) == pytest.approx((0.25**2 + 0.5**2) / 2)
    assert float(instance_loss(mask.float(), mask, torch.ones(2))) == 0


def test_swapped_people_cost_more_than_right_ones():
    mask = torch.tensor([[True, True, False], [False, False, True]])
    right = mask.float() * 0.9
    assert instance_loss(right.flip(0), mask, torch.ones(3)) > instance_loss(
        right, mask, torch.ones(3)
    )


def test_half_transparent_surfaces_are_the_dearest():
    assert float(hard_surface(torch.tensor([0.0]))) == pytest.approx(0, abs=1e-5)
    assert float(hard_surface(torch.tensor([1.0]))) == pytest.approx(0, abs=1e-5)
    assert float(hard_surface(torch.tensor([0.5]))) == pytest.approx(0.120, abs=1e-3)
