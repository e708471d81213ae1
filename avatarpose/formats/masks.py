"""Label images: 0 background, pid + 1 a person, 255 unknown; palettes are never read as grey.

OpenCV turns a palette into colours. Relabelling the PNG's header as grey makes it hand out the
indices themselves; putting a palette into a grey PNG's header is the way back.
"""

import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from avatarpose.errors import FormatError
from avatarpose.formats.byte_cache import ByteCache
from avatarpose.formats.pictures import (
    PICTURE_LIMIT_BYTES,
    distortion_maps,
    is_sane,
    undistortion_maps,
)
from avatarpose.formats.storage import RESTORE, read_bytes, write_bytes
from avatarpose.scene.capture import Capture, MaskFolder, View
from avatarpose.scene.issues import Issue, Severity
from avatarpose.scene.people import PERSON_COLOURS

UNKNOWN = 255
_PNG_START = b"\x89PNG\r\n\x1a\n"
_GREY, _PALETTE = 0, 3
_ASPECT_TOLERANCE = 0.01
# The first palette entries of masks made by the AvatarPose pipeline, for masks saved as colours.
TRACKER_COLOURS = (
    (0, 0, 0), (28, 180, 255), (255, 180, 28), (28, 255, 180), (180, 255, 28), (255, 28, 180),
    (180, 28, 255), (100, 100, 100),
)  # fmt: skip


def read_labels(path: Path) -> UInt8[np.ndarray, "height width"]:
    """The labels of a mask file: palette index, grey value, or number of a known colour.

    Other colours, and grey of only 0 and 255, just say "somebody": they give 0 and 255.

    Raises:
        FormatError: the file is no mask.
    """
    content = read_bytes(path, limit_bytes=PICTURE_LIMIT_BYTES)
    if not is_sane(content):
        raise FormatError(f"The mask {path} is damaged or cut short.", remedy=RESTORE)
    try:
        if content.startswith(_PNG_START):
            content, scale = _indices_as_grey(content)
        else:
            scale = 1
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except (cv2.error, struct.error) as error:
        raise FormatError(f"The mask {path} is not an intact picture.", remedy=RESTORE) from error
    if image is None:
        raise FormatError(f"The mask {path} is not a picture.", remedy=RESTORE)
    if image.dtype != np.uint8:
        if image.ndim == 2 and image.max(initial=0) <= UNKNOWN:
            image = image.astype(np.uint8)
        else:
            image = (image.astype(np.float64) > image.max() / 2).astype(np.uint8) * 255
    if image.ndim == 3:
        image = _labels_from_colours(image)
    is_lossy = not content.startswith(_PNG_START) and path.suffix.lower() in (".jpg", ".jpeg")
    if is_lossy:
        image = np.where(image >= 128, 255, 0).astype(np.uint8)
    return image // np.uint8(scale)


def _labels_from_colours(image: np.ndarray) -> np.ndarray:
    rgb = image[..., 2::-1].astype(np.int32)
    code = rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]
    known = {r << 16 | g << 8 | b: label for label, (r, g, b) in enumerate(TRACKER_COLOURS)}
    values = np.unique(code)
    if set(values.tolist()) <= set(known):
        labels = np.zeros(code.shape, np.uint8)
        for value in values.tolist():
            labels[code == value] = known[value]
        return labels
    return ((rgb.max(-1) >= 128) * 255).astype(np.uint8)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = len(_PNG_START)
    while position + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, position)
        kind = content[position + 4 : position + 8]
        yield kind, content[position + 8 : position + 8 + length]
        position += 12 + length


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _indices_as_grey(content: bytes) -> tuple[bytes, int]:
    """A palette PNG relabelled as grey, and what OpenCV multiplies its small values by."""
    chunks = list(_chunks(content))
    head = next((body for kind, body in chunks if kind == b"IHDR"), b"")
    if len(head) != 13 or head[9] != _PALETTE:
        return content, 1
    depth = head[8]
    out = [_PNG_START]
    for kind, body in chunks:
        if kind == b"IHDR":
            out.append(_chunk(kind, body[:9] + bytes([_GREY]) + body[10:]))
        elif kind in (b"IDAT", b"IEND"):
            out.append(_chunk(kind, body))
    return b"".join(out), {1: 255, 2: 85, 4: 17}.get(depth, 1)


