"""Calibrated cameras as values: OpenCV axes, metres; an integer pixel is the pixel's centre."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from avatarpose.errors import AvatarPoseError
from avatarpose.geometry.rigid import apply, invert

_UNDISTORT_STEPS = 10
_SLOPE_STEP = 1e-5
_WIDEST_RADIUS = 5.0  # tan of the half field of view; beyond 157 degrees no pinhole model holds


def natural_key(name: str) -> tuple[tuple[int, int | str], ...]:
    """Sort key under which "4" comes before "16" and "cam2" before "cam10"."""
    parts = re.split(r"(\d+)", name)
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in parts if part)


def _read_only(array: np.ndarray) -> np.ndarray:
    array = np.array(array, dtype=np.float64)
    array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """One calibrated view. OpenCV axes (+x right, +y down, +z forward); metres and pixels.

    Attributes:
        name: the camera's name; views are found by it, never by position.
        width: image width in pixels.
        height: image height in pixels.
        pixel_from_camera: intrinsic matrix K.
        camera_from_world: rigid map, x_camera = R x_world + T.
        distortion: OpenCV's k1, k2, p1, p2, k3, k4, k5, k6 (zeros where the source has fewer).
    """

    name: str
    width: int
    height: int
    pixel_from_camera: Float[np.ndarray, "3 3"]
    camera_from_world: Float[np.ndarray, "4 4"]
    distortion: Float[np.ndarray, "8"] = field(default_factory=lambda: np.zeros(8))

    def __post_init__(self) -> None:
        for name in ("pixel_from_camera", "camera_from_world", "distortion"):
            object.__setattr__(self, name, _read_only(getattr(self, name)))

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickling alone would bring the arrays back writable.
        return type(self), tuple(getattr(self, field.name) for field in fields(self))

    @property
    def centre_world(self) -> Float[np.ndarray, "3"]:
        """The optical centre in the world (m)."""
        rotation = self.camera_from_world[:3, :3]
        return -rotation.T @ self.camera_from_world[:3, 3]

    @property
    def has_distortion(self) -> bool:
        """True when any distortion coefficient is not zero."""
        return bool(np.any(self.distortion != 0))

    def project(self, points_world: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 2"]:
        """Pixel (x, y) in the recorded, distorted image; NaN where a point is not in front."""
        return self.distort(self.project_ideal(points_world))

    def project_ideal(
        self, points_world: Float[np.ndarray, "*batch 3"]
    ) -> Float[np.ndarray, "*batch 2"]:
        """Pixel (x, y) in the undistorted image with the same K; NaN behind the camera."""
        points_camera = apply(self.camera_from_world, np.asarray(points_world, np.float64))
        rays = points_camera @ self.pixel_from_camera.T
        return rays[..., :2] / np.where(rays[..., 2:] > 1e-9, rays[..., 2:], np.nan)

    def depth(self, points_world: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch"]:
        """Distance along the optical axis (m); negative behind the camera."""
        return apply(self.camera_from_world, np.asarray(points_world, np.float64))[..., 2]

    def distort(self, pixels_ideal: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        """Where ideal pixels lie in the recorded image."""
        if not self.has_distortion:
            return pixels_ideal
        return self._pixels(self._distort_normalised(self._normalised(pixels_ideal)))

    def undistort(self, pixels: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 2"]:
        """Ideal pixels of recorded pixels: the inverse of `distort`, by Newton's method.

        Always finite: a pixel that no ray reaches (beyond the corners of a wide lens) gives the
        edge of what the lens can see in its direction.
        """
        if not self.has_distortion:
            return np.asarray(pixels, np.float64)
        target = self._normalised(np.asarray(pixels, np.float64))
        limit, seen_limit = self._fold_radius()
        target = _within(target, seen_limit)
        point = _within(target, limit)
        for _ in range(_UNDISTORT_STEPS):
            miss = self._distort_normalised(point) - target
            along_x = self._distort_slope(point, np.array([_SLOPE_STEP, 0.0]))
            along_y = self._distort_slope(point, np.array([0.0, _SLOPE_STEP]))
            determinant = along_x[..., 0] * along_y[..., 1] - along_x[..., 1] * along_y[..., 0]
            determinant = np.where(np.abs(determinant) > 1e-6, determinant, 1.0)
            step_x = along_y[..., 1] * miss[..., 0] - along_y[..., 0] * miss[..., 1]
            step_y = along_x[..., 0] * miss[..., 1] - along_x[..., 1] * miss[..., 0]
            step = np.stack([step_x, step_y], axis=-1) / determinant[..., None]
            point = _within(point - step, limit)
        return self._pixels(point)

    def rays(self, pixels: Float[np.ndarray, "*batch 2"]) -> Float[np.ndarray, "*batch 3"]:
        """Unit directions in the world of the rays through recorded pixels."""
        flat = self._normalised(self.undistort(pixels))
        directions = np.concatenate([flat, np.ones_like(flat[..., :1])], axis=-1)
        directions = directions @ self.camera_from_world[:3, :3]
        return directions / np.linalg.norm(directions, axis=-1, keepdims=True)

    def unproject(
        self, pixels: Float[np.ndarray, "*batch 2"], depth_m: Float[np.ndarray, "*batch"] | float
    ) -> Float[np.ndarray, "*batch 3"]:
        """World points seen at recorded pixels, `depth_m` metres along the optical axis."""
        flat = self._normalised(self.undistort(pixels))
        points = np.concatenate([flat, np.ones_like(flat[..., :1])], axis=-1)
        points = points * np.asarray(depth_m, np.float64)[..., None]
        return apply(invert(self.camera_from_world), points)

    def resized(self, width: int, height: int) -> "Camera":
        """The camera of the same image resampled to another size (pixel centres at integers)."""
        sx, sy = width / self.width, height / self.height
        k = self.pixel_from_camera.copy()
        k[0, :2] *= sx
        k[1, 1] *= sy
        k[0, 2] = (k[0, 2] + 0.5) * sx - 0.5
        k[1, 2] = (k[1, 2] + 0.5) * sy - 0.5
        return replace(self, width=width, height=height, pixel_from_camera=k)

    def undistorted(self) -> "Camera":
        """The ideal camera with the same K."""
        return replace(self, distortion=np.zeros(8))

    def is_inside(self, pixels: Float[np.ndarray, "*batch 2"]) -> Bool[np.ndarray, "*batch"]:
        """Which pixels lie in the image (False for NaN)."""
        x, y = pixels[..., 0], pixels[..., 1]
        across = (x >= -0.5) & (x < self.width - 0.5)
        return np.asarray(across & (y >= -0.5) & (y < self.height - 0.5))

    def _normalised(self, pixels: np.ndarray) -> np.ndarray:
        k = self.pixel_from_camera
        y = (pixels[..., 1] - k[1, 2]) / k[1, 1]
        x = (pixels[..., 0] - k[0, 2] - k[0, 1] * y) / k[0, 0]
        return np.stack([x, y], axis=-1)

    def _pixels(self, normalised: np.ndarray) -> np.ndarray:
        k = self.pixel_from_camera
        x = k[0, 0] * normalised[..., 0] + k[0, 1] * normalised[..., 1] + k[0, 2]
        return np.stack([x, k[1, 1] * normalised[..., 1] + k[1, 2]], axis=-1)

    def _distort_normalised(self, normalised: np.ndarray) -> np.ndarray:
        k1, k2, p1, p2, k3, k4, k5, k6 = self.distortion
        x, y = normalised[..., 0], normalised[..., 1]
        r2 = x * x + y * y
        radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
        distorted_x = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
        distorted_y = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
        return np.stack([distorted_x, distorted_y], axis=-1)

    def _distort_slope(self, point: np.ndarray, step: np.ndarray) -> np.ndarray:
        ahead, behind = (
            self._distort_normalised(point + step),
            self._distort_normalised(point - step),
        )
        return (ahead - behind) / (2 * _SLOPE_STEP)

    def _fold_radius(self) -> tuple[float, float]:
        """Where the radial polynomial stops growing, before and after distortion.

        No real lens goes on beyond.
        """
        k1, k2, _, _, k3, k4, k5, k6 = self.distortion
        r = np.linspace(0.0, _WIDEST_RADIUS, 400)
        r2 = r * r
        below = 1 + r2 * (k4 + r2 * (k5 + r2 * k6))
        seen = r * (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / np.where(below > 0.05, below, np.nan)
        growing = np.diff(seen) > 0.02 * (r[1] - r[0])  # False for NaN
        last = len(r) - 1 if growing.all() else max(int(np.argmin(growing)), 1)
        return float(r[last]), float(seen[last])


def _within(points: np.ndarray, radius: float) -> np.ndarray:
    """The points, those farther out than `radius` moved onto the circle."""
    length = np.linalg.norm(points, axis=-1, keepdims=True)
    return points * np.minimum(1.0, radius / np.maximum(length, 1e-12))


@dataclass(frozen=True, slots=True, eq=False)
class Rig:
    """The cameras of a capture, in natural order of their names."""

    cameras: tuple[Camera, ...]

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.cameras, key=lambda camera: natural_key(camera.name)))
        names = [camera.name for camera in ordered]
        if len(set(names)) != len(names):
            raise AvatarPoseError(
                f"Two cameras share a name among {', '.join(names)}.",
                remedy="Give every camera its own name in the calibration file.",
            )
        object.__setattr__(self, "cameras", ordered)

    @property
    def names(self) -> tuple[str, ...]:
        """The camera names in order."""
        return tuple(camera.name for camera in self.cameras)

    def __len__(self) -> int:
        return len(self.cameras)

    def __iter__(self) -> Iterator[Camera]:
        return iter(self.cameras)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Camera:
        for camera in self.cameras:
            if camera.name == name:
                return camera
        raise AvatarPoseError(
            f"There is no camera {name!r}; the cameras are {', '.join(self.names)}.",
            remedy="Check the camera name.",
        )

    def only(self, names: Sequence[str]) -> "Rig":
        """The rig reduced to the named cameras."""
        return Rig(tuple(self[name] for name in names))
