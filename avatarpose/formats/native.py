"""Captures made in memory, written as a project that owns its pictures."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from avatarpose.errors import FormatError
from avatarpose.formats.masks import label_png
from avatarpose.formats.project import save_project
from avatarpose.formats.project_document import file_name_of
from avatarpose.formats.storage import write_bulk
from avatarpose.scene.capture import Capture, Footage, MaskFolder, View
from avatarpose.scene.scene import Scene

_JPEG_QUALITY = 92


def write_native(
    folder: Path,
    scene: Scene,
    images: Iterable[tuple[str, int, np.ndarray]],
    masks: Iterable[tuple[str, int, np.ndarray]] = (),
    *,
    image_format: str = "jpg",
    body_path: Path | None = None,
) -> Scene:
    """Write pictures, masks and scene; pictures are taken one at a time and not kept in memory.

    Args:
        folder: the project folder to make.
        scene: cameras, time base, people, detections; its references to pictures are replaced.
        images: (camera, frame number, RGB picture) in any order.
        masks: (camera, frame number, labels: 0, pid + 1, 255) in any order.
        image_format: "jpg" or "png".
        body_path: file of the scene's body model; None for the one that comes with the program.

    Returns:
        The scene whose capture points to the folder.

    Raises:
        FormatError: a camera or frame is not of the scene, or the disk is full.
    """
    if image_format not in ("jpg", "png"):
        raise FormatError(
            f"Pictures cannot be written as {image_format!r}.", remedy="Choose jpg or png."
        )
    capture = scene.capture
    folder = folder.absolute()
    picture_names: dict[str, dict[int, str]] = defaultdict(dict)
    for camera, frame, picture in images:
        index = _place(capture, camera, frame)
        name = f"{frame:06d}.{image_format}"
        content = _encoded(picture, image_format)
        write_bulk(folder / "images" / file_name_of(camera) / name, content)
        picture_names[camera][index] = name
    mask_names: dict[str, dict[int, str]] = defaultdict(dict)
    for camera, frame, labels in masks:
        index = _place(capture, camera, frame)
        name = f"{frame:06d}.png"
        write_bulk(folder / "masks" / file_name_of(camera) / name, label_png(labels))
        mask_names[camera][index] = name
    views = []
    for view in capture.views:
        camera = view.camera.name
        names = tuple(picture_names[camera].get(i, "") for i in range(capture.frame_count))
        numbers = [
            int(frame) if name else -1 for frame, name in zip(capture.frames, names, strict=True)
        ]
        label_names = tuple(mask_names[camera].get(i, "") for i in range(capture.frame_count))
        views.append(
            View(
                view.camera,
                Footage(
                    "images", folder / "images" / file_name_of(camera), np.array(numbers), names
                )
                if any(names)
                else None,
                MaskFolder(folder / "masks" / file_name_of(camera), label_names)
                if any(label_names)
                else None,
            )
        )
    written = scene.changed(capture=replace(capture, views=tuple(views), folder=folder))
    save_project(written, folder, body_path=body_path)
    return written


def _place(capture: Capture, camera: str, frame: int) -> int:
    capture.view(camera)
    return capture.index_of(frame)


def _encoded(picture: np.ndarray, image_format: str) -> bytes:
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise FormatError(f"A picture is {picture.shape} of {picture.dtype}, not 8-bit RGB.")
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if image_format == "jpg" else []
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    is_encoded, content = cv2.imencode(f".{image_format}", bgr, options)
    if not is_encoded:
        raise FormatError("A picture could not be encoded.", remedy="Choose another format.")
    return content.tobytes()
