"""A sum of named terms, with the value of each kept for plots."""

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(slots=True)
class WeightedSum:
    """Collects terms; `total` is what is differentiated, `values` what is shown (unweighted)."""

    total: Tensor = field(default_factory=lambda: torch.zeros(()))
    values: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, value: Tensor, weight: float) -> None:
        """Add `weight` times a term; a weight of zero only records it."""
        if weight:
            self.total = self.total + weight * value
        self.values[name] = float(value.detach())
