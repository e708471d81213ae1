"""Calibrations as cameras: what every calibration file must pass before it is believed."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rigid import rigid
from avatarpose.scene.issues import Issue, Severity

_MENDABLE = 1e-2
_ORTHONORMAL = 1e-3
_ASPECT_TOLERANCE = 0.01
_WIDEST_RIG_M = 50.0
_NARROWEST_RIG_M = 0.02

Note = Callable[[Severity, str, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class RawCamera:
    """One camera as a file states it, unchecked.

    Attributes:
        name: camera name.
        intrinsics: 3 x 3 matrix K.
        rotation: 3 x 3 matrix or 3 axis-angle numbers, world to camera.
        translation: 3 numbers (m), world to camera.
        distortion: OpenCV's coefficients, any number of them.
        size: width and height the calibration is for; None when not stated.
        is_fisheye: the equidistant lens model is meant.
    """

    name: str
    intrinsics: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    distortion: np.ndarray
    size: tuple[int, int] | None = None
    is_fisheye: bool = False


def checked_camera(
    raw: RawCamera, picture_size: tuple[int, int] | None, *, where: str, issues: list[Issue]
) -> Camera | None:
    """The camera, mended where that is safe; None, with an error among the issues, where not.

    Args:
        raw: as stated.
        picture_size: width and height of its pictures; None when there are none.
        where: the file, for the issues.
        issues: what is wrong is added here.
    """

    def note(severity: Severity, message: str, remedy: str) -> None:
        issues.append(Issue(severity, message, remedy, where, camera=raw.name))

    def reject(message: str, remedy: str) -> None:
        note(Severity.ERROR, message, remedy)

    intrinsics = np.asarray(raw.intrinsics, np.float64)
    translation = np.asarray(raw.translation, np.float64).ravel()
    if intrinsics.shape != (3, 3) or not np.isfinite(intrinsics).all():
        return reject(
            f"The intrinsic matrix of camera {raw.name} is not 3 x 3 finite numbers.",
            "Calibrate the camera again.",
        )
    if intrinsics[0, 0] <= 0 or intrinsics[1, 1] <= 0 or np.any(intrinsics[2] != (0, 0, 1)):
        return reject(
            f"The intrinsic matrix of camera {raw.name} is not that of a pinhole camera.",
            "The focal lengths must be positive and the last row 0, 0, 1.",
        )
    if translation.shape != (3,) or not np.isfinite(translation).all():
        return reject(
            f"The translation of camera {raw.name} is not 3 finite numbers.",
            "Calibrate the camera again.",
        )
    if raw.is_fisheye and np.any(raw.distortion != 0):
        return reject(
            f"Camera {raw.name} has a fisheye lens, which is not supported.",
            "Undistort its pictures first and state the new calibration.",
        )
    rotation = _checked_rotation(raw, note)
    distortion = _checked_distortion(raw, note)
    if rotation is None or distortion is None:
        return None
    size = raw.size if raw.size is not None and min(raw.size) > 0 else picture_size
    if size is None:
        return reject(
            f"The picture size of camera {raw.name} is not known.",
            "Add its pictures, or state the size in the calibration.",
        )
    camera = Camera(raw.name, *size, intrinsics, rigid(rotation, translation), distortion)
    centre_x = intrinsics[0, 2] / size[0]
    centre_y = intrinsics[1, 2] / size[1]
    if not (0.25 < centre_x < 0.75 and 0.25 < centre_y < 0.75):
        note(
            Severity.WARNING,
            f"The optical centre of camera {raw.name} is far from the middle of the picture.",
            "Check that the calibration is for pictures of this size.",
        )
    return _fitted(camera, picture_size, note)


def _fitted(camera: Camera, picture_size: tuple[int, int] | None, note: Note) -> Camera:
    """The camera for pictures of another size of the same shape."""
    stated = (camera.width, camera.height)
    if picture_size is None or picture_size == stated:
        return camera
    both = f"{picture_size[0]} x {picture_size[1]}"
    ratio = picture_size[0] * stated[1] / (picture_size[1] * stated[0])
    if abs(ratio - 1) <= _ASPECT_TOLERANCE:
        note(
            Severity.WARNING,
            f"The calibration of camera {camera.name} is for {stated[0]} x {stated[1]} pixels, "
            f"its pictures have {both}; the calibration was scaled.",
            "If the pictures were cropped instead, calibrate for the cropped size.",
        )
        return camera.resized(*picture_size)
    note(
        Severity.ERROR,
        f"The calibration of camera {camera.name} is for {stated[0]} x {stated[1]} pixels, "
        f"its pictures have {both}: another shape.",
        "Use the pictures the camera was calibrated with, neither cropped nor turned.",
    )
    return camera


def _checked_rotation(raw: RawCamera, note: Note) -> np.ndarray | None:
    rotation = np.asarray(raw.rotation, np.float64)
    if rotation.size == 3 and np.isfinite(rotation).all():
        return cv2.Rodrigues(rotation.reshape(3, 1))[0]
    if rotation.shape != (3, 3) or not np.isfinite(rotation).all():
        note(
            Severity.ERROR,
            f"The rotation of camera {raw.name} is neither 3 nor 3 x 3 finite numbers.",
            "Calibrate the camera again.",
        )
        return None
    if np.linalg.det(rotation) < 0:
        note(
            Severity.ERROR,
            f"The rotation of camera {raw.name} is left-handed.",
            "Export the calibration in OpenCV's convention (x right, y down, z forward).",
        )
        return None
    deviation = np.abs(rotation @ rotation.T - np.eye(3)).max()
    if deviation > _MENDABLE:
        note(
            Severity.ERROR,
            f"The rotation of camera {raw.name} is not a rotation (off by {deviation:.2g}).",
            "Calibrate the camera again; a scale may have got into the matrix.",
        )
        return None
    left, _, right = np.linalg.svd(rotation)
    if deviation > _ORTHONORMAL:
        note(
            Severity.WARNING,
            f"The rotation of camera {raw.name} is not quite a rotation (off by {deviation:.2g}); "
            "the nearest one is used.",
            "Write the calibration with more digits.",
        )
    return left @ right if deviation > 1e-9 else rotation


def _checked_distortion(raw: RawCamera, note: Note) -> np.ndarray | None:
    given = np.asarray(raw.distortion, np.float64).ravel()
    count = len(given)
    if not np.isfinite(given).all() or count not in (0, 1, 2, 4, 5, 8, 12, 14):
        note(
            Severity.ERROR,
            f"The distortion of camera {raw.name} is not a list OpenCV knows ({count} numbers).",
            "State k1, k2, p1, p2, and k3 if there is one.",
        )
        return None
    if np.any(given[8:] != 0):
        note(
            Severity.ERROR,
            f"Camera {raw.name} has thin-prism or tilt distortion, which is not supported.",
            "Calibrate with at most 8 coefficients.",
        )
        return None
    out = np.zeros(8)
    out[: min(count, 8)] = given[:8]
    return out


def check_rig(cameras: list[Camera], *, where: str, issues: list[Issue]) -> None:
    """Note what is odd about the cameras together: too few, too far apart, looking apart."""
    if len(cameras) < 2:
        issues.append(
            Issue(
                Severity.ERROR,
                f"{len(cameras)} usable camera{'s' * (len(cameras) != 1)}: poses need two or more.",
                "Check that pictures and calibration name the same cameras.",
                where,
            )
        )
        return
    centres = np.stack([camera.centre_world for camera in cameras])
    spread = np.linalg.norm(centres[:, None] - centres[None], axis=-1).max()
    if spread > _WIDEST_RIG_M:
        issues.append(
            Issue(
                Severity.WARNING,
                f"The cameras are {spread:.0f} m apart.",
                "The calibration is probably in millimetres or centimetres: scale its translations "
                "by 0.001 or 0.01.",
                where,
            )
        )
    elif spread < _NARROWEST_RIG_M:
        issues.append(
            Issue(
                Severity.WARNING,
                "All cameras are at the same place.",
                "Check that the calibration holds every camera, and maps world to camera.",
                where,
            )
        )
    apart = sum(not _see_a_common_point(a, b) for a, b in combinations(cameras, 2))
    pairs = len(cameras) * (len(cameras) - 1) // 2
    if apart > pairs / 2:
        issues.append(
            Issue(
                Severity.WARNING,
                "Most cameras look away from one another.",
                "The calibration may map camera to world, or give the camera centres as "
                "translations; export it as world to camera.",
                where,
            )
        )


def _see_a_common_point(a: Camera, b: Camera) -> bool:
    """True when the optical axes come nearest to each other in front of both cameras."""
    axis_a, axis_b = a.camera_from_world[2, :3], b.camera_from_world[2, :3]
    between = b.centre_world - a.centre_world
    cosine = float(axis_a @ axis_b)
    determinant = 1 - cosine**2
    if determinant < 1e-6:
        return cosine > 0 or float(axis_a @ between) > 0
    depth_a = (axis_a @ between - cosine * (axis_b @ between)) / determinant
    depth_b = (cosine * (axis_a @ between) - axis_b @ between) / determinant
    return bool(depth_a > 0 and depth_b > 0)
