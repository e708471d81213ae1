"""One door to the hash encoding: picks the fastest back end that is there."""

import importlib.util
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from avatarpose.avatar.hashgrid import HashGridShape, encode, initial_table
from avatarpose.avatar.hashgrid_kernels import NumbaEncode

Backend = Literal["torch", "numba", "tinycudann"]


def available_backend(device: torch.device) -> Backend:
    """Tinycudann on CUDA when it can be imported, compiled kernels on the CPU, else plain torch."""
    if device.type == "cuda":
        return "tinycudann" if importlib.util.find_spec("tinycudann") else "torch"
    return "numba" if device.type == "cpu" else "torch"


class HashEncoding(nn.Module):
    """Points in [0, 1]^3 to features.

    Args:
        shape: size of the grid.
        generator: source of the initial features.
        backend: None picks the fastest one for the device at every call.
    """

    def __init__(
        self, shape: HashGridShape, generator: torch.Generator, backend: Backend | None = None
    ) -> None:
        super().__init__()
        self.shape = shape
        self.backend: Backend | None = backend
        self.table = nn.Parameter(initial_table(shape, generator))

    def forward(self, points: Float[Tensor, "points 3"]) -> Float[Tensor, "points width"]:
        """Features of every point, level by level."""
        backend = self.backend or available_backend(points.device)
        # tinycudann hashes with a layout of its own, so it is a module of its own (TcnnEncoding).
        is_plain = points.dtype != torch.float32 or self.shape.features != 2
        if backend == "numba" and not is_plain:
            return NumbaEncode.apply(points, self.table, self.shape)  # pyright: ignore[reportReturnType]
        return encode(points, self.table, self.shape)


class TcnnEncoding(nn.Module):
    """The same encoding by tiny-cuda-nn (CUDA only); features have the dtype of the points."""

    def __init__(self, shape: HashGridShape, seed: int) -> None:
        super().__init__()
        import tinycudann  # pyright: ignore[reportMissingImports]  # optional, not on PyPI

        self.shape = shape
        levels = max(shape.level_count - 1, 1)
        growth = (shape.finest_resolution / shape.base_resolution) ** (1 / levels)
        self.encoding = tinycudann.Encoding(
            3,
            {
                "otype": "HashGrid",
                "n_levels": shape.level_count,
                "n_features_per_level": shape.features,
                "log2_hashmap_size": shape.log2_entries,
                "base_resolution": shape.base_resolution,
                "per_level_scale": growth,
            },
            seed=seed,
        )

    def forward(self, points: Float[Tensor, "points 3"]) -> Float[Tensor, "points width"]:
        """Features of every point."""
        return self.encoding(points.clamp(0.0, 1.0)).to(points.dtype)


def make_encoding(
    shape: HashGridShape, generator: torch.Generator, device: torch.device
) -> nn.Module:
    """The encoding module for a device."""
    if available_backend(device) == "tinycudann":
        return TcnnEncoding(shape, seed=int(generator.initial_seed() % 2**31))
    return HashEncoding(shape, generator)
