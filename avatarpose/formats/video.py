"""Frame-exact access to one video file.

A container's frame count and a decoder's seek are promises; frames are therefore counted while they
are decoded, and a seek is believed only when the time stamp it lands on is the one met before.
"""

import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from avatarpose.errors import FormatError

_TIME_TOLERANCE_MS = 1.0
_LOOK_BACK = 12


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a video's container says of itself.

    Attributes:
        width: pixels.
        height: pixels.
        frame_count: number of frames (a promise).
        fps: frames per second; 0.0 when not stated.
    """

    width: int
    height: int
    frame_count: int
    fps: float


def _open(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path))
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
    if not capture.isOpened():
        raise FormatError(
            f"{path} cannot be opened as a video.",
            remedy="Copy it again, or convert it to H.264 in mp4.",
        )
    return capture


def read_video_facts(path: Path) -> VideoFacts:
    """Size, frame count and rate as the container states them.

    Raises:
        FormatError: the file is no video this program can decode.
    """
    if not path.is_file():
        raise FormatError(f"The video {path} does not exist.", remedy="Check the folder.")
    capture = _open(path)
    try:
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        fps = capture.get(cv2.CAP_PROP_FPS)
        return VideoFacts(
            width=int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            frame_count=int(count) if 0 < count < 1e8 else 0,
            fps=float(fps) if np.isfinite(fps) and 0 < fps < 10_000 else 0.0,
        )
    finally:
        capture.release()


@dataclass(frozen=True, slots=True)
class VideoTiming:
    """What decoding a whole video shows.

    Attributes:
        frame_count: number of frames that can be decoded.
        irregular: indices of frames that follow the one before by another interval than most.
    """

    frame_count: int
    irregular: tuple[int, ...]


def read_video_timing(path: Path) -> VideoTiming:
    """How many frames there are, and where the interval between them jumps (decodes everything).

    Raises:
        FormatError: the file is no video this program can decode.
    """
    capture = _open(path)
    try:
        times_ms = []
        while capture.grab():
            times_ms.append(capture.get(cv2.CAP_PROP_POS_MSEC))
    finally:
        capture.release()
    intervals = np.diff(times_ms)
    if len(intervals) == 0 or not np.isfinite(intervals).all():
        return VideoTiming(len(times_ms), ())
    usual = float(np.median(intervals))
    jumps = np.flatnonzero(np.abs(intervals - usual) > 0.5 * max(usual, _TIME_TOLERANCE_MS)) + 1
    return VideoTiming(len(times_ms), tuple(jumps.tolist()))


class VideoDecoder:
    """Frames of one video by index; several threads may ask, one is served at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._capture: cv2.VideoCapture | None = None
        self._next = 0
        self._times_ms: list[float] = []
        self._can_seek = True
        self._end: int | None = None

    def frames_to(self, index: int) -> list[tuple[int, UInt8[np.ndarray, "height width 3"]]]:
        """The frame (RGB), and when it lies behind the last one read also some before it.

        Returns:
            (index, picture) pairs, the asked one last; empty when the video ends before it.
        """
        with self._lock:
            if index < 0 or (self._end is not None and index >= self._end):
                return []
            first = index
            if index < self._next:
                first = max(0, index - _LOOK_BACK)
                self._go_back(first)
            elif index - self._next > 2 * _LOOK_BACK and index < len(self._times_ms):
                self._go_back(index)
            found = []
            while self._next <= index:
                if not self._grab():
                    return []
                if self._next > first:
                    picture = self._retrieve()
                    if picture is not None:
                        found.append((self._next - 1, picture))
            return found if found and found[-1][0] == index else []

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            if self._capture is not None:
                self._capture.release()
            self._capture = None
            self._next = 0

    def _grab(self) -> bool:
        if self._capture is None:
            self._capture = _open(self._path)
            self._next = 0
        if not self._capture.grab():
            self._end = self._next
            return False
        if self._next == len(self._times_ms):
            self._times_ms.append(self._capture.get(cv2.CAP_PROP_POS_MSEC))
        self._next += 1
        return True

    def _retrieve(self) -> np.ndarray | None:
        assert self._capture is not None
        is_read, picture = self._capture.retrieve()
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) if is_read else None

    def _go_back(self, index: int) -> None:
        """Place the decoder so that the next frame is `index`, a frame met before."""
        if self._capture is not None:
            if self._can_seek and index > 0 and self._seek(self._capture, index):
                return
            self._capture.release()
        self._capture = _open(self._path)
        self._next = 0

    def _seek(self, capture: cv2.VideoCapture, index: int) -> bool:
        """Land just after the frame before `index`, and believe it only if its time is known."""
        expected = self._times_ms[index - 1]
        times = self._times_ms[max(0, index - 2) : index + 1]
        is_telling = len(set(times)) == len(times) and all(np.isfinite(times))
        capture.set(cv2.CAP_PROP_POS_FRAMES, index - 1)
        landed = capture.grab()
        time = capture.get(cv2.CAP_PROP_POS_MSEC)
        if landed and is_telling and abs(time - expected) < _TIME_TOLERANCE_MS:
            self._next = index
            return True
        self._can_seek = False
        return False
