"""Value noise in space: organic detail for cloth, wood and plaster."""

from typing import no_type_check

import numpy as np
from jaxtyping import Float, Float32
from numba import njit


def noise(
    points: Float[np.ndarray, "*batch 3"], size_m: float, seed: int, octaves: int = 1
) -> Float32[np.ndarray, "*batch"]:
    """Smooth noise in [-1, 1] at points; features are about `size_m` metres, halved per octave."""
    flat = np.ascontiguousarray(points.reshape(-1, 3), np.float32)
    out = np.zeros(len(flat), np.float32)
    _add_noise(flat, np.float32(1.0 / size_m), seed & 0x7FFFFFFF, octaves, out)
    return out.reshape(points.shape[:-1])


@njit(nogil=True, cache=True)
@no_type_check
def _lattice(x, y, z, seed):
    mixed = np.uint32(x * 73856093) ^ np.uint32(y * 19349663) ^ np.uint32(z * 83492791)
    mixed ^= np.uint32(seed * 2654435761)
    mixed = np.uint32(mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x7FEB352D)
    mixed = np.uint32(mixed ^ (np.uint32(mixed) >> np.uint32(15))) * np.uint32(0x846CA68B)
    mixed = np.uint32(mixed ^ (np.uint32(mixed) >> np.uint32(16)))
    return np.float32(mixed & np.uint32(0xFFFF)) / np.float32(32767.5) - np.float32(1.0)


@njit(nogil=True, cache=True)
@no_type_check
def _add_noise(points, frequency, seed, octaves, out):
    total = np.float32(0.0)
    for octave in range(octaves):
        total += np.float32(0.5**octave)
    for index in range(points.shape[0]):
        value = np.float32(0.0)
        for octave in range(octaves):
            scale = frequency * np.float32(2.0**octave)
            x, y, z = points[index, 0] * scale, points[index, 1] * scale, points[index, 2] * scale
            ix, iy, iz = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
            fx, fy, fz = np.float32(x - ix), np.float32(y - iy), np.float32(z - iz)
            fx = fx * fx * (np.float32(3) - np.float32(2) * fx)
            fy = fy * fy * (np.float32(3) - np.float32(2) * fy)
            fz = fz * fz * (np.float32(3) - np.float32(2) * fz)
            corner = np.float32(0.0)
            for dx in range(2):
                wx = fx if dx == 1 else np.float32(1) - fx
                for dy in range(2):
                    wy = fy if dy == 1 else np.float32(1) - fy
                    for dz in range(2):
                        wz = fz if dz == 1 else np.float32(1) - fz
                        corner += wx * wy * wz * _lattice(ix + dx, iy + dy, iz + dz, seed + octave)
            value += corner * np.float32(0.5**octave)
        out[index] += value / total
