"""Pictures written one by one: into a folder as PNG, or as an MP4 video."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from jaxtyping import UInt8

from avatarpose.errors import FormatError
from avatarpose.formats.storage import write_bytes

VIDEO_SUFFIX = ".mp4"
Picture = UInt8[np.ndarray, "height width 3"]


class PictureFolder:
    """A PNG per picture, named after it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, pictures: Sequence[tuple[str, Picture]]) -> None:
        """Write them."""
        for name, picture in pictures:
            write_picture(self._folder / f"{name}.png", picture)

    def __enter__(self) -> "PictureFolder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing remains to be done."""


class Video:
    """An MP4 (MPEG-4 part 2); the file appears when it is complete.

    Args:
        path: the file.
        fps: pictures per second.

    Raises:
        FormatError: (on the first picture) it cannot be written.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._fps = path, fps
        self._unfinished = path.with_name(f".{path.stem}.part{path.suffix}")
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def add(self, pictures: Sequence[tuple[str, Picture]]) -> None:
        """Write the first of them; a video shows one picture at a time."""
        _, picture = pictures[0]
        # The codec wants even sides; further pictures are of the first one's size.
        height, width = (side + side % 2 for side in picture.shape[:2])
        if self._writer is None:
            self._size = (width, height)
            self._writer = self._opened()
        padded = np.zeros((self._size[1], self._size[0], 3), np.uint8)
        rows, columns = min(len(picture), self._size[1]), min(picture.shape[1], self._size[0])
        padded[:rows, :columns] = picture[:rows, :columns]
        self._writer.write(cv2.cvtColor(padded, cv2.COLOR_RGB2BGR))

    def _opened(self) -> cv2.VideoWriter:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _not_writable(self._path, error.strerror or str(error)) from error
        code = cv2.VideoWriter.fourcc(*"mp4v")
        writer = cv2.VideoWriter(str(self._unfinished), code, self._fps, self._size)
        if not writer.isOpened():
            raise _not_writable(self._path, "the video encoder does not start")
        return writer

    def __enter__(self) -> "Video":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Complete the file, or leave nothing when something went wrong."""
        if self._writer is None:
            return
        self._writer.release()
        if kind is not None:
            self._unfinished.unlink(missing_ok=True)
        elif not self._unfinished.is_file() or self._unfinished.stat().st_size == 0:
            raise _not_writable(self._path, "the encoder wrote nothing")
        else:
            self._unfinished.replace(self._path)


Film = PictureFolder | Video


def _not_writable(path: Path, reason: str) -> FormatError:
    return FormatError(
        f"{path} cannot be written: {reason}.",
        remedy="Choose another place, or a folder (without .mp4) for single pictures.",
    )


def open_film(out: Path, fps: float) -> Film:
    """A video when `out` ends in .mp4, else a folder of pictures.

    Raises:
        FormatError: it has the suffix of another kind of file.
    """
    if out.suffix.lower() == VIDEO_SUFFIX:
        return Video(out, fps)
    if out.suffix.lower() in (".avi", ".mov", ".mkv", ".webm", ".gif", ".png", ".jpg", ".jpeg"):
        raise FormatError(
            f"{out.name} is neither a folder nor an .mp4.",
            remedy="Name an .mp4 file, or a folder for single pictures.",
        )
    return PictureFolder(out)


def write_picture(path: Path, picture: Picture) -> None:
    """Write one PNG in one step.

    Raises:
        FormatError: the place is not writable, or the disk is full.
    """
    is_encoded, content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not is_encoded:
        raise FormatError(f"{path.name} could not be encoded.", remedy="Try another size.")
    write_bytes(path, content.tobytes())
