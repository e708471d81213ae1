"""What imperfect detectors would say of a capture: 2D keypoints and masks with realistic errors."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from avatarpose.body.skeleton import SKEL19_FROM_BODY25
from avatarpose.body.smpl import BODY25_SURFACE, PosedBody, SmplModel
from avatarpose.geometry.camera import Camera
from avatarpose.scene.people import Detections2D
from avatarpose.synth.drift import drift, segments

_REFERENCE_FOCAL_PX = 750.0  # the noise below is stated for this focal length
_FINEST_SHARE = 0.35  # detectors do not become arbitrarily good on small pictures
_ROWS_FOR_A_PIXEL = 160  # below, a border a pixel off is no small error
_ARMS = ((2, 5), (3, 6), (4, 7))
_LEGS = ((9, 12), (10, 13), (11, 14), (22, 19), (23, 20), (24, 21))
# How far (m) behind their own skin joints lie: deeper means something else is in front.
_FLESH_M = np.full(25, 0.10)
_FLESH_M[[1, 8, 9, 12, 2, 5]] = 0.20
_FLESH_M[[0, 15, 16, 17, 18]] = 0.06


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """How well each keypoint can be seen from one camera.

    Attributes:
        pixels: true place in the recorded picture.
        is_inside: in the picture at all.
        by_other: hidden by another person.
        by_self: hidden by the person's own body.
    """

    pixels: Float[np.ndarray, "people frames keypoints=25 2"]
    is_inside: Bool[np.ndarray, "people frames keypoints=25"]
    by_other: Bool[np.ndarray, "people frames keypoints=25"]
    by_self: Bool[np.ndarray, "people frames keypoints=25"]


def body25(model: SmplModel, body: PosedBody) -> Float[np.ndarray, "frames keypoints=25 3"]:
    """BODY_25 points in the world (m); NaN where the body names no vertex for one."""
    if model.body25_regressor is not None:
        return np.einsum("kv,fvc->fkc", model.body25_regressor, body.vertices_world)
    points = np.full((len(body.joints_world), 25, 3), np.nan)
    points[:, list(SKEL19_FROM_BODY25)] = model.skel19(body)
    for keypoint, name in BODY25_SURFACE.items():
        if name in model.vertex_ids:
            points[:, keypoint] = body.vertices_world[:, model.vertex_ids[name]]
    return points


def detector_bias(
    points_world: Float[np.ndarray, "frames keypoints=25 3"],
    pelvis_from_body: Float[np.ndarray, "frames 3 3"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "frames keypoints=25 3"]:
    """The points a detector means: 4 to 12 mm off, the same way in every frame."""
    direction = rng.standard_normal((25, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    offset = direction * rng.uniform(0.004, 0.012, (25, 1))
    return points_world + np.einsum("fab,kb->fka", pelvis_from_body, offset)


def look(
    camera: Camera,
    points_world: Float[np.ndarray, "people frames keypoints=25 3"],
    nearest_m: Float[np.ndarray, "frames height width"],
    person_seen: Int[np.ndarray, "frames height width"],
) -> Sight:
    """Which keypoints the camera sees.

    Args:
        camera: the camera, at full size.
        points_world: where the keypoints are.
        nearest_m: depth of the nearest surface (inf: none), possibly at a smaller size.
        person_seen: the person it belongs to (-1: nobody).
    """
    pixels = camera.project(points_world)
    depth = camera.depth(points_world)
    inside = camera.is_inside(pixels)
    height, width = nearest_m.shape[1:]
    small = (np.nan_to_num(pixels, nan=0.0) + 0.5) * (width / camera.width, height / camera.height)
    column = np.floor(small[..., 0]).astype(int).clip(0, width - 1)
    row = np.floor(small[..., 1]).astype(int).clip(0, height - 1)
    frame = np.arange(points_world.shape[1])[None, :, None]
    in_front = depth - nearest_m[frame, row, column]
    seen = person_seen[frame, row, column]
    own = np.arange(len(points_world))[:, None, None]
    by_other = inside & (seen >= 0) & (seen != own) & (in_front > 0.02)
    by_self = inside & (seen == own) & (in_front > _FLESH_M)
    return Sight(pixels, inside, by_other, by_self)


def detect(
    camera: Camera, sight: Sight, contact: Bool[np.ndarray, " frames"], rng: np.random.Generator
) -> Detections2D:
    """Noisy BODY_25 detections of one camera, in random order, without identities."""
    people, frames = sight.pixels.shape[:2]
    scale = max(camera.pixel_from_camera[0, 0] / _REFERENCE_FOCAL_PX, _FINEST_SHARE)
    found = np.full((people, frames, 25, 3), np.nan)
    found[..., 2] = 0.0
    for person in range(people):
        place = sight.pixels[person].copy()
        doubtful = _misplace(sight, person, place, contact, rng)
        hidden, self_hidden = sight.by_other[person], sight.by_self[person]
        sigma = scale * np.where(hidden, 7.0, np.where(self_hidden, 3.5, 1.5))
        lasting = drift(rng, frames, 25, 2, period_frames=1.0)
        fresh = rng.standard_normal((frames, 25, 2))
        tails = np.where(rng.random((frames, 25, 1)) < 0.03, 4.0, 1.0)
        error = np.sqrt(0.5) * (lasting + fresh) * (sigma[..., None] / np.sqrt(2.0)) * tails
        chance = np.where(hidden, 0.35, np.where(self_hidden, 0.08, 0.01))
        missing = rng.random((frames, 25)) < chance
        missing |= ~sight.is_inside[person] | ~np.isfinite(place).all(axis=-1)
        share = hidden.mean(axis=1)  # somebody mostly hidden may not be found at all
        missing |= ((share > 0.65) & (rng.random(frames) < 0.5))[:, None]
        confidence = np.where(hidden, 0.42, np.where(self_hidden, 0.62, 0.86))
        size = np.linalg.norm(error, axis=-1) / scale
        confidence = confidence - 0.015 * size + 0.06 * rng.standard_normal((frames, 25))
        confidence = np.where(doubtful, rng.uniform(0.35, 0.75, (frames, 25)), confidence)
        found[person, ..., :2] = np.where(missing[..., None], np.nan, place + error)
        found[person, ..., 2] = np.where(missing, 0.0, confidence.clip(0.08, 0.98))
    shuffled = np.empty((frames, people, 25, 3), np.float32)
    for frame in range(frames):
        shuffled[frame] = found[rng.permutation(people), frame]
    return Detections2D("body25", shuffled, np.full((frames, people), -1, np.int32))


def _misplace(
    sight: Sight,
    person: int,
    place: np.ndarray,
    contact: np.ndarray,
    rng: np.random.Generator,
) -> Bool[np.ndarray, "frames keypoints=25"]:
    """Limbs swapped left for right, and joints put on somebody else while people touch."""
    people, frames = sight.pixels.shape[:2]
    doubtful = np.zeros((frames, 25), bool)
    hidden = sight.by_other[person] | sight.by_self[person]
    for pairs in (_ARMS, _LEGS):
        rate = 0.004 + 0.02 * float(hidden[:, [joint for pair in pairs for joint in pair]].mean())
        for first, end in segments(rng, frames, rate, (2, 6)):
            for right, left in pairs:
                swapped = place[first:end, [left, right]]
                place[first:end, [right, left]] = swapped
                doubtful[first:end, [right, left]] = True
    for first, end in segments(rng, frames, 0.012, (3, 6)):
        others = [other for other in range(people) if other != person]
        other = int(rng.choice(others))
        joint, onto = int(rng.choice((3, 4, 6, 7))), int(rng.choice((3, 4, 6, 7)))
        stretch = np.arange(first, end)[contact[first:end]]
        place[stretch, joint] = sight.pixels[other, stretch, onto]
        doubtful[stretch, joint] = True
    return doubtful


def disturbed_mask(
    labels: UInt8[np.ndarray, "height width"], rng: np.random.Generator
) -> UInt8[np.ndarray, "height width"]:
    """A mask as a segmentation network would give it: wavy borders, mixed-up patches, holes."""
    height, width = labels.shape
    unit = max(height / 640, 0.25)  # the errors are stated for 640 rows
    amplitude = unit * rng.uniform(1.0, 3.0)
    coarse = (max(height // 10, 2), max(width // 10, 2))
    shift = [
        cv2.resize(
            rng.standard_normal(coarse).astype(np.float32), (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
        for _ in range(2)
    ]  # fmt: skip
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(
        labels,
        x + np.float32(amplitude) * shift[0],
        y + np.float32(amplitude) * shift[1],
        cv2.INTER_NEAREST,
    )
    if rng.random() < 0.3 and height >= _ROWS_FOR_A_PIXEL:
        kernel = np.ones((3, 3), np.uint8)
        grow = rng.random() < 0.5
        moved = cv2.dilate(moved, kernel) if grow else cv2.erode(moved, kernel)
    # Where two people border on each other, patches go to the wrong one.
    lowest = cv2.erode(np.where(moved > 0, moved, 255).astype(np.uint8), np.ones((3, 3), np.uint8))
    highest = cv2.dilate(moved, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero((lowest < highest) & (lowest > 0) & (moved > 0))
    for _ in range(int(rng.poisson(min(2.0, len(rows) / 40))) if len(rows) else 0):
        pick = int(rng.integers(len(rows)))
        near = (x - columns[pick]) ** 2 + (y - rows[pick]) ** 2
        patch = near < (unit * rng.uniform(3.0, 9.0)) ** 2
        label = int(
            rng.choice([lowest[rows[pick], columns[pick]], highest[rows[pick], columns[pick]]])
        )
        moved[patch & (moved > 0)] = label
    rows, columns = np.nonzero(moved)
    if len(rows) and rng.random() < 0.08:
        pick = int(rng.integers(len(rows)))
        near = (x - columns[pick]) ** 2 + (y - rows[pick]) ** 2
        moved[near < (unit * rng.uniform(3.0, 8.0)) ** 2] = 0
    return moved
