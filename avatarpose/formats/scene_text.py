"""Captures, edits and runs as plain JSON values, exact to the last bit, and back."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avatarpose.errors import FormatError
from avatarpose.geometry.camera import Camera
from avatarpose.scene.capture import Capture, Footage, MaskFolder, View
from avatarpose.scene.issues import Issue, Severity
from avatarpose.scene.layers import EditLayer, KeyOffset, ViewPin
from avatarpose.scene.scene import RunRecord

WRONG_CONTENT = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError)


def portable_path(path: Path, folder: Path) -> str:
    """How a project in `folder` refers to a path: relative when inside or beside it."""
    absolute, home = path.absolute(), folder.absolute()
    if absolute.is_relative_to(home):
        return absolute.relative_to(home).as_posix()
    if absolute.is_relative_to(home.parent):
        return "../" + absolute.relative_to(home.parent).as_posix()
    return absolute.as_posix()


def path_from(text: str, folder: Path) -> Path:
    """The path a project in `folder` refers to."""
    path = Path(text)
    if path.is_absolute():
        return path
    if path.parts[:1] == ("..",):
        return folder.absolute().parent.joinpath(*path.parts[1:])
    return folder.absolute() / path


def capture_value(capture: Capture, folder: Path) -> dict[str, Any]:
    """A capture as a JSON value; pictures are referred to, not copied."""
    return {
        "name": capture.name,
        "fps": capture.fps,
        "frames": capture.frames.tolist(),
        "folder": "" if capture.folder is None else portable_path(capture.folder, folder),
        "views": [_view_value(view, folder) for view in capture.views],
    }


def _view_value(view: View, folder: Path) -> dict[str, Any]:
    camera = view.camera
    value: dict[str, Any] = {
        "camera": {
            "name": camera.name,
            "width": camera.width,
            "height": camera.height,
            "pixel_from_camera": camera.pixel_from_camera.tolist(),
            "camera_from_world": camera.camera_from_world.tolist(),
            "distortion": camera.distortion.tolist(),
        }
    }
    if view.footage is not None:
        value["footage"] = {
            "kind": view.footage.kind,
            "path": portable_path(view.footage.path, folder),
            "source_frames": view.footage.source_frames.tolist(),
            "names": list(view.footage.names),
        }
    if view.masks is not None:
        value["masks"] = {
            "path": portable_path(view.masks.path, folder),
            "names": list(view.masks.names),
            "distorted": view.masks.distorted,
            "per_person": view.masks.per_person,
        }
    return value


def capture_from(value: Any, folder: Path, where: str) -> Capture:
    """The capture a JSON value describes.

    Raises:
        FormatError: something is missing or of another kind.
    """
    try:
        frames = np.array(value["frames"], np.int64)
        if frames.ndim != 1 or np.any(np.diff(frames) <= 0):
            raise ValueError("frames are not in ascending order")
        fps = float(value["fps"])
        if not 0 < fps < 10_000:
            raise ValueError("the frame rate is not positive")
        views = tuple(_view_from(view, len(frames), folder) for view in value["views"])
        source = path_from(value["folder"], folder) if value["folder"] else None
        return Capture(str(value["name"]), frames, fps, views, source)
    except WRONG_CONTENT as error:
        raise _damaged(where, error) from error


def _view_from(value: Any, frame_count: int, folder: Path) -> View:
    stated = value["camera"]
    k = np.array(stated["pixel_from_camera"], np.float64).reshape(3, 3)
    pose = np.array(stated["camera_from_world"], np.float64).reshape(4, 4)
    distortion = np.array(stated["distortion"], np.float64).reshape(8)
    width, height = int(stated["width"]), int(stated["height"])
    if (
        not all(np.isfinite(array).all() for array in (k, pose, distortion))
        or min(width, height) < 1
    ):
        raise ValueError("a camera is not made of finite numbers")
    camera = Camera(str(stated["name"]), width, height, k, pose, distortion)
    footage = masks = None
    if "footage" in value:
        given = value["footage"]
        numbers = np.array(given["source_frames"], np.int64).reshape(frame_count)
        names = tuple(map(str, given["names"]))
        if given["kind"] not in ("images", "video") or (
            given["kind"] == "images" and len(names) != frame_count
        ):
            raise ValueError("the pictures of a view are not listed for every frame")
        footage = Footage(given["kind"], path_from(given["path"], folder), numbers, names)
    if "masks" in value:
        given = value["masks"]
        names = tuple(map(str, given["names"]))
        if len(names) != frame_count:
            raise ValueError("the masks of a view are not listed for every frame")
        masks = MaskFolder(
            path_from(given["path"], folder),
            names,
            bool(given["distorted"]),
            bool(given["per_person"]),
        )
    return View(camera, footage, masks)


def edit_value(edit: EditLayer) -> dict[str, Any]:
    """A person's corrections to one layer as a JSON value."""
    return {
        "betas": edit.betas.tolist(),
        "keys": [
            {
                "index": index,
                "rotvecs": key.rotvecs.tolist(),
                "transl": key.transl.tolist(),
                "ease_frames": key.ease_frames,
                "hold": None if key.hold is None else list(key.hold),
                "strength": key.strength.tolist(),
            }
            for index, key in edit.keys.items()
        ],
        "view_pins": [
            {
                "camera": pin.camera,
                "frame_index": pin.frame_index,
                "joint": int(pin.joint),
                "pixel": [float(pin.pixel[0]), float(pin.pixel[1])],
            }
            for pin in edit.view_pins
        ],
    }


