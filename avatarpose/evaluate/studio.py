"""A plain studio to show people in, away from the recorded cameras: viewpoint, floor, shadows."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from avatarpose.evaluate.overlay import DrawnPerson
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rasteriser import rasterise
from avatarpose.geometry.rigid import look_at

_ANGLE_OF_VIEW_DEG = 34.0
_AIR = 1.06  # room left around the people
_TILT = 0.2
_LOW, _HIGH = np.array([206.0, 209.0, 214.0]), np.array([238.0, 240.0, 243.0])
_FLOOR = np.array([222.0, 224.0, 228.0])
_GRID_STEP_M, _GRID_REACH_M = 0.5, 3.0
_GRID_DARKENING = 0.055
_SHADOW = 0.34


def orbit_camera(
    centre_world: Float[np.ndarray, "3"],
    azimuth_rad: float,
    radius_m: float,
    height_m: float,
    size: tuple[int, int],
) -> Camera:
    """A camera on a circle around a point, looking at it.

    Args:
        centre_world: what it looks at (m).
        azimuth_rad: place on the circle, from +x towards +y.
        radius_m: distance from the vertical line through the centre.
        height_m: above the floor.
        size: width and height of the picture in pixels.
    """
    width, height = size
    offset = radius_m * np.array([np.cos(azimuth_rad), np.sin(azimuth_rad), 0.0])
    place = np.array([centre_world[0], centre_world[1], height_m]) + offset
    focal = min(width, height) / 2 / np.tan(np.deg2rad(_ANGLE_OF_VIEW_DEG) / 2)
    k = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1.0]])
    return Camera("orbit", width, height, k, look_at(place, np.asarray(centre_world, float)))


def orbit_radius(
    points_world: Float[np.ndarray, "points 3"],
    centre_world: Float[np.ndarray, "3"],
    size: tuple[int, int],
) -> float:
    """Distance (m) from which all points are in the picture of `orbit_camera`, all around."""
    offset = points_world - centre_world
    across = float(np.linalg.norm(offset[:, :2], axis=1).max())
    # A camera above the middle looks down, and then sees the depth of the people as height.
    up = float(np.abs(offset[:, 2]).max()) + _TILT * across
    least = np.tan(np.deg2rad(_ANGLE_OF_VIEW_DEG) / 2)
    sideways, upwards = (least * side / min(size) for side in size)
    return _AIR * max(across / np.sin(np.arctan(sideways)), across + up / upwards)


def studio(camera: Camera, people: Sequence[DrawnPerson]) -> UInt8[np.ndarray, "height width 3"]:
    """The empty studio with the shadows of the people on its floor (world z = 0)."""
    columns, rows = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    rays = camera.rays(np.stack([columns, rows], -1).astype(np.float64))
    eye = camera.centre_world
    rise = np.clip(rays[..., 2:] * 1.6 + 0.5, 0, 1)
    out = _LOW * (1 - rise) + _HIGH * rise
    down = rays[..., 2] < -1e-3
    away = np.where(down, eye[2] / np.maximum(-rays[..., 2], 1e-3), 0.0)
    at = eye[:2] + away[..., None] * rays[..., :2]
    middle = np.mean([person.joints_world[0, :2] for person in people] or [eye[:2] * 0], axis=0)
    distance = np.linalg.norm(at - middle, axis=-1)
    near = np.where(down, np.clip(1 - distance / _GRID_REACH_M, 0, 1), 0.0)[..., None]
    out = out * (1 - near) + _FLOOR * near
    out *= 1 - _GRID_DARKENING * np.sqrt(near) * _grid(at, away, camera)[..., None]
    out *= 1 - _SHADOW * _shadows(camera, people)[..., None]
    # Half a level of noise keeps the soft gradients from showing steps.
    grain = np.random.default_rng(0).uniform(-0.5, 0.5, out.shape[:2])
    return np.round(np.clip(out + grain[..., None], 0, 255)).astype(np.uint8)


def _grid(at: np.ndarray, away: np.ndarray, camera: Camera) -> np.ndarray:
    """How much of each pixel a grid line covers; lines are a pixel or two wide, never less."""
    width_m = np.maximum(1.3 * away / camera.pixel_from_camera[0, 0], 1e-6)
    off = np.abs(at / _GRID_STEP_M - np.round(at / _GRID_STEP_M)) * _GRID_STEP_M
    return np.clip(1.5 - off / width_m[..., None], 0, 1).max(-1)


def _shadows(camera: Camera, people: Sequence[DrawnPerson]) -> np.ndarray:
    """Soft spots under the people, as from a bright ceiling; darker where they come near."""
    shadow = np.zeros((camera.height, camera.width), np.float32)
    for person in people:
        for below_m, strength, softness_m in ((0.25, 1.0, 0.025), (9.0, 0.6, 0.12)):
            flat = person.vertices_world * (1, 1, 0)
            pixels = camera.project(flat).astype(np.float32)
            pixels[person.vertices_world[:, 2] > below_m] = np.nan
            depth = camera.depth(flat).astype(np.float32)
            depth[~np.isfinite(pixels[:, 0])] = 0.0
            face, _, _ = rasterise(pixels, depth, person.faces, camera.width, camera.height)
            far = float(np.median(camera.depth(flat)))
            blur = max(0.5, softness_m * camera.pixel_from_camera[0, 0] / max(far, 0.1))
            spot = cv2.GaussianBlur((face >= 0).astype(np.float32), (0, 0), blur)
            shadow = 1 - (1 - shadow) * (1 - strength * np.clip(spot, 0, 1))
    return shadow
