"""Picture files: which there are, whether they are whole, and their pixels."""

import os
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from avatarpose.errors import FormatError
from avatarpose.formats.storage import RESTORE, read_bytes
from avatarpose.geometry.camera import Camera
from avatarpose.scene.issues import Issue, Severity

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".m4v", ".webm")
PICTURE_LIMIT_BYTES = 256 << 20
MOST_PIXELS = 1 << 28
_PNG_START = b"\x89PNG\r\n\x1a\n"
_JPEG_START = b"\xff\xd8"
_REDUCED = {
    2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class NumberedFiles:
    """Files of a folder by the number in their name.

    Attributes:
        by_number: file name per number.
        issues: names that clash or carry no number.
    """

    by_number: dict[int, str]
    issues: tuple[Issue, ...]


def numbered_files(folder: Path, suffixes: Iterable[str], *, camera: str = "") -> NumberedFiles:
    """Files with one of the suffixes, by the last run of digits before the suffix.

    Hidden files are left out. Of several names with one number the zero-padded one counts.
    """
    allowed = tuple(suffixes)
    found: dict[int, list[str]] = {}
    unnumbered: list[str] = []
    for name in _file_names(folder):
        if not name.lower().endswith(allowed):
            continue
        stem = next(name[: -len(end)] for end in allowed if name.lower().endswith(end))
        digits = re.findall(r"\d+", stem)
        if digits and len(digits[-1]) <= 15:
            found.setdefault(int(digits[-1]), []).append(name)
        else:
            unnumbered.append(name)
    issues = []
    for number, names in found.items():
        names.sort(key=lambda name: (-len(name), name))
        if len(names) > 1:
            issues.append(
                Issue(
                    Severity.WARNING,
                    f"{', '.join(names)} all have the number {number}; {names[0]} is used.",
                    "Remove the files that do not belong to this view.",
                    str(folder),
                    number,
                    camera,
                )
            )
    if unnumbered:
        issues.append(
            Issue(
                Severity.WARNING,
                f"{len(unnumbered)} files have no number in their name, such as {unnumbered[0]}.",
                "Name pictures after their frame, for example 000042.jpg.",
                str(folder),
                camera=camera,
            )
        )
    return NumberedFiles({number: found[number][0] for number in sorted(found)}, tuple(issues))


def _file_names(folder: Path) -> list[str]:
    """Names of the files in a folder, hidden ones left out."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name
                for entry in entries
                if not entry.name.startswith(".") and entry.is_file()
            )
    except OSError as error:
        raise FormatError(
            f"The folder {folder} cannot be read: {error.strerror or error}.",
            remedy="Check that you may read it.",
        ) from error


def is_whole(content: bytes) -> bool:
    """False for a picture that breaks off: OpenCV fills the missing part with grey in silence."""
    if content.startswith(_JPEG_START):
        scan = _jpeg_scan(content)
        return scan > 0 and content.rfind(b"\xff\xd9") > scan
    if content.startswith(_PNG_START):
        return b"IEND" in content[-64:]
    return len(content) > 0


def _jpeg_segments(content: bytes) -> Iterable[tuple[int, int]]:
    """(marker, position of its length field) of each segment up to the start of the scan."""
    position = 2
    while position + 4 <= len(content):
        if content[position] != 0xFF:
            return
        marker = content[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        yield marker, position + 2
        if marker == 0xDA:
            return
        (length,) = struct.unpack_from(">H", content, position + 2)
        position += 2 + length


def _jpeg_scan(content: bytes) -> int:
    """Where the picture data of a JPEG start (a thumbnail in its head is not it); 0 if nowhere."""
    for marker, position in _jpeg_segments(content):
        if marker == 0xDA:
            return position
    return 0


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture file as stored (rotation marks are ignored).

    Raises:
        FormatError: it is no picture.
    """
    content = read_bytes(path, limit_bytes=PICTURE_LIMIT_BYTES)
    stated = stated_size(content)
    if stated is not None:
        return stated
    picture = decode_picture(content)
    if picture is None:
        raise FormatError(f"{path} is not a picture that can be read.", remedy=RESTORE)
    return picture.shape[1], picture.shape[0]


def stated_size(content: bytes) -> tuple[int, int] | None:
    """Width and height in the head of a JPEG or PNG; None for other formats."""
    if content.startswith(_PNG_START) and len(content) >= 24:
        return struct.unpack_from(">II", content, 16)
    if content.startswith(_JPEG_START):
        for marker, position in _jpeg_segments(content):
            is_frame = 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)
            if is_frame and position + 7 <= len(content):
                height, width = struct.unpack_from(">HH", content, position + 3)
                return width, height
    return None


def is_sane(content: bytes) -> bool:
    """False for a picture that breaks off or promises more pixels than any camera has."""
    stated = stated_size(content)
    return is_whole(content) and (stated is None or stated[0] * stated[1] <= MOST_PIXELS)


def decode_picture(
    content: bytes, *, at_least: tuple[int, int] | None = None
) -> UInt8[np.ndarray, "height width 3"] | None:
    """RGB, 8 bit; grey is tripled, 16 bit shortened, alpha dropped; None when damaged or cut short.

    Args:
        content: the file.
        at_least: width and height that suffice: a JPEG is then decoded at a half, a quarter or an
            eighth where that divides its size evenly (otherwise pixel centres would shift).
    """
    if not is_sane(content):
        return None
    flags = cv2.IMREAD_COLOR
    if at_least is not None and content.startswith(_JPEG_START):
        flags = _REDUCED.get(_reduction(content, at_least), flags)
    try:
        picture = cv2.imdecode(
            np.frombuffer(content, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION
        )
    except cv2.error:
        return None
    return None if picture is None else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _reduction(content: bytes, at_least: tuple[int, int]) -> int:
    width, height = stated_size(content) or (1, 1)
    for factor in (8, 4, 2):
        divides = width % factor == 0 and height % factor == 0
        if divides and width // factor >= at_least[0] and height // factor >= at_least[1]:
            return factor
    return 1


def resize_picture(
    picture: UInt8[np.ndarray, "height width 3"], size: tuple[int, int]
) -> UInt8[np.ndarray, "new_height new_width 3"]:
    """The picture at another (width, height), pixel centres as in `Camera.resized`."""
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    is_smaller = size[0] < picture.shape[1]
    return cv2.resize(
        picture, size, interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    )


def undistortion_maps(
    camera: Camera,
) -> tuple[Float[np.ndarray, "height width"], Float[np.ndarray, "height width"]]:
    """For each pixel of the ideal picture (same K, same size) where it lies in the recorded one."""
    k = camera.pixel_from_camera
    if k[0, 1] != 0:  # OpenCV leaves the skew out
        recorded = camera.distort(_pixel_grid(camera)).astype(np.float32)
        return np.ascontiguousarray(recorded[..., 0]), np.ascontiguousarray(recorded[..., 1])
    size = (camera.width, camera.height)
    x, y = cv2.initUndistortRectifyMap(k, camera.distortion, np.eye(3), k, size, cv2.CV_32FC1)
    return x, y


def distortion_maps(
    camera: Camera,
) -> tuple[Float[np.ndarray, "height width"], Float[np.ndarray, "height width"]]:
    """For each pixel of the recorded picture where it lies in the ideal one."""
    ideal = camera.undistort(_pixel_grid(camera)).astype(np.float32)
    return np.ascontiguousarray(ideal[..., 0]), np.ascontiguousarray(ideal[..., 1])


def _pixel_grid(camera: Camera) -> Float[np.ndarray, "height width 2"]:
    columns, rows = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    return np.stack([columns, rows], -1).astype(np.float64)