def edit_from(value: Any, where: str) -> EditLayer:
    """The corrections a JSON value describes.

    Raises:
        FormatError: something is missing or of another kind.
    """
    try:
        keys = {int(key["index"]): _key_from(key) for key in value["keys"]}
        pins = tuple(
            ViewPin(
                str(pin["camera"]),
                int(pin["frame_index"]),
                int(pin["joint"]),
                (float(pin["pixel"][0]), float(pin["pixel"][1])),
            )
            for pin in value["view_pins"]
        )
        betas = np.array(value["betas"], np.float32).reshape(10)
        if not np.isfinite(betas).all() or any(not 0 <= pin.joint < 24 for pin in pins):
            raise ValueError("an edit holds numbers that cannot be meant")
        return EditLayer(keys, pins, betas)
    except WRONG_CONTENT as error:
        raise _damaged(where, error) from error


def _key_from(value: Any) -> KeyOffset:
    hold = value["hold"]
    rotvecs = np.array(value["rotvecs"], np.float32).reshape(24, 3)
    transl = np.array(value["transl"], np.float32).reshape(3)
    if not (np.isfinite(rotvecs).all() and np.isfinite(transl).all()):
        raise ValueError("a correction is not made of finite numbers")
    return KeyOffset(
        rotvecs,
        transl,
        int(value["ease_frames"]),
        None if hold is None else (int(hold[0]), int(hold[1])),
        np.array(value["strength"], np.uint8).reshape(24),
    )


def run_value(run: RunRecord) -> dict[str, Any]:
    """What is kept of a run as a JSON value."""
    return {
        "name": run.name,
        "preset": run.preset,
        "frames": list(map(int, run.frames)),
        "pids": list(map(int, run.pids)),
        "seconds": float(run.seconds),
        "source": run.source,
        "folder": run.folder,
        "losses": {
            name: [[int(step), float(loss)] for step, loss in curve]
            for name, curve in run.losses.items()
        },
    }


def run_from(value: Any, where: str) -> RunRecord:
    """The run a JSON value describes.

    Raises:
        FormatError: something is missing or of another kind.
    """
    try:
        losses: Mapping[str, Sequence] = value["losses"]
        return RunRecord(
            name=str(value["name"]),
            preset=str(value["preset"]),
            frames=(int(value["frames"][0]), int(value["frames"][1])),
            pids=tuple(int(pid) for pid in value["pids"]),
            seconds=float(value["seconds"]),
            source=str(value["source"]),
            losses={
                name: tuple((int(step), float(loss)) for step, loss in curve)
                for name, curve in losses.items()
            },
            folder=str(value["folder"]),
        )
    except WRONG_CONTENT as error:
        raise _damaged(where, error) from error


def issue_value(issue: Issue) -> dict[str, Any]:
    """An issue as a JSON value."""
    return {
        "severity": str(issue.severity),
        "message": issue.message,
        "remedy": issue.remedy,
        "file": issue.file,
        "frame": issue.frame,
        "camera": issue.camera,
        "pid": issue.pid,
    }


def issue_from(value: Any, where: str) -> Issue:
    """The issue a JSON value describes.

    Raises:
        FormatError: something is missing or of another kind.
    """
    try:
        return Issue(
            Severity(value["severity"]),
            str(value["message"]),
            str(value["remedy"]),
            str(value["file"]),
            None if value["frame"] is None else int(value["frame"]),
            str(value["camera"]),
            None if value["pid"] is None else int(value["pid"]),
        )
    except WRONG_CONTENT as error:
        raise _damaged(where, error) from error


def _damaged(where: str, error: Exception) -> FormatError:
    return FormatError(
        f"{where} does not hold what it should: {error}.",
        remedy="Take the file from a backup; earlier states lie in the project's backups folder.",
    )
