"""The room around the people, seen by tracing every pixel's ray: floor, walls, pictures, boxes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from avatarpose.geometry.camera import Camera
from avatarpose.synth.noise import noise


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """A furnished room, the floor's middle at the origin; colours are linear RGB.

    Attributes:
        half_size_m: half the width and half the depth.
        height_m: height of the ceiling.
        walls: colours of the walls at +x, -x, +y, -y.
        plank: colour of the floor.
        boxes: low and high corner of each box on the floor (m).
        box_colours: their colours.
        picture_colours: two colours for the picture on each wall.
        key_light: unit vector towards the key light.
        seed: decides the grain.
    """

    half_size_m: Float[np.ndarray, "2"]
    height_m: float
    walls: Float[np.ndarray, "walls=4 3"]
    plank: Float[np.ndarray, "3"]
    boxes: Float[np.ndarray, "boxes 2 3"]
    box_colours: Float[np.ndarray, "boxes 3"]
    picture_colours: Float[np.ndarray, "walls=4 2 3"]
    key_light: Float[np.ndarray, "3"]
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Backdrop:
    """What one camera sees of the empty room.

    Attributes:
        radiance: linear RGB, lit by the key light.
        shade: share of the radiance that is left where the key light is hidden.
        points_world: the floor point seen (m), where `is_floor`.
        is_floor: pixels that show the floor.
    """

    radiance: Float[np.ndarray, "height width 3"]
    shade: Float[np.ndarray, "height width"]
    points_world: Float[np.ndarray, "height width 3"]
    is_floor: Bool[np.ndarray, "height width"]


def furnish(half_size_m: float, rng: np.random.Generator) -> Room:
    """A random room whose walls are `half_size_m` from its middle, give or take."""
    half = half_size_m * rng.uniform(1.0, 1.12, 2)
    grey = rng.uniform(0.38, 0.55)
    walls = np.clip(grey * rng.uniform(0.85, 1.12, (4, 3)), 0, 0.75)
    plank = np.array([0.34, 0.20, 0.10]) * rng.uniform(0.75, 1.2)
    boxes = []
    for corner in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
        if rng.random() < 0.3:
            continue
        size = rng.uniform((0.35, 0.35, 0.6), (0.6, 0.6, 1.4))
        place = half * np.array(corner) * rng.uniform(0.62, 0.86, 2)
        low = np.array([place[0] - size[0] / 2, place[1] - size[1] / 2, 0.0])
        boxes.append((low, low + size))
    azimuth, height = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(50, 64))
    light = (np.cos(height) * np.cos(azimuth), np.cos(height) * np.sin(azimuth), np.sin(height))
    return Room(
        half_size_m=half,
        height_m=float(rng.uniform(2.7, 3.1)),
        walls=walls,
        plank=plank,
        boxes=np.array(boxes, np.float64).reshape(-1, 2, 3),
        box_colours=rng.uniform(0.03, 0.55, (len(boxes), 3)),
        picture_colours=rng.uniform(0.03, 0.6, (4, 2, 3)),
        key_light=np.array(light),
        seed=int(rng.integers(1 << 30)),
    )


def ambient(normals: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch"]:
    """Light from all around in a bright room, stronger from above, for unit normals."""
    return 0.36 + 0.16 * normals[..., 2]


KEY_STRENGTH = 0.95


def backdrop(room: Room, camera: Camera) -> Backdrop:
    """What the camera sees of the empty room, at its own size and through its own lens."""
    height, width = camera.height, camera.width
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    rays = camera.rays(np.stack([x, y], axis=-1).astype(np.float64)).reshape(-1, 3)
    centre = camera.centre_world
    distance = np.full(len(rays), np.inf)
    colour = np.zeros((len(rays), 3))
    normal = np.zeros((len(rays), 3))
    surface = np.full(len(rays), -1)
    half_x, half_y = room.half_size_m
    planes = (  # axis, place, inward normal's sign
        (0, half_x, -1), (0, -half_x, 1), (1, half_y, -1), (1, -half_y, 1),
        (2, 0.0, 1), (2, room.height_m, -1),
    )  # fmt: skip
    for index, (axis, place, inward) in enumerate(planes):
        with np.errstate(divide="ignore", invalid="ignore"):
            away = (place - centre[axis]) / rays[:, axis]
        hit = (away > 1e-6) & (away < distance)
        distance[hit], surface[hit] = away[hit], index
        normal[hit] = inward * np.eye(3)[axis]
    points = centre + distance[:, None] * rays
    for index in range(4):
        picked = surface == index
        colour[picked] = _wall(room, index, points[picked])
    colour[surface == 4] = _planks(room, points[surface == 4])
    colour[surface == 5] = 0.62
    for box, box_colour in zip(room.boxes, room.box_colours, strict=True):
        away, outward = _box_hits(centre, rays, box)
        hit = away < distance
        distance[hit], normal[hit], surface[hit] = away[hit], outward[hit], 6
        points[hit] = centre + away[hit, None] * rays[hit]
        grain = 1 + 0.10 * noise(points[hit], 0.15, room.seed + 9, octaves=2)
        colour[hit] = box_colour * grain[:, None]
    key = KEY_STRENGTH * np.clip(normal @ room.key_light, 0, None)
    light = ambient(normal) * _corner_shade(room, points) + key
    shade = np.where(light > 0, (light - 0.92 * key) / np.maximum(light, 1e-9), 1.0)
    return Backdrop(
        radiance=(colour * light[:, None]).reshape(height, width, 3).astype(np.float32),
        shade=shade.reshape(height, width).astype(np.float32),
        points_world=points.reshape(height, width, 3).astype(np.float32),
        is_floor=(surface == 4).reshape(height, width),
    )


def _corner_shade(room: Room, points: np.ndarray) -> np.ndarray:
    """Corners and edges get less light from around."""
    gaps = [room.half_size_m[0] - np.abs(points[:, 0]), room.half_size_m[1] - np.abs(points[:, 1])]
    gaps += [points[:, 2], room.height_m - points[:, 2]]
    second = np.sort(np.abs(np.stack(gaps)), axis=0)[1]  # the first is the surface itself
    return 1 - 0.35 * np.exp(-second / 0.25)


def _wall(room: Room, index: int, points: np.ndarray) -> np.ndarray:
    along = points[:, 1] if index < 2 else points[:, 0]
    up = points[:, 2]
    plaster = 1 + 0.05 * noise(points, 0.5, room.seed, octaves=4)
    dado = np.where(up < 0.95, 0.62, 1.0)
    colour = room.walls[index] * (plaster * dado)[:, None]
    colour[up < 0.09] = 0.6  # skirting board
    middle = 0.8 * np.sin(2.1 * index + room.seed)
    u, v = (along - middle) / 0.55, (up - 1.55) / 0.36
    frame = (np.abs(u) < 1.06) & (np.abs(v) < 1.08)
    inside = (np.abs(u) < 1) & (np.abs(v) < 1)
    colour[frame] = 0.03
    first, second = room.picture_colours[index]
    kind = (index + room.seed) % 4
    if kind == 0:
        pattern = (np.floor(u * 4) + np.floor(v * 3)) % 2 > 0
    elif kind == 1:
        pattern = np.floor((u + v) * 5) % 2 > 0
    elif kind == 2:
        pattern = np.hypot(u, v * 0.65) < 0.5
    else:
        pattern = np.floor(u * 5) % 2 > 0
    colour[inside] = np.where(pattern[inside, None], first, second)
    return colour


def _planks(room: Room, points: np.ndarray) -> np.ndarray:
    width_m, length_m = 0.12, 1.3
    row = np.floor(points[:, 1] / width_m)
    shift = np.mod(np.sin(row * 12.9898) * 43758.5453, 1.0) * length_m
    board = np.floor((points[:, 0] + shift) / length_m)
    tone = np.mod(np.sin(row * 78.233 + board * 37.719) * 43758.5453, 1.0)
    grain = noise(points * (0.12, 1.0, 1.0), 0.02, room.seed + 3, octaves=2)
    colour = room.plank * (0.78 + 0.42 * tone + 0.12 * grain)[:, None]
    across = np.abs(points[:, 1] / width_m - row - 0.5)
    along = np.abs((points[:, 0] + shift) / length_m - board - 0.5)
    gap = (across > 0.5 - 0.003 / width_m) | (along > 0.5 - 0.003 / length_m)
    colour[gap] *= 0.45
    return colour


def _box_hits(
    centre: np.ndarray, rays: np.ndarray, box: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Distance to a box from outside (inf: missed) and the outward normal there."""
    with np.errstate(divide="ignore", invalid="ignore"):
        to_low, to_high = (box[0] - centre) / rays, (box[1] - centre) / rays
    entry, leave = np.minimum(to_low, to_high), np.maximum(to_low, to_high)
    axis = np.argmax(entry, axis=1)
    first, last = entry.max(axis=1), leave.min(axis=1)
    away = np.where((first < last) & (first > 1e-6), first, np.inf)
    outward = -np.sign(np.take_along_axis(rays, axis[:, None], axis=1)) * np.eye(3)[axis]
    return away, outward
