"""A whole synthetic capture from one seed: motion, pictures, masks, detections, initial fits."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from avatarpose.body.pose import PoseSequence
from avatarpose.body.smpl import SmplModel
from avatarpose.errors import AvatarPoseError
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rasteriser import rasterise
from avatarpose.scene.capture import Capture, View
from avatarpose.scene.layers import INITIAL, TRUTH, PoseLayer
from avatarpose.scene.people import Detections2D, Person
from avatarpose.scene.scene import Scene
from avatarpose.synth.camera_ring import camera_ring
from avatarpose.synth.contact import (
    closest_approach,
    in_contact,
    signed_distances,
    vertex_normals,
)
from avatarpose.synth.initial import InitialFits, spoil
from avatarpose.synth.motion import perform
from avatarpose.synth.observations import body25, detect, detector_bias, disturbed_mask, look
from avatarpose.synth.people import Wardrobe, draw_outfits, draw_shapes
from avatarpose.synth.renderer import DressedPeople, Renderer, Shadows
from avatarpose.synth.room import Room, furnish
from avatarpose.synth.scripts import FPS, choreograph
from avatarpose.synth.sensor import Sensor, draw_sensor

Picture = UInt8[np.ndarray, "height width 3"]
Labels = UInt8[np.ndarray, "height width"]

_TAKES = 3
_GOOD_TAKE_M = 0.012
_SMALL_ROWS = 200  # size at which keypoint visibility is decided
_KEPT_FRAMES = 96
_KEPT_LABELS = 512
_OCCLUSION_REACH_M = 0.12
# One stream of random numbers per purpose: changing one thing leaves the others as they were.
_SHAPES, _MOTION, _OUTFITS, _CLOTH, _ROOM, _RIG, _SENSORS, _KEYPOINTS, _INITIAL = range(9)
_GRAIN, _MASKS = 100, 101


@dataclass(frozen=True, slots=True)
class Settings:
    """What a synthetic capture was asked to be."""

    script: str
    people: int
    views: int
    frames: int
    size: tuple[int, int]
    seed: int
    init_error_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """What is known about a synthetic capture.

    Attributes:
        initial_error_mm: world MPJPE (skel19) of the initial poses over valid person-frames.
        initial_error_per_person_mm: the same per person.
        closest_approach_mm: smallest distance between two bare bodies per frame; negative: overlap.
        failures: the gross failures among the initial poses, in words.
    """

    initial_error_mm: float
    initial_error_per_person_mm: tuple[float, ...]
    closest_approach_mm: tuple[float, ...]
    failures: tuple[str, ...]


def make_capture(
    script: str,
    *,
    people: int,
    views: int,
    frames: int,
    size: tuple[int, int],
    seed: int,
    init_error_mm: float,
    body: SmplModel,
) -> "SyntheticCapture":
    """A capture of people acting out a script; the same arguments give the same bytes.

    Args:
        script: "hug", "dance", "handshake" or "spar".
        people: 2 to 4.
        views: number of cameras, 2 to 32.
        frames: number of frames at 25 per second.
        size: width and height of the pictures in pixels.
        seed: decides everything random.
        init_error_mm: mean world error (skel19) of the initial poses.
        body: the body model.
    """
    settings = Settings(script, people, views, frames, size, seed, init_error_mm)
    _check(settings)
    shapes = draw_shapes(people, _stream(settings, _SHAPES))
    takes = []
    for take in range(_TAKES):  # now and then arms get entangled: the scene is shot again
        choreography = choreograph(script, people, frames, _stream(settings, _MOTION, take))
        takes.append(perform(body, shapes, choreography))
        if takes[-1][1] < _GOOD_TAKE_M:
            break
    truth, _ = min(takes, key=lambda take: take[1])
    return SyntheticCapture(settings, body, truth)


class SyntheticCapture:
    """A capture whose truth is known; pictures and masks are drawn when asked for.

    Attributes:
        settings: what was asked for.
        scene: cameras, detections, people with the layers "initial" and "truth".
        statistics: measured errors and distances.
    """

    def __init__(self, settings: Settings, body: SmplModel, truth: list[PoseSequence]) -> None:
        self.settings = settings
        self._model = body
        self._truth = truth
        self._bodies = [body.posed_sequence(poses) for poses in truth]
        self._bare = [posed.vertices_world.astype(np.float32) for posed in self._bodies]
        self._normals = [vertex_normals(vertices, body.faces) for vertices in self._bare]
        cloth = _stream(settings, _CLOTH)
        outfits = draw_outfits(settings.people, _stream(settings, _OUTFITS))
        self._wardrobes = [Wardrobe(body, outfit, settings.frames, cloth) for outfit in outfits]
        self._dressed: OrderedDict[int, DressedPeople] = OrderedDict()
        self._labels: OrderedDict[tuple[str, int], Labels] = OrderedDict()
        self._cameras = self._make_cameras()
        self._sensors = self._make_sensors()
        self._renderer = Renderer(body, self._wardrobes, self._make_room())
        approach_m = closest_approach(self._bare, self._normals)
        self._contact = in_contact(approach_m)
        fits = spoil(
            body, truth, self._contact, settings.init_error_mm, _stream(settings, _INITIAL)
        )
        self.statistics = _statistics(fits, approach_m)
        self.scene = self._make_scene(fits)

    def images(self) -> Iterator[tuple[str, int, Picture]]:
        """Camera name, frame number and RGB picture of every view and frame."""
        for frame in range(self.settings.frames):
            people = self._dressed_people(frame)
            shadows = self._renderer.shadows(people)
            for index in range(len(self._cameras)):
                yield self._picture(index, frame, people, shadows)

    def true_masks(self) -> Iterator[tuple[str, int, Labels]]:
        """Exact masks: 0 background, pid + 1 a person with clothes, hair and shoes."""
        for frame in range(self.settings.frames):
            for camera in self._cameras:
                yield camera.name, frame, self._label_image(camera, frame)

    def masks(self) -> Iterator[tuple[str, int, Labels]]:
        """Masks with the errors of a segmentation, coded like the true ones."""
        for index, camera in enumerate(self._cameras):
            for frame in range(self.settings.frames):
                rng = _stream(self.settings, _MASKS, index, frame)
                yield camera.name, frame, disturbed_mask(self._label_image(camera, frame), rng)

    def _picture(
        self, index: int, frame: int, people: DressedPeople, shadows: Shadows
    ) -> tuple[str, int, Picture]:
        camera = self._cameras[index]
        radiance = self._renderer.radiance(people, shadows, camera)
        grain = _stream(self.settings, _GRAIN, index, frame)
        return camera.name, frame, self._sensors[index].expose(radiance, grain)

    def _label_image(self, camera: Camera, frame: int) -> Labels:
        key = (camera.name, frame)
        if key not in self._labels:
            self._labels[key] = self._renderer.labels(self._dressed_people(frame), camera)
            if len(self._labels) > _KEPT_LABELS:
                self._labels.popitem(last=False)
        return self._labels[key]

    def _dressed_people(self, frame: int) -> DressedPeople:
        if frame not in self._dressed:
            self._dressed[frame] = self._dress(frame)
            if len(self._dressed) > _KEPT_FRAMES:
                self._dressed.popitem(last=False)
        return self._dressed[frame]

    def _dress(self, frame: int) -> DressedPeople:
        surfaces, normals, openness = [], [], []
        for person, wardrobe in enumerate(self._wardrobes):
            bare, outward = self._bare[person][frame], self._normals[person][frame]
            gap_m = np.full(len(bare), 1.0)
            for other in range(len(self._wardrobes)):
                if other != person:
                    distance, _ = signed_distances(
                        bare, self._bare[other][frame], self._normals[other][frame],
                        _OCCLUSION_REACH_M,
                    )  # fmt: skip
                    gap_m = np.minimum(gap_m, distance)
            offset = wardrobe.offsets(frame, self._truth[person].body_pose[frame], gap_m)
            dressed = bare + offset[:, None].astype(np.float32) * outward
            surfaces.append(dressed)
            normals.append(vertex_normals(dressed, self._model.faces))
            openness.append(np.clip(0.42 + np.maximum(gap_m, 0) / _OCCLUSION_REACH_M, 0.42, 1.0))
        return DressedPeople(
            np.concatenate(surfaces).astype(np.float32),
            np.concatenate(normals).astype(np.float32),
            np.concatenate(openness).astype(np.float32),
        )

    def _make_cameras(self) -> list[Camera]:
        points = np.concatenate([vertices[:, ::7].reshape(-1, 3) for vertices in self._bare])
        rng = _stream(self.settings, _RIG)
        return camera_ring(self.settings.views, self.settings.size, points.astype(np.float64), rng)

    def _make_sensors(self) -> list[Sensor]:
        rng = _stream(self.settings, _SENSORS)
        return [draw_sensor(rng) for _ in self._cameras]

    def _make_room(self) -> Room:
        reach = max(float(np.abs(camera.centre_world[:2]).max()) for camera in self._cameras)
        return furnish(reach + 0.6, _stream(self.settings, _ROOM))

    def _make_scene(self, fits: InitialFits) -> Scene:
        people = tuple(
            Person(
                pid=pid,
                name=f"Person {pid + 1}",
                layers=(PoseLayer(INITIAL, initial), PoseLayer(TRUTH, true)),
                shown=INITIAL,
            )
            for pid, (initial, true) in enumerate(zip(fits.poses, self._truth, strict=True))
        )
        frames = np.arange(self.settings.frames)
        name = f"{self.settings.script} {self.settings.seed}"
        views = tuple(View(camera) for camera in self._cameras)
        return Scene(
            name=name,
            capture=Capture(name=name, frames=frames, fps=FPS, views=views),
            body=self._model,
            people=people,
            detections=self._make_detections(),
            contact_frames=tuple(int(frame) for frame in np.flatnonzero(self._contact)),
        )

    def _make_detections(self) -> dict[str, Detections2D]:
        points = np.stack(
            [
                detector_bias(
                    body25(self._model, posed),
                    posed.world_from_rest[:, 0, :3, :3].astype(np.float64),
                    _stream(self.settings, _KEYPOINTS, person),
                )
                for person, posed in enumerate(self._bodies)
            ]
        )
        found = {}
        for index, camera in enumerate(self._cameras):
            nearest_m, person_seen = self._depths(camera)
            sight = look(camera, points, nearest_m, person_seen)
            rng = _stream(self.settings, _KEYPOINTS, 100 + index)
            found[camera.name] = detect(camera, sight, self._contact, rng)
        return found

    def _depths(self, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        share = min(1.0, _SMALL_ROWS / camera.height)
        small = camera.resized(round(camera.width * share), round(camera.height * share))
        nearest_m, person_seen = [], []
        for frame in range(self.settings.frames):
            vertices = self._dressed_people(frame).vertices_world
            face_id, depth, _ = rasterise(
                small.project(vertices), small.depth(vertices), self._renderer.faces,
                small.width, small.height,
            )  # fmt: skip
            nearest_m.append(depth)
            person_seen.append(np.where(face_id >= 0, face_id // len(self._model.faces), -1))
        return np.stack(nearest_m), np.stack(person_seen)


def _stream(settings: Settings, *purpose: int) -> np.random.Generator:
    return np.random.default_rng([settings.seed, *purpose])


def _statistics(fits: InitialFits, approach_m: Float[np.ndarray, " frames"]) -> Statistics:
    words = []
    for failure in fits.failures:
        onto = f" on person {failure.onto}" if failure.onto >= 0 else " off by 20 degrees"
        last = failure.first + failure.frames - 1
        words.append(
            f"person {failure.person}: {failure.what}{onto}, frames {failure.first}-{last}"
        )
    return Statistics(
        initial_error_mm=fits.error_mm,
        initial_error_per_person_mm=fits.per_person_mm,
        closest_approach_mm=tuple(float(round(1000 * value, 1)) for value in approach_m),
        failures=tuple(words),
    )


def _check(settings: Settings) -> None:
    width, height = settings.size
    if not 2 <= settings.views <= 32:
        raise AvatarPoseError(
            f"A capture needs 2 to 32 views, not {settings.views}.",
            remedy="Ask for another number of views.",
        )
    if settings.frames < 1:
        raise AvatarPoseError(
            "A capture needs at least one frame.", remedy="Ask for one frame or more."
        )
    if min(width, height) < 16 or max(width, height) > 8192:
        raise AvatarPoseError(
            f"Pictures of {width} x {height} pixels cannot be made.",
            remedy="Ask for 16 to 8192 pixels on either side.",
        )
    if settings.seed < 0:
        raise AvatarPoseError("The seed is negative.", remedy="Give 0 or a positive number.")
    if not 0 <= settings.init_error_mm <= 300:
        raise AvatarPoseError(
            f"Initial poses cannot be wrong by {settings.init_error_mm} mm.",
            remedy="Ask for 0 to 300 mm.",
        )
