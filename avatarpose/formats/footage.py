"""The time base: pictures and masks of all views by frame number, never by position in a list."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from avatarpose.errors import FormatError
from avatarpose.formats.masks import UNKNOWN, read_labels
from avatarpose.formats.pictures import (
    PICTURE_SUFFIXES,
    VIDEO_SUFFIXES,
    numbered_files,
    picture_size,
)
from avatarpose.formats.video import read_video_facts
from avatarpose.scene.capture import Footage, MaskFolder
from avatarpose.scene.issues import Issue, Severity

_MOST_LABELS = 32


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Pictures of one view before the time base is known.

    Attributes:
        path: a folder of pictures or a video file.
        names: file name per frame number (folders); the frame's index as text (videos).
        size: width and height of the first readable picture.
        fps: frames per second; 0.0 when not stated.
    """

    path: Path
    names: Mapping[int, str]
    size: tuple[int, int]
    fps: float = 0.0

    @property
    def is_video(self) -> bool:
        """True for a video file."""
        return self.path.is_file()

    def footage(self, frames: Int[np.ndarray, " frames"]) -> Footage:
        """The pictures on a time base."""
        numbers = [frame if frame in self.names else -1 for frame in frames.tolist()]
        if self.is_video:
            return Footage("video", self.path, np.array(numbers, np.int64))
        names = tuple(self.names.get(frame, "") for frame in frames.tolist())
        return Footage("images", self.path, np.array(numbers, np.int64), names)


def camera_folder(parent: Path, camera: str) -> Path:
    """The folder of a camera below `parent`, by its name or the same number ("04" for "4")."""
    exact = parent / camera
    if exact.is_dir() or not camera.isdigit() or not parent.is_dir():
        return exact
    same = [
        entry
        for entry in sorted(parent.iterdir())
        if entry.is_dir() and entry.name.isdigit() and int(entry.name) == int(camera)
    ]
    return same[0] if len(same) == 1 else exact


def find_source(
    folders: Iterable[Path], videos: Iterable[Path], camera: str, issues: list[Issue]
) -> Source | None:
    """The first folder with pictures, else the first video file, that exists.

    Args:
        folders: where pictures may lie.
        videos: paths a video may have, without suffix.
        camera: the view's name, for the issues.
        issues: what is wrong is added here.
    """
    for folder in folders:
        if folder.is_dir():
            files = numbered_files(folder, PICTURE_SUFFIXES, camera=camera)
            size = _first_size(folder, files.by_number)
            if size is not None:
                issues.extend(files.issues)
                return Source(folder, files.by_number, size)
    for stem in videos:
        for suffix in VIDEO_SUFFIXES:
            path = stem.with_name(stem.name + suffix)
            if not path.is_file():
                continue
            try:
                return video_source(path)
            except FormatError as error:
                issues.append(
                    Issue(Severity.ERROR, error.problem, error.remedy, str(path), camera=camera)
                )
    return None


def video_source(path: Path) -> Source:
    """A video as a source whose frame numbers are its indices from 0.

    Raises:
        FormatError: it cannot be decoded, or holds no frame.
    """
    facts = read_video_facts(path)
    if facts.frame_count == 0 or facts.width == 0 or facts.height == 0:
        raise FormatError(f"{path} holds no frames.", remedy="Copy the video again.")
    names = {index: str(index) for index in range(facts.frame_count)}
    return Source(path, names, (facts.width, facts.height), facts.fps)


def _first_size(folder: Path, names: Mapping[int, str]) -> tuple[int, int] | None:
    for name in names.values():
        try:
            return picture_size(folder / name)
        except FormatError:
            continue
    return None


def time_base(
    sources: Mapping[str, Source], *, where: str, issues: list[Issue]
) -> Int[np.ndarray, " frames"]:
    """All frame numbers any view has, ascending; views that lack some are noted."""
    everything = sorted(set().union(*(source.names for source in sources.values()), ()))
    for camera, source in sources.items():
        lacking = len(everything) - len(source.names)
        if lacking:
            first = next(number for number in everything if number not in source.names)
            issues.append(
                Issue(
                    Severity.WARNING,
                    f"Camera {camera} has no picture for {lacking} of {len(everything)} frames.",
                    "The view counts as absent there; add the pictures if they exist.",
                    where,
                    first,
                    camera,
                )
            )
    return np.array(everything, np.int64)


def stated_rate(
    sources: Mapping[str, Source], meta_fps: float | None, *, where: str, issues: list[Issue]
) -> float:
    """Frames per second: as stated, else as the videos say, else 30."""
    rates = {round(source.fps, 3) for source in sources.values() if source.fps > 0}
    if len(rates) > 1:
        listed = ", ".join(f"{rate:g}" for rate in sorted(rates))
        issues.append(
            Issue(
                Severity.WARNING,
                f"The videos run at different rates ({listed} frames per second).",
                "Convert them to one rate; frames are taken as simultaneous by their number.",
                where,
            )
        )
    if meta_fps is not None:
        return meta_fps
    if rates:
        return min(rates)
    issues.append(
        Issue(
            Severity.INFO,
            "The frame rate is not stated; 30 frames per second are assumed.",
            'Put a meta.json with {"fps": ...} into the folder.',
            where,
        )
    )
    return 30.0


def find_masks(
    candidates: Iterable[tuple[Path, bool]],
    frames: Int[np.ndarray, " frames"],
    camera: str,
    issues: list[Issue],
) -> MaskFolder | None:
    """Masks of one view.

    Args:
        candidates: folders in order of preference, each with whether its labels name people.
        frames: the time base.
        camera: the view's name, for the issues.
        issues: what is wrong is added here.
    """
    for folder, names_people in candidates:
        if not folder.is_dir():
            continue
        files = numbered_files(folder, PICTURE_SUFFIXES, camera=camera)
        names = tuple(files.by_number.get(frame, "") for frame in frames.tolist())
        if not any(names):
            continue
        issues.extend(files.issues)
        return MaskFolder(
            folder, names, True, names_people and _names_people(folder, names, issues)
        )
    return None


def _names_people(folder: Path, names: tuple[str, ...], issues: list[Issue]) -> bool:
    """False when the labels only tell somebody from nobody."""
    present = [name for name in names if name]
    for name in (present[0], present[len(present) // 2], present[-1]):
        try:
            values = np.unique(read_labels(folder / name))
        except FormatError as error:
            issues.append(Issue(Severity.WARNING, error.problem, error.remedy, str(folder / name)))
            continue
        labels = values[(values > 0) & (values != UNKNOWN)]
        if len(labels) > _MOST_LABELS:
            issues.append(
                Issue(
                    Severity.WARNING,
                    f"{name} has {len(labels)} different labels; it is taken as one foreground.",
                    "Save masks without loss: one number per person.",
                    str(folder),
                )
            )
            return False
        if len(labels):
            return True
    return False
