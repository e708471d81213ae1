"""A ring of calibrated cameras that all see the whole action."""

import numpy as np
from jaxtyping import Float

from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rigid import apply, look_at

_FILL = 0.88  # share of the picture's half width or height the action may reach


def camera_ring(
    views: int,
    size: tuple[int, int],
    points_world: Float[np.ndarray, "points 3"],
    rng: np.random.Generator,
) -> list[Camera]:
    """Cameras named "1", "2", ... around the points, framed so that each sees them all.

    Args:
        views: how many.
        size: width and height of the pictures in pixels.
        points_world: everything that must be seen (m).
        rng: decides heights, tilts, focal lengths and lenses.
    """
    width, height = size
    low, high = points_world.min(axis=0), points_world.max(axis=0)
    middle = (low + high) / 2
    reach = float(np.linalg.norm((high - low)[:2]) / 2)
    start = rng.uniform(0, 2 * np.pi)
    cameras = []
    for index in range(views):
        azimuth = start + 2 * np.pi * (index + rng.uniform(-0.12, 0.12)) / views
        radius = 2.7 + reach + rng.uniform(0, 0.25)
        lift = (1.45, 2.15)[index % 2] + rng.uniform(-0.15, 0.15)
        aside = radius * np.array([np.cos(azimuth), np.sin(azimuth)])
        centre = np.array([middle[0] + aside[0], middle[1] + aside[1], lift])
        aim = middle + rng.uniform(-0.04, 0.04, 3)
        pose = look_at(centre, aim, roll_rad=float(rng.uniform(-0.03, 0.03)))
        seen = apply(pose, points_world)
        spread = np.abs(seen[:, :2] / seen[:, 2:]).max(axis=0)
        focal = _FILL * min(width / 2 / spread[0], height / 2 / spread[1])
        focal *= rng.uniform(0.94, 1.0)
        squeeze = rng.uniform(0.998, 1.002)
        shift = rng.uniform(-0.008, 0.008, 2) * size
        k = np.array(
            [
                [focal, 0.0, (width - 1) / 2 + shift[0]],
                [0.0, focal * squeeze, (height - 1) / 2 + shift[1]],
                [0.0, 0.0, 1.0],
            ]
        )
        lens = np.zeros(8)
        lens[0] = rng.uniform(-0.11, -0.05)
        lens[1] = rng.uniform(0.02, 0.08)
        lens[2:4] = rng.normal(0, 5e-4, 2)
        cameras.append(Camera(str(index + 1), width, height, k, pose, lens))
    return cameras
