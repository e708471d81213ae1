"""Compiled CPU kernels of the hash encoding (numba; no compiler is needed on the user's machine).

The kernels release the interpreter lock; work is shared by a thread pool, levels apart from each
other, so that two threads never add to the same table entry.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, no_type_check

import numba
import numpy as np
import torch
from torch import Tensor

from avatarpose.avatar.hashgrid import HashGridShape

_P1 = np.uint32(2654435761)
_P2 = np.uint32(805459861)


@numba.njit(nogil=True, cache=True, fastmath=True, boundscheck=False)
@no_type_check
def _forward_level(points, table, resolution, is_dense, out, column):
    mask = np.uint32(table.shape[0] - 1)
    side = np.uint32(resolution + 1)
    for i in range(points.shape[0]):
        x = min(max(points[i, 0], np.float32(0.0)), np.float32(1.0)) * resolution
        y = min(max(points[i, 1], np.float32(0.0)), np.float32(1.0)) * resolution
        z = min(max(points[i, 2], np.float32(0.0)), np.float32(1.0)) * resolution
        cx = min(int(x), resolution - 1)
        cy = min(int(y), resolution - 1)
        cz = min(int(z), resolution - 1)
        fx = np.float32(x - cx)
        fy = np.float32(y - cy)
        fz = np.float32(z - cz)
        a = np.float32(0.0)
        b = np.float32(0.0)
        for corner in range(8):
            dx = corner & 1
            dy = (corner >> 1) & 1
            dz = (corner >> 2) & 1
            ux = np.uint32(cx + dx)
            uy = np.uint32(cy + dy)
            uz = np.uint32(cz + dz)
            row_major = ux + side * (uy + side * uz)
            hashed = (ux ^ (uy * _P1) ^ (uz * _P2)) & mask
            index = row_major if is_dense else hashed
            wx = fx if dx == 1 else np.float32(1.0) - fx
            wy = fy if dy == 1 else np.float32(1.0) - fy
            wz = fz if dz == 1 else np.float32(1.0) - fz
            w = wx * wy * wz
            a += w * table[index, 0]
            b += w * table[index, 1]
        out[i, column] = a
        out[i, column + 1] = b


@numba.njit(nogil=True, cache=True, fastmath=True, boundscheck=False)
@no_type_check
def _backward_level(
    points,
    table,
    resolution,
    is_dense,
    grad_out,
    column,
    grad_table,
    grad_points,
    wants_points,
):
    mask = np.uint32(table.shape[0] - 1)
    side = np.uint32(resolution + 1)
    one = np.float32(1.0)
    scale = np.float32(resolution)
    for i in range(points.shape[0]):
        x = min(max(points[i, 0], np.float32(0.0)), one) * scale
        y = min(max(points[i, 1], np.float32(0.0)), one) * scale
        z = min(max(points[i, 2], np.float32(0.0)), one) * scale
        cx = min(int(x), resolution - 1)
        cy = min(int(y), resolution - 1)
        cz = min(int(z), resolution - 1)
        fx = np.float32(x - cx)
        fy = np.float32(y - cy)
        fz = np.float32(z - cz)
        ga = grad_out[i, column]
        gb = grad_out[i, column + 1]
        px = np.float32(0.0)
        py = np.float32(0.0)
        pz = np.float32(0.0)
        for corner in range(8):
            dx = corner & 1
            dy = (corner >> 1) & 1
            dz = (corner >> 2) & 1
            ux = np.uint32(cx + dx)
            uy = np.uint32(cy + dy)
            uz = np.uint32(cz + dz)
            row_major = ux + side * (uy + side * uz)
            hashed = (ux ^ (uy * _P1) ^ (uz * _P2)) & mask
            index = row_major if is_dense else hashed
            wx = fx if dx == 1 else one - fx
            wy = fy if dy == 1 else one - fy
            wz = fz if dz == 1 else one - fz
            w = wx * wy * wz
            grad_table[index, 0] += w * ga
            grad_table[index, 1] += w * gb
            if wants_points:
                value = table[index, 0] * ga + table[index, 1] * gb
                px += (value if dx == 1 else -value) * wy * wz
                py += (value if dy == 1 else -value) * wx * wz
                pz += (value if dz == 1 else -value) * wx * wy
        if wants_points:
            grad_points[i, 0] += px * scale
            grad_points[i, 1] += py * scale
            grad_points[i, 2] += pz * scale


@cache
def _pool() -> tuple[ThreadPoolExecutor, int]:
    count = max(1, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2))
    return ThreadPoolExecutor(count, thread_name_prefix="hashgrid"), count


class NumbaEncode(torch.autograd.Function):
    """`hashgrid.encode` for two float32 features per level on the CPU."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, table: Tensor, shape: HashGridShape) -> Tensor:
        """Features of the points."""
        out = torch.empty(len(points), shape.width)
        x, t, o = points.detach().contiguous().numpy(), table.detach().numpy(), out.numpy()
        pool, _ = _pool()
        jobs = [
            pool.submit(
                _forward_level, x, t[level], resolution, shape.is_dense(level), o, 2 * level
            )
            for level, resolution in enumerate(shape.resolutions)
        ]
        for job in jobs:
            job.result()
        ctx.save_for_backward(points, table)
        ctx.shape = shape
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Gradients of points and table."""
        points, table = ctx.saved_tensors
        shape: HashGridShape = ctx.shape
        wants_points = ctx.needs_input_grad[0]
        x, t = points.detach().contiguous().numpy(), table.detach().numpy()
        g = grad_outputs[0].contiguous().numpy()
        grad_table = np.zeros_like(t)
        pool, count = _pool()
        count = min(count, shape.level_count)
        partial = np.zeros((count, *x.shape), np.float32)

        def work(worker: int) -> None:
            # Strided assignment mixes small dense and large hashed levels in every worker.
            for level in range(worker, shape.level_count, count):
                _backward_level(
                    x,
                    t[level],
                    shape.resolutions[level],
                    shape.is_dense(level),
                    g,
                    2 * level,
                    grad_table[level],
                    partial[worker],
                    wants_points,
                )

        for job in [pool.submit(work, worker) for worker in range(count)]:
            job.result()
        # Outside the box the nearest point of its border is encoded, which stays where it is.
        partial[:, (x < 0) | (x > 1)] = 0
        grad_points = torch.from_numpy(partial.sum(0)) if wants_points else None
        return grad_points, torch.from_numpy(grad_table), None
