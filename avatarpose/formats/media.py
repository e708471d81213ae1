"""Pictures of a capture by camera and frame: decoded on demand, kept in a budget, read ahead."""

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import UInt8

from avatarpose.errors import FormatError
from avatarpose.formats.byte_cache import ByteCache
from avatarpose.formats.pictures import (
    PICTURE_LIMIT_BYTES,
    decode_picture,
    resize_picture,
    undistortion_maps,
)
from avatarpose.formats.storage import read_bytes
from avatarpose.formats.video import VideoDecoder
from avatarpose.scene.capture import Capture, Footage
from avatarpose.scene.issues import Issue, Severity

_ASPECT_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class FrameRequest:
    """A picture as it is asked for.

    Attributes:
        camera: camera name.
        index: position on the capture's time base.
        size: width and height in pixels; None for the recorded size.
        undistort: straight lines become straight (same K).
    """

    camera: str
    index: int
    size: tuple[int, int] | None = None
    undistort: bool = False


class FrameReader:
    """Reads the pictures of one capture; every method may be called from any thread."""

    def __init__(self, capture: Capture, *, budget_bytes: int = 512 << 20) -> None:
        self._views = {view.camera.name: view for view in capture.views}
        self._frames = capture.frames
        self._cache = ByteCache(budget_bytes)
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._maps: dict[tuple[str, int, int], tuple[np.ndarray, np.ndarray]] = {}
        self._decoders: dict[str, VideoDecoder] = {}
        self._damaged: dict[tuple[str, int], Issue] = {}
        self._waiting: deque[FrameRequest] = deque()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    @property
    def issues(self) -> tuple[Issue, ...]:
        """Pictures that turned out damaged so far."""
        with self._lock:
            return tuple(self._damaged.values())

    @property
    def used_bytes(self) -> int:
        """Memory the kept pictures take."""
        return self._cache.used_bytes

    def read(
        self,
        camera: str,
        index: int,
        *,
        size: tuple[int, int] | None = None,
        undistort: bool = False,
    ) -> UInt8[np.ndarray, "height width 3"] | None:
        """The picture as RGB (read-only); None when this view has none or it is damaged."""
        request = self._request(camera, index, size, undistort)
        found = self._cache.find(request)
        return found if found is not None else self._load(request)

    def cached(
        self,
        camera: str,
        index: int,
        *,
        size: tuple[int, int] | None = None,
        undistort: bool = False,
    ) -> UInt8[np.ndarray, "height width 3"] | None:
        """The picture if it is at hand, at once; None otherwise."""
        return self._cache.find(self._request(camera, index, size, undistort))

    def prefetch(self, requests: Iterable[FrameRequest]) -> None:
        """Read these next in the background; they replace what was still waiting."""
        wanted = [
            self._request(request.camera, request.index, request.size, request.undistort)
            for request in requests
        ]
        with self._wake:
            if self._is_closed:
                return
            self._waiting = deque(wanted)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._read_ahead, name="read-ahead", daemon=True
                )
                self._thread.start()
            self._wake.notify()

    def close(self) -> None:
        """End the read-ahead and release the files; reading afterwards still works, slower."""
        with self._wake:
            self._is_closed = True
            self._waiting.clear()
            self._wake.notify()
            thread, self._thread = self._thread, None
            decoders = tuple(self._decoders.values())
        if thread is not None:
            thread.join()
        for decoder in decoders:
            decoder.close()
        self._cache.clear()

    def _request(
        self, camera: str, index: int, size: tuple[int, int] | None, undistort: bool
    ) -> FrameRequest:
        """The request in the form pictures are kept under."""
        if camera not in self._views:
            raise FormatError(
                f"There is no camera {camera!r} in the capture.",
                remedy=f"The cameras are {', '.join(self._views)}.",
            )
        model = self._views[camera].camera
        width, height = size or (model.width, model.height)
        return FrameRequest(
            camera, int(index), (int(width), int(height)), undistort and model.has_distortion
        )

    def _read_ahead(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._is_closed:
                    self._wake.wait()
                if self._is_closed:
                    return
                request = self._waiting.popleft()
            if self._cache.find(request) is None:
                self._load(request)

    def _load(self, request: FrameRequest) -> np.ndarray | None:
        footage = self._views[request.camera].footage
        if footage is None or not 0 <= request.index < len(self._frames):
            return None
        if footage.source_frames[request.index] < 0:
            return None
        with self._lock:
            if (request.camera, request.index) in self._damaged:
                return None
        if footage.kind == "video":
            return self._load_from_video(request, footage)
        try:
            content = read_bytes(
                footage.path / footage.names[request.index], limit_bytes=PICTURE_LIMIT_BYTES
            )
        except FormatError as error:
            self._note_damage(request, footage, error.problem)
            return None
        picture = decode_picture(content, at_least=request.size)
        if picture is None:
            name = footage.names[request.index]
            self._note_damage(request, footage, f"{name} is damaged or cut short.")
            return None
        return self._finish(request, footage, picture)

    def _load_from_video(self, request: FrameRequest, footage: Footage) -> np.ndarray | None:
        with self._lock:
            decoder = self._decoders.setdefault(request.camera, VideoDecoder(footage.path))
        try:
            found = decoder.frames_to(int(footage.source_frames[request.index]))
        except FormatError as error:
            self._note_damage(request, footage, error.problem)
            return None
        if not found:
            number = footage.source_frames[request.index]
            self._note_damage(request, footage, f"{footage.path.name} ends before frame {number}.")
            return None
        for number, picture in found[:-1]:  # met on the way back: likely to be asked for next
            for index in np.flatnonzero(footage.source_frames == number).tolist():
                self._finish(replace(request, index=index), footage, picture)
        return self._finish(request, footage, found[-1][1])

    def _finish(
        self, request: FrameRequest, footage: Footage, picture: np.ndarray
    ) -> np.ndarray | None:
        """Bring a decoded picture to the size asked for, and keep it."""
        assert request.size is not None
        camera = self._views[request.camera].camera
        height, width = picture.shape[:2]
        if abs(width * camera.height / (height * camera.width) - 1) > _ASPECT_TOLERANCE:
            self._note_damage(
                request,
                footage,
                f"The picture has {width} x {height} pixels, the calibration is for "
                f"{camera.width} x {camera.height}.",
            )
            return None
        picture = resize_picture(picture, request.size)
        if request.undistort:
            picture = cv2.remap(picture, *self._undistortion(request), cv2.INTER_LINEAR)
        picture.flags.writeable = False
        self._cache.keep(request, picture)
        return picture

    def _undistortion(self, request: FrameRequest) -> tuple[np.ndarray, np.ndarray]:
        assert request.size is not None
        key = (request.camera, *request.size)
        with self._lock:
            found = self._maps.get(key)
        if found is None:
            camera = self._views[request.camera].camera.resized(*request.size)
            x, y = undistortion_maps(camera)
            fixed = cv2.convertMaps(x, y, cv2.CV_16SC2)
            found = (fixed[0], fixed[1])
            with self._lock:
                self._maps[key] = found
        return found

    def _note_damage(self, request: FrameRequest, footage: Footage, message: str) -> None:
        frame = int(self._frames[request.index])
        issue = Issue(
            Severity.WARNING,
            message,
            "The view is treated as absent in this frame; copy the file again to have it back.",
            str(footage.path),
            frame,
            request.camera,
        )
        with self._lock:
            self._damaged.setdefault((request.camera, request.index), issue)
