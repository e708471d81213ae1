"""How far estimated bodies are from true ones: strict metrics, misses counted.

Everything takes metres and gives millimetres. NaN joints mean that the person is absent.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment

from avatarpose.body.skeleton import SKEL19_LIMBS, Skel19

MATCH_GATE_M = 0.5  # farther apart than this, two people are not the same


def world_errors_mm(
    estimated: Float[np.ndarray, "*batch joints 3"], true: Float[np.ndarray, "*batch joints 3"]
) -> Float[np.ndarray, "*batch joints"]:
    """Distance of every joint in the world; NaN where either is absent."""
    return 1000.0 * np.linalg.norm(_double(estimated) - _double(true), axis=-1)


def root_aligned_errors_mm(
    estimated: Float[np.ndarray, "*batch joints=19 3"],
    true: Float[np.ndarray, "*batch joints=19 3"],
) -> Float[np.ndarray, "*batch joints=19"]:
    """Distance of every joint after the mid hips are put on each other."""
    root = [int(Skel19.MID_HIP)]
    return world_errors_mm(
        _double(estimated) - _double(estimated)[..., root, :],
        _double(true) - _double(true)[..., root, :],
    )


def procrustes_errors_mm(
    estimated: Float[np.ndarray, "*batch joints 3"], true: Float[np.ndarray, "*batch joints 3"]
) -> Float[np.ndarray, "*batch joints"]:
    """Distance of every joint after the best similarity per person and frame."""
    shape = true.shape[:-1]
    source = _double(estimated).reshape(-1, *true.shape[-2:])
    target = _double(true).reshape(-1, *true.shape[-2:])
    out = np.full(source.shape[:2], np.nan)
    present = np.isfinite(source).all((1, 2)) & np.isfinite(target).all((1, 2))
    if present.any():
        out[present] = world_errors_mm(_similar(source[present], target[present]), target[present])
    return out.reshape(shape)


def _similar(
    source: Float[np.ndarray, "bodies joints 3"], target: Float[np.ndarray, "bodies joints 3"]
) -> Float[np.ndarray, "bodies joints 3"]:
    """`source` after the similarity that brings it nearest to `target` (Umeyama 1991)."""
    source_mean = source.mean(1, keepdims=True)
    target_mean = target.mean(1, keepdims=True)
    a, b = source - source_mean, target - target_mean
    left, stretch, right = np.linalg.svd(np.einsum("nji,njk->nik", a, b))
    flip = np.ones_like(stretch)
    flip[:, 2] = np.sign(np.linalg.det(left @ right))
    turn = np.einsum("nij,nj,njk->nik", left, flip, right)
    spread = np.maximum((a**2).sum((1, 2)), 1e-12)
    scale = (stretch * flip).sum(1) / spread
    return scale[:, None, None] * (a @ turn) + target_mean


def limbs_correct(
    estimated: Float[np.ndarray, "*batch joints=19 3"],
    true: Float[np.ndarray, "*batch joints=19 3"],
) -> Bool[np.ndarray, "*batch limbs=18"]:
    """PCP: the ends of a limb are off by less than half its length on average; a miss is wrong."""
    start, end = np.array(SKEL19_LIMBS).T
    off_m = world_errors_mm(estimated, true) / 1000.0
    length_m = np.linalg.norm(_double(true)[..., start, :] - _double(true)[..., end, :], axis=-1)
    with np.errstate(invalid="ignore"):
        return 0.5 * (off_m[..., start] + off_m[..., end]) < 0.5 * length_m


def acceleration_errors_mm_s2(
    estimated: Float[np.ndarray, "frames joints 3"],
    true: Float[np.ndarray, "frames joints 3"],
    fps: float,
) -> Float[np.ndarray, "triples joints"]:
    """Difference of the accelerations over three neighbouring frames; NaN where one is absent."""
    if len(true) < 3:
        return np.full((0, true.shape[1]), np.nan)
    gap = _double(estimated) - _double(true)
    return 1000.0 * fps**2 * np.linalg.norm(gap[2:] - 2 * gap[1:-1] + gap[:-2], axis=-1)


def match_people(
    estimated: Float[np.ndarray, "found frames joints=19 3"],
    true: Float[np.ndarray, "people frames joints=19 3"],
) -> Int[np.ndarray, "people frames"]:
    """For unknown identities: which estimate is each true person in each frame, -1 for a miss.

    Per frame the assignment with the least summed mean joint distance, gated at 500 mm. Bodies of
    known identity need no matching: they are compared by pid.
    """
    out = np.full(true.shape[:2], -1)
    gap = _double(estimated)[None] - _double(true)[:, None]
    cost = np.linalg.norm(gap, axis=-1).mean(-1)
    bounded = np.where(cost < MATCH_GATE_M, cost, MATCH_GATE_M)
    for frame in range(true.shape[1]):
        rows, columns = linear_sum_assignment(bounded[:, :, frame])
        kept = cost[rows, columns, frame] < MATCH_GATE_M
        out[rows[kept], frame] = columns[kept]
    return out


def _double(points: np.ndarray) -> np.ndarray:
    return np.asarray(points, np.float64)
