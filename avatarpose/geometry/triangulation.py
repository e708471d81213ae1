"""Points in space from pixels in several views, and the lines one view draws in another."""

import numpy as np
from jaxtyping import Float

from avatarpose.geometry.camera import Camera


def triangulate(
    cameras: list[Camera],
    pixels: Float[np.ndarray, "cameras 2"],
    weights: Float[np.ndarray, " cameras"],
    *,
    huber_px: float = 10.0,
    steps: int = 15,
) -> Float[np.ndarray, "3"]:
    """The world point (m) that best explains recorded pixels in two or more views.

    Linear start on undistorted rays, then Gauss-Newton on ideal reprojection errors with Huber
    weights. Views with weight 0 or NaN pixels are ignored; NaN when fewer than two remain.
    """
    use = np.flatnonzero((weights > 0) & np.isfinite(pixels).all(-1))
    if len(use) < 2:
        return np.full(3, np.nan)
    chosen = [cameras[index] for index in use]
    ideal = np.stack([c.undistort(pixels[i]) for c, i in zip(chosen, use, strict=True)])
    weight = np.asarray(weights, np.float64)[use]
    centres = np.stack([camera.centre_world for camera in chosen])
    rays = np.stack([c.rays(pixels[i]) for c, i in zip(chosen, use, strict=True)])
    across = np.eye(3) - rays[:, :, None] * rays[:, None, :]
    normal: np.ndarray = np.einsum("c,cij->ij", weight, across)
    towards: np.ndarray = np.einsum("c,cij,cj->i", weight, across, centres)
    point: np.ndarray = np.linalg.lstsq(normal, towards, rcond=None)[0]
    for _ in range(steps):
        jacobian, residual = _reprojection(chosen, ideal, point)
        if not np.isfinite(residual).all():
            break
        size = np.linalg.norm(residual, axis=-1)
        robust = weight * np.where(size > huber_px, huber_px / np.maximum(size, 1e-9), 1.0)
        lhs: np.ndarray = np.einsum("c,cki,ckj->ij", robust, jacobian, jacobian)
        rhs: np.ndarray = np.einsum("c,cki,ck->i", robust, jacobian, residual)
        damping = 1e-9 * float(np.trace(lhs))
        step = np.asarray(np.linalg.solve(lhs + damping * np.eye(3), -rhs), np.float64)
        point = np.asarray(point + step)
        if np.linalg.norm(step) < 1e-7:
            break
    return point


def _reprojection(
    cameras: list[Camera], ideal: np.ndarray, point: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    jacobians: list[np.ndarray] = []
    residuals: list[np.ndarray] = []
    for camera, pixel in zip(cameras, ideal, strict=True):
        local = camera.camera_from_world[:3, :3] @ point + camera.camera_from_world[:3, 3]
        if local[2] < 1e-6:
            return np.full((len(cameras), 2, 3), np.nan), np.full((len(cameras), 2), np.nan)
        ray = camera.pixel_from_camera @ local
        residuals.append(ray[:2] / ray[2] - pixel)
        k = camera.pixel_from_camera
        slope = (k[:2] - np.outer(ray[:2] / ray[2], k[2])) / ray[2]
        jacobians.append(slope @ camera.camera_from_world[:3, :3])
    return np.stack(jacobians), np.stack(residuals)


def largest_ray_angle(directions: Float[np.ndarray, "rays 3"]) -> float:
    """Largest angle (rad, at most pi/2) between any two of the rays, seen as lines."""
    if len(directions) < 2:
        return 0.0
    cosine = np.abs(np.clip(directions @ directions.T, -1.0, 1.0))
    return float(np.arccos(cosine.min()))


def epipolar_curve(
    held: Camera,
    pixel: Float[np.ndarray, "2"],
    other: Camera,
    depths_m: Float[np.ndarray, " points"],
) -> Float[np.ndarray, "points 2"]:
    """Recorded pixels in `other` of the ray through `pixel` of `held`, at depths along its axis.

    With lens distortion the image of a ray is a curve; NaN where it passes behind `other`.
    """
    points = held.unproject(np.broadcast_to(pixel, (len(depths_m), 2)), depths_m)
    return other.project(points)
