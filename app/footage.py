"""Pictures of the views, decoded by worker threads; the interface thread never waits for one."""

import logging
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QImage

from avatarpose.formats.media import FrameReader
from avatarpose.scene.capture import Capture

log = logging.getLogger(__name__)

WORKERS = 2
BUDGET_BYTES = 512 * 2**20
READER_BYTES = 16 * 2**20  # pictures are kept here, in Qt's byte order, and not twice
READ_AHEAD = 6
READ_BEHIND = 2


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded frame, perhaps reduced; `image` and `bgra` share their memory.

    Attributes:
        camera: camera name.
        index: position on the time base.
        reduction: 1 for full size, 2 for half, 4 for a quarter.
        bgra: pixels in the byte order Qt draws fastest (RGB32); the last channel is 255.
        image: the same as a QImage.
    """

    camera: str
    index: int
    reduction: int
    bgra: UInt8[np.ndarray, "height width 4"]
    image: QImage


@dataclass(frozen=True, slots=True)
class _Wish:
    camera: str
    index: int
    reduction: int


class PictureLoader(QObject):
    """Hands out cached pictures at once and fetches the others in the background.

    `picture` returns what is there and remembers the wish; `arrived` says that another call is
    worth it. Per view only the newest wish counts: playing faster than the disk drops frames
    instead of piling up work. Neighbouring frames are read ahead when nothing is wanted.
    """

    arrived = Signal(str, int)
    failed = Signal(str, str)
    _knock = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._capture: Capture | None = None
        self._cache: OrderedDict[_Wish, Picture] = OrderedDict()
        self._cache_bytes = 0
        self._done: deque[tuple[int, _Wish, np.ndarray | None, str]] = deque()
        self._gate = threading.Condition()
        self._wanted: dict[str, _Wish] = {}
        self._ahead: deque[_Wish] = deque()
        self._busy: set[_Wish] = set()
        self._missing: set[tuple[str, int]] = set()
        self._reported: set[str] = set()
        self._reductions: dict[str, int] = {}
        self._reader: FrameReader | None = None
        self._generation = 0
        self._threads: list[threading.Thread] = []
        self._is_closing = False
        self._knock.connect(self._collect, Qt.ConnectionType.QueuedConnection)

    def open(self, capture: Capture | None) -> None:
        """Serve another capture; pictures of the former one are dropped."""
        with self._gate:
            self._generation += 1
            self._capture = capture
            self._wanted.clear()
            self._ahead.clear()
            self._busy.clear()
            former, self._reader = self._reader, None
            if capture is not None:
                self._reader = FrameReader(capture, budget_bytes=READER_BYTES)
        if former is not None:
            former.close()
        self._cache.clear()
        self._cache_bytes = 0
        self._missing.clear()
        self._reported.clear()
        self._reductions.clear()
        if capture is not None and not self._threads:
            self._start()

    def close(self) -> None:
        """Stop the workers; waits for the pictures in work, at most."""
        with self._gate:
            self._is_closing = True
            self._gate.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def has_picture(self, camera: str, index: int) -> bool:
        """False where the view has no (readable) picture at that frame."""
        if self._capture is None:
            return False
        footage = self._capture.view(camera).footage
        if footage is None or not 0 <= index < len(footage.source_frames):
            return False
        return footage.source_frames[index] >= 0 and (camera, index) not in self._missing

    def picture(self, camera: str, index: int, reduction: int = 1) -> Picture | None:
        """The picture if it is there; otherwise a coarser one, or None, and the wish is noted."""
        if not self.has_picture(camera, index):
            return None
        self._reductions[camera] = reduction
        wish = _Wish(camera, index, reduction)
        found = self._cache.get(wish)
        if found is not None:
            self._cache.move_to_end(wish)
            return found
        with self._gate:
            if wish not in self._busy:
                self._wanted[camera] = wish
                self._gate.notify()
        for other in (1, 2, 4, 8):
            found = self._cache.get(_Wish(camera, index, other))
            if found is not None:
                return found
        return None

    def read_ahead(self, index: int) -> None:
        """Fetch the frames around `index` of every view that is being shown, when there is time."""
        offsets = [*range(1, READ_AHEAD + 1), *range(-1, -READ_BEHIND - 1, -1)]
        wishes = [
            _Wish(camera, index + offset, reduction)
            for offset in offsets
            for camera, reduction in self._reductions.items()
            if self.has_picture(camera, index + offset)
        ]
        with self._gate:
            self._ahead = deque(wish for wish in wishes if wish not in self._cache)
            self._gate.notify_all()

    def _start(self) -> None:
        for number in range(WORKERS):
            thread = threading.Thread(target=self._work, name=f"pictures-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _work(self) -> None:
        """One worker: takes wishes until the loader closes; touches no Qt object but the signal."""
        while True:
            with self._gate:
                self._gate.wait_for(lambda: self._is_closing or self._wanted or self._ahead)
                if self._is_closing:
                    return
                if self._wanted:
                    wish = self._wanted.pop(next(iter(self._wanted)))
                else:
                    wish = self._ahead.popleft()
                if wish in self._busy:
                    continue
                reader, capture = self._reader, self._capture
                generation = self._generation
                self._busy.add(wish)
            if reader is None or capture is None:
                continue
            model = capture.view(wish.camera).camera
            size = _reduced((model.width, model.height), wish.reduction)
            try:
                rgb = reader.read(wish.camera, wish.index, size=size)
                pixels, problem = _bgra(rgb), ""
            except Exception as error:  # noqa: BLE001  the thread's edge: only a picture is lost
                pixels, problem = None, str(error)
            with self._gate:
                if self._is_closing:
                    return
            self._done.append((generation, wish, pixels, problem))
            self._knock.emit()

    def _collect(self) -> None:
        while self._done:
            generation, wish, pixels, problem = self._done.popleft()
            with self._gate:
                if generation != self._generation:
                    continue
                self._busy.discard(wish)
            if pixels is None:
                problem = problem or "the picture is missing or damaged"
                self._missing.add((wish.camera, wish.index))
                if wish.camera not in self._reported:
                    self._reported.add(wish.camera)
                    log.warning("no picture of %s at %d: %s", wish.camera, wish.index, problem)
                    self.failed.emit(wish.camera, problem)
            elif wish not in self._cache:
                self._keep(wish, pixels)
            self.arrived.emit(wish.camera, wish.index)

    def _keep(self, wish: _Wish, pixels: np.ndarray) -> None:
        height, width = pixels.shape[:2]
        image = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        picture = Picture(wish.camera, wish.index, wish.reduction, pixels, image)
        self._cache[wish] = picture
        self._cache_bytes += pixels.nbytes
        while self._cache_bytes > BUDGET_BYTES and len(self._cache) > 1:
            _, dropped = self._cache.popitem(last=False)
            self._cache_bytes -= dropped.bgra.nbytes


def _reduced(size: tuple[int, int], reduction: int) -> tuple[int, int] | None:
    """Width and height after the reduction; None for the recorded size."""
    if reduction == 1:
        return None
    return max(1, round(size[0] / reduction)), max(1, round(size[1] / reduction))


def _bgra(rgb: np.ndarray | None) -> np.ndarray | None:
    return None if rgb is None else cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA)
