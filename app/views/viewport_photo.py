"""The photo behind the bodies when the 3D viewport looks through a camera."""

import cv2
import numpy as np
from jaxtyping import UInt8

from app.footage import Picture
from avatarpose.geometry.camera import Camera


class PhotoMaker:
    """Turns recorded pictures into undistorted ones; keeps the last, and one lens map."""

    def __init__(self) -> None:
        self._camera: Camera | None = None
        self._maps: tuple[np.ndarray, np.ndarray] | None = None
        self._source: np.ndarray | None = None
        self._made: np.ndarray | None = None

    def undistorted(self, camera: Camera, picture: Picture) -> UInt8[np.ndarray, "height width 3"]:
        """RGB as the ideal camera with the same intrinsic matrix would see it."""
        source = picture.bgra
        if source is self._source and camera is self._camera and self._made is not None:
            return self._made
        height, width = source.shape[:2]
        is_same = camera is self._camera and self._maps is not None
        if not is_same or self._maps is None or self._maps[0].shape[:2] != (height, width):
            self._maps = _lens_maps(camera.resized(width, height))
        if camera.has_distortion:
            source_at = self._maps
            bgra = cv2.remap(source, *source_at, interpolation=cv2.INTER_LINEAR)
        else:
            bgra = source
        self._camera, self._source = camera, source
        self._made = cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGB)
        return self._made


def _lens_maps(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """For every ideal pixel the recorded pixel (x map, y map)."""
    x, y = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    recorded = camera.distort(np.stack([x, y], axis=-1).astype(np.float64)).astype(np.float32)
    return np.ascontiguousarray(recorded[..., 0]), np.ascontiguousarray(recorded[..., 1])
