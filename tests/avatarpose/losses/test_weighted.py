import pytest
import torch

from avatarpose.losses.weighted import WeightedSum


def test_terms_are_weighted_in_the_total_and_plain_in_the_record():
    terms = WeightedSum()
    value = torch.tensor(2.0, requires_grad=True)
    terms.add("colour", value, 3.0)
    terms.add("mask", value * 2, 0.5)
    assert float(terms.total.detach()) == pytest.approx(8.0)
    assert terms.values == {"colour": 2.0, "mask": 4.0}
    terms.total.backward()
    assert float(value.grad) == pytest.approx(4.0)


def test_a_weight_of_zero_only_records():
    terms = WeightedSum()
    terms.add("nan", torch.tensor(torch.nan), 0.0)
    assert float(terms.total) == 0
    assert "nan" in terms.values
