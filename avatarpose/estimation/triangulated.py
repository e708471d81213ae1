"""Many points triangulated at once, robustly: agreement of views decides, not any single view."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float

from avatarpose.geometry.camera import Camera

# Reprojection errors up to this share of the focal length agree (20 pixels at a focal length of
# 1120): a hand's breadth at the distance at which a person fills the picture.
INLIER_SHARE = 0.018
SMALLEST_RAY_ANGLE_RAD = np.deg2rad(5.0)  # flatter crossings leave the depth open
_REFINEMENTS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Triangulated:
    """Points in space and the views that agree on them.

    Attributes:
        points: world points (m); NaN where fewer than two views agree.
        inliers: which views agree.
        residual_px: root mean square over the agreeing views, NaN where there is no point.
    """

    points: Float[np.ndarray, "points 3"]
    inliers: Bool[np.ndarray, "points cameras"]
    residual_px: Float[np.ndarray, " points"]


def triangulate_many(
    cameras: list[Camera],
    pixels: Float[np.ndarray, "points cameras 2"],
    confidence: Float[np.ndarray, "points cameras"],
) -> Triangulated:
    """Every point from the pair of views most others agree with, then from all that agree.

    Args:
        cameras: one per column.
        pixels: ideal (undistorted) pixels; NaN where not seen.
        confidence: weights; 0 where not seen.
    """
    projection = _Projection.of(cameras)
    seen = np.isfinite(pixels).all(-1) & (confidence > 0)
    pixels = np.where(seen[..., None], pixels, 0.0)
    weight = np.where(seen, confidence, 0.0)
    rays = _rays(cameras, pixels)
    centres = np.stack([camera.centre_world for camera in cameras])
    best = np.full((len(pixels), 3), np.nan)
    best_score = np.zeros(len(pixels))
    for first, second in combinations(range(len(cameras)), 2):
        both = seen[:, first] & seen[:, second]
        middle = _crossing(centres[first], rays[:, first], centres[second], rays[:, second])
        error = projection.errors(middle, pixels)
        agreement = np.clip(1.0 - (error / projection.tolerance_px) ** 2, 0.0, None)
        score = (weight * agreement).sum(1)
        pair = (agreement[:, first] > 0) & (agreement[:, second] > 0)
        better = both & pair & np.isfinite(middle[:, 0]) & (score > best_score)
        best[better], best_score[better] = middle[better], score[better]
    return _refine(projection, best, pixels, weight)


@dataclass(frozen=True, slots=True, eq=False)
class _Projection:
    """Cameras as stacked matrices.

    Attributes:
        rotation: pixel_from_camera times camera_from_world rotation.
        shift: the same for the translation.
        tolerance_px: largest error of a view that agrees.
    """

    rotation: Float[np.ndarray, "cameras 3 3"]
    shift: Float[np.ndarray, "cameras 3"]
    tolerance_px: Float[np.ndarray, " cameras"]

    @staticmethod
    def of(cameras: list[Camera]) -> "_Projection":
        k = np.stack([camera.pixel_from_camera for camera in cameras])
        pose = np.stack([camera.camera_from_world for camera in cameras])
        focal = np.sqrt(k[:, 0, 0] * k[:, 1, 1])
        shift = np.einsum("cij,cj->ci", k, pose[:, :3, 3])
        return _Projection(k @ pose[:, :3, :3], shift, INLIER_SHARE * focal)

    def rays(self, points: np.ndarray) -> Float[np.ndarray, "points cameras 3"]:
        return np.einsum("cij,pj->pci", self.rotation, points) + self.shift

    def errors(self, points: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """Pixels; infinite behind a camera."""
        ray = self.rays(points)
        front = ray[..., 2] > 0.05
        flat = ray[..., :2] / np.where(front, ray[..., 2], 1.0)[..., None]
        return np.where(front, np.linalg.norm(flat - pixels, axis=-1), np.inf)


def _rays(cameras: list[Camera], ideal: np.ndarray) -> Float[np.ndarray, "points cameras 3"]:
    """Unit directions in the world of ideal pixels."""
    out = np.empty((*ideal.shape[:2], 3))
    for column, camera in enumerate(cameras):
        out[:, column] = camera.undistorted().rays(ideal[:, column])
    return out


def _crossing(
    centre_a: np.ndarray, rays_a: np.ndarray, centre_b: np.ndarray, rays_b: np.ndarray
) -> Float[np.ndarray, "points 3"]:
    """Middle of the shortest line between two rays; NaN where they are nearly parallel."""
    cosine = (rays_a * rays_b).sum(-1)
    sine_square = 1.0 - cosine**2
    is_flat = sine_square < np.sin(SMALLEST_RAY_ANGLE_RAD) ** 2
    gap = centre_b - centre_a
    along_a, along_b = rays_a @ gap, rays_b @ gap
    safe = np.where(is_flat, np.nan, sine_square)
    depth_a = (along_a - cosine * along_b) / safe
    depth_b = (cosine * along_a - along_b) / safe
    point_a = centre_a + depth_a[:, None] * rays_a
    point_b = centre_b + depth_b[:, None] * rays_b
    return 0.5 * (point_a + point_b)


def _refine(
    projection: _Projection, start: np.ndarray, pixels: np.ndarray, weight: np.ndarray
) -> Triangulated:
    """Weighted Gauss-Newton over the views that agree, which are found anew in every step."""
    points = start.copy()
    found = np.all(np.isfinite(points), axis=-1)
    points[~found] = 0.0
    inliers = np.zeros(weight.shape, bool)
    for _ in range(_REFINEMENTS):
        error = projection.errors(points, pixels)
        inliers = (error < projection.tolerance_px) & (weight > 0) & found[:, None]
        ray = projection.rays(points)
        depth = np.where(inliers, ray[..., 2], 1.0)
        flat = ray[..., :2] / depth[..., None]
        residual = np.where(inliers[..., None], flat - pixels, 0.0)
        row = projection.rotation[None]
        slope = row[:, :, :2] - flat[..., None] * row[:, :, 2:]
        slope = slope / depth[..., None, None]
        used = np.where(inliers, weight, 0.0)
        normal = np.einsum("pc,pcki,pckj->pij", used, slope, slope)
        damping = 1e-6 * np.maximum(np.trace(normal, axis1=1, axis2=2), 1e-6)
        normal += damping[:, None, None] * np.eye(3)
        right = np.einsum("pc,pcki,pck->pi", used, slope, residual)
        step = np.linalg.solve(normal, right[..., None])[..., 0]
        points = points - np.where(np.sum(inliers, axis=1)[:, None] >= 2, step, 0.0)
    error = projection.errors(points, pixels)
    inliers = (error < projection.tolerance_px) & (weight > 0) & found[:, None]
    enough = np.sum(inliers, axis=1) >= 2
    count = np.maximum(np.sum(inliers, axis=1), 1)
    square = np.where(inliers, np.where(inliers, error, 0.0) ** 2, 0.0).sum(1)
    points[~enough] = np.nan
    return Triangulated(points, inliers, np.where(enough, np.sqrt(square / count), np.nan))
