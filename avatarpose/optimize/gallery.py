"""Finished pictures of a project: bodies and avatars over the photos, avatars from new views."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from avatarpose.avatar.marching import Band
from avatarpose.avatar.surface import SurfaceTopology
from avatarpose.body.pose import PoseSequence
from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.errors import OptimizationError, SceneError
from avatarpose.evaluate.lettering import sheet
from avatarpose.evaluate.overlay import (
    DrawnPerson,
    Overlay,
    drawn_people,
    recorded,
    wide_ideal_camera,
)
from avatarpose.evaluate.studio import orbit_camera, orbit_radius, studio
from avatarpose.formats.export import SHOWN, layer_poses, resolve_layer
from avatarpose.formats.media import FrameReader
from avatarpose.formats.project import file_name_of
from avatarpose.geometry.camera import Camera
from avatarpose.optimize.previews import render_avatars
from avatarpose.optimize.refinement import chosen_device
from avatarpose.optimize.run_folder import LearnedPeople, folder_of, load_people
from avatarpose.optimize.schedule import plan
from avatarpose.scene.layers import INITIAL
from avatarpose.scene.scene import RunRecord, Scene

NamedPicture = tuple[str, UInt8[np.ndarray, "height width 3"]]

_EMPTY = (38, 42, 50)
_MESH_OPACITY = 0.5


class Gallery:
    """Draws one layer of a project; a context manager, for it holds the footage open.

    Args:
        scene: the scene.
        project: its folder, where runs keep their avatars.
        layer: whose poses are drawn: "initial", "run:2", "run:latest", "shown", "truth".
        parts: what overlays show: "mesh", "outline", "skeleton", "keypoints".
        size: width and height that pictures of cameras are fitted into; None as recorded.
        has_labels: write camera, frame, layer and names into the pictures.
        has_photo: put avatars over the photo, not before a plain ground.
        device: "auto", "cpu" or "cuda", for avatars.

    Raises:
        SceneError: nobody has the layer.
    """

    def __init__(
        self,
        scene: Scene,
        project: Path,
        layer: str = SHOWN,
        *,
        parts: Sequence[str] = ("mesh", "outline"),
        size: tuple[int, int] | None = None,
        has_labels: bool = True,
        has_photo: bool = True,
        device: str = "auto",
    ) -> None:
        self._scene, self._project = scene, project
        self._layer = layer if layer == SHOWN else resolve_layer(scene, layer)
        self._poses = layer_poses(scene, self._layer)
        self._parts, self._size = tuple(parts), size
        self._has_labels, self._has_photo = has_labels, has_photo
        self._device = device
        self._reader = FrameReader(scene.capture, budget_bytes=64 << 20)
        self._learned: LearnedPeople | None = None
        self._band = Band()
        self._smpl: TorchSmpl | None = None
        self._topology = SurfaceTopology(scene.body.faces, scene.body.vertex_count)

    def __enter__(self) -> "Gallery":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.close()

    def overlay(self, camera: str, index: int) -> NamedPicture:
        """The bodies over the photo."""
        return self._name(camera, index), self._drawn(
            camera, index, self._poses, self._layer_title()
        )

    def comparison(self, camera: str, index: int) -> NamedPicture:
        """The initial bodies and those of the layer, side by side."""
        before = self._drawn(camera, index, layer_poses(self._scene, INITIAL), INITIAL)
        after = self._drawn(camera, index, self._poses, self._layer_title())
        return self._name(camera, index), sheet([before, after], 2)

    def closeup(self, camera: str, index: int, height_px: int) -> NamedPicture:
        """Only where the people are: photo, initial bodies, the layer's bodies, avatars."""
        initial = layer_poses(self._scene, INITIAL)
        before = drawn_people(self._scene, initial, index)
        after = drawn_people(self._scene, self._poses, index)
        surfaces = [person.vertices_world for person in (*before, *after)]
        full = self._scene.capture.rig[camera]
        left, top, right, bottom = _box(full, surfaces)
        photo = self._photo(camera, index, full)[top:bottom, left:right]
        size = (round((right - left) * height_px / (bottom - top)), height_px)
        model = _cropped(full, left, top, right, bottom).resized(*size)
        photo = cv2.resize(photo, size, interpolation=cv2.INTER_CUBIC)
        panels = [Overlay(photo, model) for _ in range(4)]
        self._label(panels[0], after, [f"camera {camera}   {self._when(index)}"])
        for panel, people, title in (
            (panels[1], before, f"before: {INITIAL}"),
            (panels[2], after, f"after: {self._layer_title()}"),
        ):
            panel.mesh(people, _MESH_OPACITY)
            panel.outlines(people)
            self._label(panel, (), [title])
        wide, x, y = wide_ideal_camera(model)
        panels[3].avatars(recorded(self._rendered(wide, index, camera), x, y))
        self._label(panels[3], (), ["avatars"])
        return self._name(camera, index), sheet([panel.picture() for panel in panels], 4)

    def avatars(self, camera: str, index: int) -> NamedPicture:
        """The avatars where the recorded camera saw the people."""
        model = self._sized(camera)
        people = drawn_people(self._scene, self._poses, index)
        photo = self._photo(camera, index, model) if self._has_photo else studio(model, people)
        picture = Overlay(photo, model)
        wide, x, y = wide_ideal_camera(model)
        picture.avatars(recorded(self._rendered(wide, index, camera), x, y))
        self._label(picture, people, [f"camera {camera}   {self._when(index)}", self._title()])
        return self._name(camera, index), picture.picture()

    def orbit(
        self,
        indices: Int[np.ndarray, " frames"],
        count: int,
        size: tuple[int, int],
        radius_m: float | None,
        height_m: float,
    ) -> Iterator[NamedPicture]:
        """The avatars while a camera goes once around them; time runs on, then back, then on.

        Args:
            indices: positions on the time base that are played.
            count: pictures of the turn.
            size: width and height in pixels.
            radius_m: distance of the camera; None takes one that shows everybody.
            height_m: of the camera above the floor.
        """
        everybody = {int(i): drawn_people(self._scene, self._poses, int(i)) for i in indices}
        surfaces = [person.vertices_world for who in everybody.values() for person in who]
        if not surfaces:
            raise SceneError(
                "Nobody is present in these frames.", remedy="Choose other frames to render."
            )
        points = np.concatenate(surfaces)
        centre = (points.min(0) + points.max(0)) / 2
        radius = radius_m or orbit_radius(points, centre, size)
        played = there_and_back(len(indices), count)
        for number in range(count):
            index = int(indices[played[number]])
            azimuth = 2 * np.pi * number / count
            camera = orbit_camera(centre, azimuth, radius, height_m, size)
            picture = Overlay(studio(camera, everybody[index]), camera)
            picture.avatars(self._rendered(camera, index, None))
            self._label(picture, (), [self._when(index), self._title()])
            yield f"novel-{number:04d}", picture.picture()

    def _drawn(
        self, camera: str, index: int, poses: Mapping[int, PoseSequence], title: str
    ) -> UInt8[np.ndarray, "height width 3"]:
        model = self._sized(camera)
        people = drawn_people(self._scene, poses, index)
        picture = Overlay(self._photo(camera, index, model), model)
        if "mesh" in self._parts:
            picture.mesh(people, _MESH_OPACITY)
        if "outline" in self._parts:
            picture.outlines(people)
        if "skeleton" in self._parts:
            picture.skeletons(people)
        if "keypoints" in self._parts and camera in self._scene.detections:
            factor = model.width / self._scene.capture.rig[camera].width
            for person in self._scene.people:
                xyc = self._scene.detections[camera].skel19(person.pid)[index].copy()
                xyc[:, :2] = (xyc[:, :2] + 0.5) * factor - 0.5
                picture.keypoints(xyc, person.colour)
        self._label(picture, people, [f"camera {camera}   {self._when(index)}", title])
        return picture.picture()

    def _label(
        self, picture: Overlay, people: Sequence[DrawnPerson], captions: Sequence[str]
    ) -> None:
        if self._has_labels:
            picture.captions(captions)
            picture.legend(people)

    def _when(self, index: int) -> str:
        return f"frame {self._scene.capture.frames[index]}"

    def _name(self, camera: str, index: int) -> str:
        return f"{file_name_of(camera)}-{int(self._scene.capture.frames[index]):06d}"

    def _layer_title(self) -> str:
        shown = {person.shown for person in self._scene.people if person.pid in self._poses}
        return shown.pop() if self._layer == SHOWN and len(shown) == 1 else self._layer

    def _title(self) -> str:
        return f"avatars, {self._layer_title()}"

    def _sized(self, camera: str) -> Camera:
        model = self._scene.capture.rig[camera]
        if self._size is None:
            return model
        factor = min(self._size[0] / model.width, self._size[1] / model.height)
        return model.resized(
            max(8, round(model.width * factor)), max(8, round(model.height * factor))
        )

    def _photo(self, camera: str, index: int, model: Camera) -> UInt8[np.ndarray, "height width 3"]:
        found = self._reader.read(camera, index, size=(model.width, model.height))
        if found is not None:
            return found
        return np.full((model.height, model.width, 3), _EMPTY, np.uint8)

    def _rendered(
        self, camera: Camera, index: int, seen_by: str | None
    ) -> UInt8[np.ndarray, "height width 4"]:
        learned = self._people()
        assert self._smpl is not None
        return render_avatars(
            [avatar for avatar in learned.avatars if avatar.pid in self._poses],
            self._poses,
            index,
            camera,
            self._smpl,
            self._topology,
            self._band,
            learned.gain.get(seen_by or ""),
            learned.offset.get(seen_by or ""),
        )

    def _people(self) -> LearnedPeople:
        """The avatars of the layer's run, or of the latest run that kept any."""
        if self._learned is not None:
            return self._learned
        device = chosen_device(self._device)
        self._smpl = TorchSmpl(self._scene.body, device)
        for record in self._runs():
            folder = folder_of(self._project, record)
            learned = None if folder is None else load_people(folder, self._smpl, device)
            if learned is not None and learned.avatars:
                self._learned = learned
                self._band = plan(record.preset).band
                return learned
        raise OptimizationError(
            f"{self._scene.name} has no avatars yet.",
            remedy="Run `avatarpose refine` first; it learns an avatar of each person.",
        )

    def _runs(self) -> list[RunRecord]:
        shown = {person.shown for person in self._scene.people}
        wanted = shown if self._layer == SHOWN else {self._layer}
        latest_first = list(reversed(self._scene.runs))
        return sorted(latest_first, key=lambda record: record.name not in wanted)


