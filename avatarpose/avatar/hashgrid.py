"""Multi-resolution hash encoding.

Mueller et al., "Instant Neural Graphics Primitives", 2022, section 3. Plain torch: the reference
for every faster back end, in any precision and on any device.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

# Equation 4 of the paper.
_PRIMES = (1, 2654435761, 805459861)


@dataclass(frozen=True, slots=True)
class HashGridShape:
    """Size of a hash grid.

    The released method uses 16 levels of 2**19 entries from 16 to 7006 cells; with pictures of 4 mm
    and more per pixel that resolves noise and learns every error of the poses by heart, so the
    default ends near 13 mm cells: about the pixel of a picture of 320 rows.

    Attributes:
        level_count: number of resolutions.
        features: features per level.
        log2_entries: table length of one level, as a power of two.
        base_resolution: cells along an edge of the box at the coarsest level.
        finest_resolution: cells at the finest level.
    """

    level_count: int = 8
    features: int = 2
    log2_entries: int = 16
    base_resolution: int = 16
    finest_resolution: int = 160

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Cells per edge of each level, growing geometrically (equations 2 and 3)."""
        if self.level_count == 1:
            return (self.base_resolution,)
        growth = (self.finest_resolution / self.base_resolution) ** (1 / (self.level_count - 1))
        return tuple(int(self.base_resolution * growth**k + 1e-6) for k in range(self.level_count))

    @property
    def entries(self) -> int:
        """Entries of one level's table."""
        return 1 << self.log2_entries

    @property
    def width(self) -> int:
        """Length of an encoded point."""
        return self.level_count * self.features

    def is_dense(self, level: int) -> bool:
        """True when every corner of the level has an entry of its own."""
        return (self.resolutions[level] + 1) ** 3 <= self.entries


def corner_index(
    corners: Int[Tensor, "*batch 3"], resolution: int, entries: int, *, dense: bool
) -> Int[Tensor, "*batch"]:
    """Table index of grid corners: row-major when dense, spatial hash otherwise."""
    x, y, z = corners.unbind(-1)
    if dense:
        side = resolution + 1
        return x + side * (y + side * z)
    mixed = (x * _PRIMES[0]) ^ (y * _PRIMES[1]) ^ (z * _PRIMES[2])
    return mixed & (entries - 1)


def encode(
    points: Float[Tensor, "points 3"],
    table: Float[Tensor, "levels entries features"],
    shape: HashGridShape,
) -> Float[Tensor, "points width"]:
    """Trilinear features of points in [0, 1]^3 at every level; differentiable in both arguments."""
    offsets = torch.tensor(
        [[i & 1, (i >> 1) & 1, (i >> 2) & 1] for i in range(8)], device=points.device
    )
    out = []
    for level, resolution in enumerate(shape.resolutions):
        scaled = points.clamp(0.0, 1.0) * resolution
        cell = scaled.detach().floor().clamp_max(resolution - 1).long()
        share = scaled - cell
        corners = cell[:, None] + offsets
        index = corner_index(corners, resolution, shape.entries, dense=shape.is_dense(level))
        weights = torch.where(offsets.bool(), share[:, None], 1 - share[:, None]).prod(-1)
        out.append((weights[..., None] * table[level][index]).sum(1))
    return torch.cat(out, dim=-1)


def initial_table(shape: HashGridShape, generator: torch.Generator) -> Float[Tensor, "l e f"]:
    """Features uniform in +-1e-4, as in the paper."""
    size = (shape.level_count, shape.entries, shape.features)
    return (torch.rand(size, generator=generator) * 2 - 1) * 1e-4


def level_weights(shape: HashGridShape, open_levels: float) -> Float[np.ndarray, " width"]:
    """Factors that let the first `open_levels` levels through (a fraction opens one part-way)."""
    ramp = np.clip(open_levels - np.arange(shape.level_count), 0.0, 1.0)
    return np.repeat(ramp, shape.features)