def label_png(labels: UInt8[np.ndarray, "height width"]) -> bytes:
    """A palette PNG of the labels, coloured like the people, for any viewer."""
    is_encoded, grey = cv2.imencode(".png", np.ascontiguousarray(labels))
    if not is_encoded:
        raise FormatError("A mask could not be encoded as PNG.")
    colours = np.zeros((256, 3), np.uint8)
    for label in range(1, 255):
        colours[label] = PERSON_COLOURS[(label - 1) % len(PERSON_COLOURS)]
    colours[UNKNOWN] = 255
    out = [_PNG_START]
    for kind, body in _chunks(grey.tobytes()):
        if kind == b"IHDR":
            out += [_chunk(kind, body[:9] + bytes([_PALETTE]) + body[10:])]
            out += [_chunk(b"PLTE", colours.tobytes())]
        elif kind in (b"IDAT", b"IEND"):
            out += [_chunk(kind, body)]
    return b"".join(out)


def write_labels(path: Path, labels: UInt8[np.ndarray, "height width"]) -> None:
    """Write a palette PNG: 0 background, pid + 1 a person, 255 unknown."""
    write_bytes(path, label_png(labels))


class MaskReader:
    """Reads the masks of one capture; may be called from any thread."""

    def __init__(self, capture: Capture, *, budget_bytes: int = 64 << 20) -> None:
        self._views = {view.camera.name: view for view in capture.views}
        self._frames = capture.frames
        self._cache = ByteCache(budget_bytes)
        self._lock = threading.Lock()
        self._maps: dict[tuple[str, int, int], tuple[np.ndarray, np.ndarray]] = {}
        self._damaged: dict[tuple[str, int], Issue] = {}

    @property
    def issues(self) -> tuple[Issue, ...]:
        """Masks that turned out damaged so far."""
        with self._lock:
            return tuple(self._damaged.values())

    def read(
        self, camera: str, index: int, size: tuple[int, int] | None = None, undistort: bool = False
    ) -> UInt8[np.ndarray, "height width"] | None:
        """The labels (read-only); None when this view has no mask of the frame or it is damaged.

        Masks that only tell people from background give 1 for "somebody". What an undistorted
        picture shows from beyond the recorded one is 255.

        Args:
            camera: camera name.
            index: position on the time base.
            size: width and height in pixels (None: as recorded); labels are picked, never mixed.
            undistort: in the ideal picture with the same K.
        """
        view = self._views.get(camera)
        if view is None or view.masks is None or not 0 <= index < len(view.masks.names):
            return None
        width, height = size or (view.camera.width, view.camera.height)
        key = (camera, int(index), int(width), int(height), undistort)
        found = self._cache.find(key)
        if found is not None:
            return found
        labels = self._labels(view, view.masks, index)
        if labels is None:
            return None
        if labels.shape != (height, width):
            labels = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        if view.camera.has_distortion and undistort == view.masks.distorted:
            x, y = self._map(view, width, height, undistort)
            labels = cv2.remap(
                labels, x, y, cv2.INTER_NEAREST,
                borderMode=cv2.BORDER_CONSTANT, borderValue=(UNKNOWN,),
            )  # fmt: skip
        labels.flags.writeable = False
        self._cache.keep(key, labels)
        return labels

    def _labels(self, view: View, masks: MaskFolder, index: int) -> np.ndarray | None:
        name = masks.names[index]
        if not name:
            return None
        try:
            labels = read_labels(masks.path / name)
            ratio = labels.shape[1] * view.camera.height / (labels.shape[0] * view.camera.width)
            if abs(ratio - 1) > _ASPECT_TOLERANCE:
                raise FormatError(
                    f"The mask {name} has another shape than the pictures of its camera.",
                    remedy="Masks must show the whole picture.",
                )
        except FormatError as error:
            issue = Issue(
                Severity.WARNING, error.problem, error.remedy, str(masks.path / name),
                int(self._frames[index]), view.camera.name,
            )  # fmt: skip
            with self._lock:
                self._damaged.setdefault((view.camera.name, int(index)), issue)
            return None
        return labels if masks.per_person else (labels > 0).astype(np.uint8)

    def _map(self, view: View, width: int, height: int, undistort: bool) -> tuple:
        key = (view.camera.name, width, height)
        with self._lock:
            found = self._maps.get(key)
        if found is None:
            camera = view.camera.resized(width, height)
            found = undistortion_maps(camera) if undistort else distortion_maps(camera)
            with self._lock:
                self._maps[key] = found
        return found
