"""Pictures of dressed people in the room: visibility by rasterising, colours point by point."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from avatarpose.body.smpl import SmplModel
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rasteriser import rasterise
from avatarpose.synth.fabric import albedo, face_points
from avatarpose.synth.noise import noise
from avatarpose.synth.people import Layer, Wardrobe, layers_at
from avatarpose.synth.room import KEY_STRENGTH, Backdrop, Room, ambient, backdrop

SUPERSAMPLING = 2
_LIGHT_PIXELS = 448
_LIGHT_REACH_M = 2.6  # half the side of the square that casts shadows
_BIAS_M = 0.025


@dataclass(frozen=True, slots=True, eq=False)
class DressedPeople:
    """All people of one frame, one after the other.

    Attributes:
        vertices_world: dressed surfaces (m).
        normals: unit normals.
        openness: share of the light from around that reaches each vertex.
    """

    vertices_world: Float[np.ndarray, "vertices 3"]
    normals: Float[np.ndarray, "vertices 3"]
    openness: Float[np.ndarray, " vertices"]


class Renderer:
    """Draws frames of the same people in the same room for any camera."""

    def __init__(self, model: SmplModel, wardrobes: list[Wardrobe], room: Room) -> None:
        self.room = room
        self.wardrobes = wardrobes
        self.people = len(wardrobes)
        self.body_faces = len(model.faces)
        self.faces = np.concatenate(
            [model.faces + person * model.vertex_count for person in range(self.people)]
        ).astype(np.int32)
        self.rest = np.ascontiguousarray(model.v_template, np.float32)
        self.features = face_points(model)
        self._backdrops: dict[str, Backdrop] = {}
        self._light_axes = _axes_along(room.key_light)

    def labels(self, people: DressedPeople, camera: Camera) -> UInt8[np.ndarray, "height width"]:
        """Exact mask: 0 nobody, else 1 + the person that covers most of the pixel."""
        face_id, _, _ = self._see(people, camera)
        person = np.where(face_id >= 0, face_id // self.body_faces + 1, 0)
        samples = [
            person[row::SUPERSAMPLING, column::SUPERSAMPLING]
            for row in range(SUPERSAMPLING)
            for column in range(SUPERSAMPLING)
        ]
        counts = np.zeros((self.people + 1, camera.height, camera.width), np.uint8)
        for label in range(self.people + 1):
            for sample in samples:
                counts[label] += sample == label
        return counts.argmax(axis=0).astype(np.uint8)

    def shadows(self, people: DressedPeople) -> "Shadows":
        """What the key light does not reach; the same for all cameras."""
        scale = _LIGHT_PIXELS / (2 * _LIGHT_REACH_M)
        local = people.vertices_world @ self._light_axes.T
        pixels = (local[:, :2] + _LIGHT_REACH_M) * scale - 0.5
        depth = 20.0 - local[:, 2]
        face_id, nearest, _ = rasterise(pixels, depth, self.faces, _LIGHT_PIXELS, _LIGHT_PIXELS)
        lit = np.zeros(len(depth), np.float32)
        for shift in ((-0.6, -0.6), (0.6, -0.6), (-0.6, 0.6), (0.6, 0.6)):
            x, y = np.round(pixels + shift).astype(int).T.clip(0, _LIGHT_PIXELS - 1)
            lit += 0.25 * (depth < nearest[y, x] + _BIAS_M)
        cast = cv2.GaussianBlur((face_id >= 0).astype(np.float32), (0, 0), 2.2)
        low = people.vertices_world[people.vertices_world[:, 2] < 0.35]
        under = np.zeros((_LIGHT_PIXELS, _LIGHT_PIXELS), np.float32)
        x, y = np.round((low[:, :2] + _LIGHT_REACH_M) * scale - 0.5).astype(int).T
        np.maximum.at(
            under,
            (y.clip(0, _LIGHT_PIXELS - 1), x.clip(0, _LIGHT_PIXELS - 1)),
            np.clip(1 - low[:, 2] / 0.35, 0, 1),
        )
        under = np.clip(3.0 * cv2.GaussianBlur(under, (0, 0), 6.0), 0, 0.75)
        return Shadows(lit, cast, under)

    def radiance(
        self, people: DressedPeople, shadows: "Shadows", camera: Camera
    ) -> Float[np.ndarray, "height width 3"]:
        """Linear RGB of what the camera sees."""
        picture = self._room(camera, shadows)
        face_id, _, weights = self._see(people, camera)
        rows, columns = np.nonzero(face_id >= 0)
        if len(rows) == 0:
            return picture
        seen = face_id[rows, columns]
        colours = self._shade(people, shadows, camera, seen, weights[rows, columns])
        fine = np.zeros((*face_id.shape, 4), np.float32)
        fine[rows, columns, :3] = colours
        fine[rows, columns, 3] = 1.0
        size = (camera.width, camera.height)
        coarse = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
        return picture * (1 - coarse[..., 3:]) + coarse[..., :3]

    def _see(
        self, people: DressedPeople, camera: Camera
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        fine = camera.resized(camera.width * SUPERSAMPLING, camera.height * SUPERSAMPLING)
        pixels = fine.project(people.vertices_world)
        depth = fine.depth(people.vertices_world)
        return rasterise(pixels, depth, self.faces, fine.width, fine.height)

    def _room(self, camera: Camera, shadows: "Shadows") -> np.ndarray:
        if camera.name not in self._backdrops:
            fine = camera.resized(camera.width * SUPERSAMPLING, camera.height * SUPERSAMPLING)
            smooth = cv2.resize(
                backdrop(self.room, fine).radiance,
                (camera.width, camera.height),
                interpolation=cv2.INTER_AREA,
            )
            coarse = backdrop(self.room, camera)
            self._backdrops[camera.name] = replace(coarse, radiance=smooth)
        empty = self._backdrops[camera.name]
        scale = _LIGHT_PIXELS / (2 * _LIGHT_REACH_M)
        local = empty.points_world @ self._light_axes[:2].T.astype(np.float32)
        place = ((local + _LIGHT_REACH_M) * scale - 0.5).astype(np.float32)
        hidden = cv2.remap(shadows.cast, place[..., 0], place[..., 1], cv2.INTER_LINEAR)
        flat = ((empty.points_world[..., :2] + _LIGHT_REACH_M) * scale - 0.5).astype(np.float32)
        near = cv2.remap(shadows.under, flat[..., 0], flat[..., 1], cv2.INTER_LINEAR)
        dimmed = (1 - hidden * (1 - empty.shade)) * (1 - 0.7 * near)
        return empty.radiance * np.where(empty.is_floor, dimmed, 1.0)[..., None].astype(np.float32)

    def _shade(
        self,
        people: DressedPeople,
        shadows: "Shadows",
        camera: Camera,
        faces_seen: Int[np.ndarray, " points"],
        weights: Float[np.ndarray, "points 3"],
    ) -> Float[np.ndarray, "points 3"]:
        corners = self.faces[faces_seen]
        person = faces_seen // self.body_faces
        count = len(self.rest)

        def at(values: np.ndarray) -> np.ndarray:
            return _blended(values, corners, weights)

        normal = at(people.normals)
        lit, openness = at(shadows.lit), at(people.openness)
        points = at(people.vertices_world)
        rest = _blended(self.rest, corners - person[:, None] * count, weights)
        colour = np.empty((len(rest), 3), np.float32)
        gloss = np.zeros(len(rest), np.float32)
        rough = np.zeros(len(rest), np.float32)
        for index, wardrobe in enumerate(self.wardrobes):
            mine = np.flatnonzero(person == index)
            vertices = corners[mine] - index * count
            hair = _blended(wardrobe.hair, vertices, weights[mine])
            layer = layers_at(rest[mine], hair, wardrobe.marks, wardrobe.outfit)
            colour[mine] = albedo(rest[mine], layer, wardrobe.outfit, wardrobe.marks, self.features)
            is_cloth = (layer == Layer.TOP) | (layer == Layer.BOTTOM)
            rough[mine] = np.where(is_cloth, 0.16, 0.04)
            gloss[mine] = np.where(is_cloth, 0.0, np.where(layer == Layer.HAIR, 0.10, 0.05))
        bumps = [noise(rest + shift, 0.022, 17, octaves=2) for shift in (0.0, 3.7, 9.1)]
        normal = normal + rough[:, None] * np.stack(bumps, axis=1)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        key = np.clip(normal @ self.room.key_light, 0, None) * lit
        light = ambient(normal) * openness + KEY_STRENGTH * key
        view = camera.centre_world - points
        view /= np.linalg.norm(view, axis=1, keepdims=True)
        half = view + self.room.key_light
        half /= np.linalg.norm(half, axis=1, keepdims=True)
        shine = gloss * lit * np.clip((normal * half).sum(axis=1), 0, 1) ** 24
        return (colour * light[:, None] + shine[:, None]).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Shadows:
    """Where the key light of a frame is hidden.

    Attributes:
        lit: 1 where the light reaches a vertex, 0 where not.
        cast: blurred silhouette of the people as the light sees them.
        under: darkening of the floor close under the people, from above.
    """

    lit: Float[np.ndarray, " vertices"]
    cast: Float[np.ndarray, "pixels pixels"]
    under: Float[np.ndarray, "pixels pixels"]


def _axes_along(direction: np.ndarray) -> Float[np.ndarray, "3 3"]:
    """Rows: two unit vectors across the direction, and the direction."""
    right = np.cross((0.0, 0.0, 1.0), direction)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(direction, right), direction])


def _blended(values: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Values at vertices, interpolated at points by their weights on three corners."""
    spread = weights[..., None] if values.ndim == 2 else weights
    total = values[corners[:, 0]] * spread[:, 0]
    total += values[corners[:, 1]] * spread[:, 1]
    total += values[corners[:, 2]] * spread[:, 2]
    return total
