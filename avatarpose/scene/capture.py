"""What was recorded: cameras, the common time base, and where each view's pictures lie."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Int

from avatarpose.body.pose import frozen, rebuild
from avatarpose.errors import SceneError
from avatarpose.geometry.camera import Camera, Rig


@dataclass(frozen=True, slots=True, eq=False)
class Footage:
    """Pictures of one view: a folder of images or a video; nothing is decoded here.

    Attributes:
        kind: "images" (a folder) or "video" (a file).
        path: the folder or file.
        source_frames: for each frame its picture's number in the source (the number
            in the image's name, or the index in the video); -1 where the view has no picture.
        names: for "images", the file name of each frame ("" where absent).
    """

    kind: Literal["images", "video"]
    path: Path
    source_frames: Int[np.ndarray, " frames"]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "source_frames", frozen(self.source_frames, np.int64))

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild(self)

    @property
    def present(self) -> Bool[np.ndarray, " frames"]:
        """Frames in which this view has a picture."""
        return self.source_frames >= 0


@dataclass(frozen=True, slots=True, eq=False)
class MaskFolder:
    """Label images of one view: 0 background, pid + 1 a person, 255 unknown (formats document 2.7).

    Attributes:
        path: the folder.
        names: file name of each frame of the time base, "" where there is none.
        distorted: masks lie in the recorded (distorted) image, as our own do.
        per_person: False when any non-zero label only means "somebody".
    """

    path: Path
    names: tuple[str, ...]
    distorted: bool = True
    per_person: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One camera with its pictures and masks."""

    camera: Camera
    footage: Footage | None = None
    masks: MaskFolder | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    """A synchronised recording.

    Attributes:
        name: what it is called.
        frames: frame numbers of the common time base, ascending; index 0 need not be number 0.
        fps: frames per second.
        views: one per camera, in natural order of the camera names.
        folder: where it was read from (None for a capture made in memory).
    """

    name: str
    frames: Int[np.ndarray, " frames"]
    fps: float
    views: tuple[View, ...]
    folder: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames", frozen(self.frames, np.int64))
        order = Rig(tuple(view.camera for view in self.views)).names
        by_name = {view.camera.name: view for view in self.views}
        object.__setattr__(self, "views", tuple(by_name[name] for name in order))

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild(self)

    @property
    def rig(self) -> Rig:
        """The cameras."""
        return Rig(tuple(view.camera for view in self.views))

    @property
    def frame_count(self) -> int:
        """Length of the time base."""
        return len(self.frames)

    def view(self, camera: str) -> View:
        """The view of the named camera."""
        for view in self.views:
            if view.camera.name == camera:
                return view
        raise SceneError(
            f"There is no camera {camera!r} in {self.name}.",
            remedy=f"The cameras are {', '.join(self.rig.names)}.",
        )

    def index_of(self, frame: int) -> int:
        """Position of a frame number on the time base."""
        index = int(np.searchsorted(self.frames, frame))
        if index >= len(self.frames) or self.frames[index] != frame:
            raise SceneError(
                f"Frame {frame} is not part of {self.name}.",
                remedy=f"Frames run from {self.frames[0]} to {self.frames[-1]}.",
            )
        return index

    def indices_between(self, first: int, last: int) -> Int[np.ndarray, " picked"]:
        """Positions of the frames numbered `first` to `last`, both included."""
        picked = np.flatnonzero((self.frames >= first) & (self.frames <= last))
        if len(picked) == 0:
            raise SceneError(
                f"No frame lies between {first} and {last}.",
                remedy=f"Frames run from {self.frames[0]} to {self.frames[-1]}.",
            )
        return picked