def _box(
    camera: Camera, surfaces: Sequence[Float[np.ndarray, "vertices 3"]]
) -> tuple[int, int, int, int]:
    """Left, top, right, bottom (exclusive) of the picture's part around the surfaces."""
    if not surfaces:
        return 0, 0, camera.width, camera.height
    pixels = camera.project(np.concatenate(surfaces))
    pixels = pixels[np.isfinite(pixels).all(1)]
    if len(pixels) == 0:
        return 0, 0, camera.width, camera.height
    low, high = pixels.min(0), pixels.max(0)
    air = 0.07 * (high - low).max()
    left, top = np.clip(np.floor(low - air), 0, (camera.width - 8, camera.height - 8)).astype(int)
    right, bottom = np.ceil(high + air).astype(int)
    right = int(np.clip(right, left + 8, camera.width))
    bottom = int(np.clip(bottom, top + 8, camera.height))
    return int(left), int(top), right, bottom


def _cropped(camera: Camera, left: int, top: int, right: int, bottom: int) -> Camera:
    """The camera of a part of the picture; the lens is the same."""
    k = camera.pixel_from_camera.copy()
    k[:2, 2] -= (left, top)
    return replace(camera, width=right - left, height=bottom - top, pixel_from_camera=k)


def there_and_back(length: int, count: int) -> Int[np.ndarray, " count"]:
    """`count` positions that run over `length` frames forwards, backwards, forwards, ..."""
    if length < 2:
        return np.zeros(count, np.int64)
    phase = np.arange(count) % (2 * (length - 1))
    return np.minimum(phase, 2 * (length - 1) - phase)
