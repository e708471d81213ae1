"""Which pixels a step looks at: on people, along their outlines, and a few anywhere near them."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from avatarpose.body.pose import PoseSequence
from avatarpose.optimize.pictures import SOMEBODY, UNKNOWN, Pictures, body_mask
from avatarpose.scene.scene import Scene


@dataclass(frozen=True, slots=True, eq=False)
class PixelTargets:
    """What the pictures say at chosen pixels.

    Attributes:
        camera: camera index of each ray, ascending.
        pixel: x, y.
        rgb: recorded colour in [0, 1].
        background: colour to be seen behind the people.
        foreground: 1 where the mask shows somebody, else 0.
        person: row of the person the mask shows; -1 when it does not say who.
        mask_weight: 0 where the mask knows nothing.
    """

    camera: Int[np.ndarray, " rays"]
    pixel: Int[np.ndarray, "rays 2"]
    rgb: Float[np.ndarray, "rays 3"]
    background: Float[np.ndarray, "rays 3"]
    foreground: Float[np.ndarray, " rays"]
    person: Int[np.ndarray, " rays"]
    mask_weight: Float[np.ndarray, " rays"]


class PixelSampler:
    """Draws pixels from pictures; the regions of every picture are found once."""

    def __init__(self, scene: Scene, pictures: Pictures, poses: dict[int, PoseSequence]) -> None:
        self._pictures = pictures
        self._row_of_label = np.full(256, -1, np.int32)
        for row, pid in enumerate(poses):
            self._row_of_label[pid + 1] = row
        self._inside: list[list[np.ndarray]] = []
        self._edge: list[list[np.ndarray]] = []
        for index, camera in enumerate(pictures.cameras):
            inside, edge = [], []
            for column, frame in enumerate(pictures.frames):
                labels = pictures.labels[index][column]
                if not pictures.present[index, column]:
                    labels = np.zeros_like(labels)
                    region = labels.astype(bool)
                elif (labels == UNKNOWN).all():
                    region = body_mask(scene, camera, int(frame), poses, 0)
                    labels = region.astype(np.uint8)
                else:
                    region = (labels != 0) & (labels != UNKNOWN)
                inside.append(np.flatnonzero(region).astype(np.int32))
                edge.append(np.flatnonzero(_outline(labels, camera.height)).astype(np.int32))
            self._inside.append(inside)
            self._edge.append(edge)

    def draw(
        self,
        column: int,
        per_camera: int,
        generator: np.random.Generator,
        edge_share: float = 0.5,
        cameras: Int[np.ndarray, " chosen"] | None = None,
    ) -> PixelTargets:
        """Distinct pixels of one frame from every camera that has it.

        Args:
            column: position among the pictures' frames.
            per_camera: pixels wanted from each camera.
            generator: source of randomness.
            edge_share: share near outlines; the rest lies on people.
            cameras: indices of the cameras to use; all when None.
        """
        pictures = self._pictures
        picked_camera, picked = [], []
        for index in range(len(pictures.cameras)) if cameras is None else cameras:
            edge, inside = self._edge[index][column], self._inside[index][column]
            from_edge = _some(edge, round(per_camera * edge_share), generator)
            from_inside = _some(inside, per_camera - len(from_edge), generator)
            flat = np.unique(np.concatenate([from_edge, from_inside]))
            picked.append(flat)
            picked_camera.append(np.full(len(flat), index))
        return self._targets(column, picked_camera, picked)

    def _targets(
        self, column: int, picked_camera: list[np.ndarray], picked: list[np.ndarray]
    ) -> PixelTargets:
        pictures = self._pictures
        rgb, background, label, pixel = [], [], [], []
        for cameras, flat in zip(picked_camera, picked, strict=True):
            if len(flat) == 0:
                continue
            index = int(cameras[0])
            width = pictures.cameras[index].width
            y, x = np.divmod(flat, width)
            colour = pictures.images[index][column][y, x].astype(np.float32) / 255
            known = pictures.background_known[index][y, x]
            plate = pictures.background[index][y, x].astype(np.float32) / 255
            marks = pictures.labels[index][column][y, x]
            # Where the room behind is unknown the recorded colour itself stands in: such a pixel
            # judges the people's colour only as far as they are opaque.
            behind = np.where((known & (marks != 0))[:, None], plate, colour)
            rgb.append(colour)
            background.append(behind)
            label.append(marks)
            pixel.append(np.stack([x, y], -1))
        empty = np.zeros((0, 3), np.float32)
        marks = np.concatenate(label) if label else np.zeros(0, np.uint8)
        person = self._row_of_label[marks]
        return PixelTargets(
            camera=np.concatenate(picked_camera).astype(np.int64),
            pixel=np.concatenate(pixel) if pixel else np.zeros((0, 2), np.int64),
            rgb=np.concatenate(rgb) if rgb else empty,
            background=np.concatenate(background) if background else empty,
            foreground=((marks > 0) & (marks != UNKNOWN)).astype(np.float32),
            person=np.where(marks == SOMEBODY, -1, person),
            mask_weight=(marks != UNKNOWN).astype(np.float32),
        )


def _outline(labels: UInt8[np.ndarray, "height width"], height: int) -> Bool[np.ndarray, "h w"]:
    """Pixels near a change of label: dilation minus erosion in two dimensions."""
    reach = max(1, round(0.02 * height))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    known = np.where(labels == UNKNOWN, 0, labels)
    return cv2.dilate(known, kernel) != cv2.erode(known, kernel)


def _some(indices: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    if len(indices) <= count:
        return indices
    return generator.choice(indices, count, replace=False, shuffle=False)
