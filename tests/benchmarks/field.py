"""Queries per second of an avatar's field, with and without gradients: compiled against torch.

    python tests/benchmarks/field.py [--json FILE]

One thread, as in a run. Both back ends take turns in the same process, so the ratio does not depend
on how busy the machine is.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from avatarpose.avatar.encoding import Backend, HashEncoding
from avatarpose.avatar.field import AvatarField, FieldShape
from tests.benchmarks.measuring import alternating_s, machine, report

POINTS = 20_000
ROUNDS = 15
BACKENDS: tuple[Backend, ...] = ("numba", "torch")


def field_with(backend: Backend) -> AvatarField:
    """A field of the standard size with one back end."""
    generator = torch.Generator().manual_seed(1)
    field = AvatarField(FieldShape(), generator, torch.device("cpu"))
    assert isinstance(field.encoding, HashEncoding)
    field.encoding.backend = backend
    return field


def measure() -> dict[str, Any]:
    """Queries per second and the ratio of the back ends."""
    torch.set_num_threads(1)
    found: dict[str, Any] = {"machine": machine(), "points": float(POINTS)}
    generator = torch.Generator().manual_seed(2)
    points = torch.rand(POINTS, 3, generator=generator)
    distance = torch.rand(POINTS, generator=generator) * 0.05 - 0.02

    def forward(field: AvatarField) -> None:
        with torch.no_grad():
            field(points, distance)

    def learn(field: AvatarField) -> None:
        field.zero_grad(set_to_none=True)
        colour, density = field(points, distance)
        (colour.mean() + density.mean()).backward()

    works: dict[str, Callable[[AvatarField], None]] = {"forward": forward, "with_gradients": learn}
    for name, work in works.items():
        rivals = {backend: partial(work, field_with(backend)) for backend in BACKENDS}
        seconds = alternating_s(rivals, ROUNDS)
        median = {backend: float(np.median(values)) for backend, values in seconds.items()}
        found[name] = {
            **{f"{backend}_queries_per_s": POINTS / median[backend] for backend in BACKENDS},
            "numba_over_torch": float(np.median(seconds["torch"] / seconds["numba"])),
        }
    return found


if __name__ == "__main__":
    report(measure, __doc__.splitlines()[0])
