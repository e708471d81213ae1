"""The pictures a refinement looks at: undistorted, at working size, with labels, all in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Int, UInt8

from avatarpose.body.pose import PoseSequence
from avatarpose.errors import OptimizationError
from avatarpose.formats.masks import MaskReader
from avatarpose.formats.media import FrameReader
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rasteriser import rasterise
from avatarpose.scene.scene import Scene

UNKNOWN = 255
SOMEBODY = 254


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """Everything seen of the chosen frames by the chosen cameras.

    Attributes:
        cameras: ideal cameras at working size.
        frames: positions on the time base.
        images: RGB.
        labels: 0 background, pid + 1 a person, 254 somebody, 255 unknown.
        present: which pictures exist.
        background: the empty room per camera, where it was ever seen.
        background_known: where it was.
    """

    cameras: tuple[Camera, ...]
    frames: Int[np.ndarray, " frames"]
    images: tuple[UInt8[np.ndarray, "frames height width 3"], ...]
    labels: tuple[UInt8[np.ndarray, "frames height width"], ...]
    present: Bool[np.ndarray, "cameras frames"]
    background: tuple[UInt8[np.ndarray, "height width 3"], ...]
    background_known: tuple[Bool[np.ndarray, "height width"], ...]


def working_size(camera: Camera, longest_px: int) -> tuple[int, int]:
    """Width and height with the longer side at most `longest_px`."""
    factor = min(1.0, longest_px / max(camera.width, camera.height))
    return max(8, round(camera.width * factor)), max(8, round(camera.height * factor))


def load_pictures(
    scene: Scene,
    frames: Int[np.ndarray, " frames"],
    cameras: Sequence[str],
    longest_px: int,
    poses: dict[int, PoseSequence],
    on_progress: Callable[[float], bool] | None = None,
) -> Pictures:
    """Read and undistort; damaged or missing pictures are marked absent.

    Args:
        scene: where the pictures lie.
        frames: positions on the time base.
        cameras: camera names.
        longest_px: longer side at working size.
        poses: bodies, to tell people from the room where masks are missing.
        on_progress: told the share done; False stops.

    Raises:
        OptimizationError: no picture could be read.
    """
    reader, masks = FrameReader(scene.capture, budget_bytes=0), MaskReader(scene.capture)
    ideal, images, labels = [], [], []
    present = np.zeros((len(cameras), len(frames)), bool)
    done, total, is_wanted = 0, len(cameras) * len(frames), True
    try:
        for row, name in enumerate(cameras):
            view = scene.capture.view(name)
            width, height = working_size(view.camera, longest_px)
            ideal.append(view.camera.resized(width, height).undistorted())
            stack = np.zeros((len(frames), height, width, 3), np.uint8)
            marks = np.full((len(frames), height, width), UNKNOWN, np.uint8)
            for column, index in enumerate(frames):
                if not is_wanted:
                    break
                size = (width, height)
                image = reader.read(name, int(index), size=size, undistort=True)
                if image is not None:
                    stack[column] = image
                    present[row, column] = True
                    label = masks.read(name, int(index), size=size, undistort=True)
                    if label is not None:
                        is_union = view.masks is not None and not view.masks.per_person
                        marks[column] = _union(label) if is_union else label
                done += 1
                is_wanted = on_progress is None or on_progress(done / total)
            images.append(stack)
            labels.append(marks)
    finally:
        reader.close()
    if not present.any():
        raise OptimizationError(
            "None of the pictures of the chosen frames and cameras could be read.",
            remedy="Check the paths of the footage with 'avatarpose check'.",
        )
    background, known = [], []
    for row, camera in enumerate(ideal):
        plate, seen = _empty_room(
            scene, camera, frames, images[row], labels[row], present[row], poses
        )
        background.append(plate)
        known.append(seen)
    return Pictures(
        tuple(ideal), frames, tuple(images), tuple(labels), present, tuple(background), tuple(known)
    )


def _union(label: np.ndarray) -> np.ndarray:
    return np.where((label > 0) & (label < UNKNOWN), SOMEBODY, label).astype(np.uint8)


def body_mask(
    scene: Scene, camera: Camera, index: int, poses: dict[int, PoseSequence], grow_px: int
) -> Bool[np.ndarray, "height width"]:
    """Pixels that the posed bodies cover, grown by some pixels."""
    covered = np.zeros((camera.height, camera.width), np.uint8)
    for sequence in poses.values():
        if not sequence.valid[index]:
            continue
        body = scene.body.posed_sequence(sequence, np.array([index]))
        vertices = body.vertices_world[0]
        pixels = camera.project_ideal(vertices).astype(np.float32)
        depth = camera.depth(vertices).astype(np.float32)
        pixels[depth <= 0.05] = np.nan
        face, _, _ = rasterise(pixels, depth, scene.body.faces, camera.width, camera.height)
        covered |= (face >= 0).astype(np.uint8)
    if grow_px > 0:
        size = 2 * grow_px + 1
        covered = cv2.dilate(covered, np.ones((size, size), np.uint8))
    return covered.astype(bool)


def _empty_room(
    scene: Scene,
    camera: Camera,
    frames: np.ndarray,
    images: np.ndarray,
    labels: np.ndarray,
    present: np.ndarray,
    poses: dict[int, PoseSequence],
) -> tuple[np.ndarray, np.ndarray]:
    """Median of each pixel over the frames in which nobody covers it; and where there were any."""
    grow = max(2, round(0.03 * max(camera.width, camera.height)))
    kernel = np.ones((2 * grow // 2 + 1,) * 2, np.uint8)
    use = np.flatnonzero(present)
    use = (
        use[np.linspace(0, len(use) - 1, min(len(use), 24)).round().astype(int)]
        if len(use)
        else use
    )
    stack, free = [], []
    for column in use:
        if (labels[column] == UNKNOWN).all():
            busy = body_mask(scene, camera, int(frames[column]), poses, grow)
        else:
            busy = cv2.dilate((labels[column] != 0).astype(np.uint8), kernel).astype(bool)
        stack.append(images[column])
        free.append(~busy)
    if not stack:
        shape = (camera.height, camera.width)
        return np.zeros((*shape, 3), np.uint8), np.zeros(shape, bool)
    pixels, is_free = np.stack(stack).astype(np.float32), np.stack(free)
    pixels[~is_free] = np.nan
    known = is_free.sum(0) >= min(3, len(stack))
    plate = np.zeros(pixels.shape[1:], np.float32)
    rows, columns = np.nonzero(known)
    plate[rows, columns] = np.nanmedian(pixels[:, rows, columns], axis=0)
    return plate.astype(np.uint8), known
