"""The refinement itself: tensors, stages and their steps; it knows nothing of windows."""

import dataclasses
from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int

from avatarpose.avatar.avatar import Avatar, new_avatar, restore_avatar
from avatarpose.avatar.surface import SurfaceTopology
from avatarpose.body.pose import PoseSequence
from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.errors import OptimizationError
from avatarpose.estimation.association import has_labels, label_detections
from avatarpose.optimize.avatar_stage import AvatarTrainer, Exposure, RayPool
from avatarpose.optimize.checkpoint import plain_generator, restored_generator
from avatarpose.optimize.hand_edits import pins_of_frame
from avatarpose.optimize.held_joints import bring_joints
from avatarpose.optimize.keypoint_stage import KeypointAlignment, wait_a_little
from avatarpose.optimize.parameters import PoseVariables
from avatarpose.optimize.pictures import Pictures, load_pictures
from avatarpose.optimize.pixels import PixelSampler
from avatarpose.optimize.pose_stage import Pins, PoseRefiner, PreparedVisit
from avatarpose.optimize.put_back import worse_person_frames
from avatarpose.optimize.schedule import Plan, Stage, Update, without_keypoints
from avatarpose.optimize.settings import RunRequest
from avatarpose.scene.scene import Scene


def chosen_device(name: str) -> torch.device:
    """The torch device of a request.

    Raises:
        OptimizationError: CUDA is asked for and not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise OptimizationError(
            "CUDA was asked for, but torch finds no CUDA device.",
            remedy="Choose the device 'cpu', or install a CUDA build of torch.",
        )
    return torch.device(name)


class Refinement:
    """People, pictures, avatars and poses of one run.

    Attributes:
        stages: the plan's stages that the scene has evidence for.
    """

    def __init__(self, scene: Scene, request: RunRequest, plan: Plan) -> None:
        self._request, self._plan = request, plan
        self.device = chosen_device(request.device)
        capture = scene.capture
        first, last = request.frames or (int(capture.frames[0]), int(capture.frames[-1]))
        pids = tuple(request.pids) if request.pids is not None else scene.pids
        chosen = [scene.person(pid) for pid in pids]
        self._layers = {person.pid: person.shown for person in chosen if person.layers}
        everyone = {pid: scene.person(pid).poses(name) for pid, name in self._layers.items()}
        if not everyone:
            raise OptimizationError(
                "Nobody in the scene has poses to refine.",
                remedy="Initialise the people first ('avatarpose fit').",
            )
        frames = capture.indices_between(first, last)
        there = np.any([poses.valid[frames] for poses in everyone.values()], axis=0)
        if not there.any():
            raise OptimizationError(
                f"Nobody is present between frames {first} and {last}.",
                remedy="Choose frames in which the people are present.",
            )
        self.frames: Int[np.ndarray, " frames"] = frames[there]
        self.cameras = tuple(request.cameras or capture.rig.names)
        capture.rig.only(self.cameras)  # an unknown name is an error here, not later
        labelled = scene if has_labels(scene) else label_detections(scene)
        # A camera left out gives neither pictures nor keypoints: it can judge the result.
        used = {name: d for name, d in labelled.detections.items() if name in self.cameras}
        self.scene = dataclasses.replace(labelled, detections=used)
        self._start = everyone
        self.variables = PoseVariables(everyone, self.frames, self.device)
        self._smpl = TorchSmpl(scene.body, self.device)
        self._topology = SurfaceTopology(scene.body.faces, scene.body.vertex_count)
        self._draws = np.random.default_rng(request.seed)
        self._torch_draws = torch.Generator().manual_seed(request.seed)
        self._exposure = Exposure(len(self.cameras), self.device)
        self._near = self.variables.all_joints(self._smpl)
        self._is_near_trusted = False
        self._alignment: KeypointAlignment | None = None
        self._edited: dict[int, set[int]] = {}
        self._urgent: list[int] = []
        self._refiner: PoseRefiner | None = None
        self.avatars: list[Avatar] = []
        self.pictures: Pictures | None = None
        self._sampler: PixelSampler | None = None
        stages = plan.stages if has_labels(self.scene) else without_keypoints(plan.stages)
        self.stages = tuple(stage for stage in stages if self._has_evidence(stage))

    def _has_evidence(self, stage: Stage) -> bool:
        if Update.KEYPOINTS in stage.updates:
            return has_labels(self.scene)
        if stage.colour == 0:
            return any(self.scene.capture.view(name).masks for name in self.cameras)
        return True

    def step_count(self, stage: Stage) -> int:
        """Steps of a stage as counted in progress."""
        if Update.KEYPOINTS in stage.updates or Update.AVATAR in stage.updates:
            return stage.steps
        return stage.steps * len(self.frames)

    def load(self) -> Generator[float, None, None]:
        """Read the pictures; yields the share done."""
        shares: list[float] = []
        poses = self._start  # not where a resumed run is: it must see what it saw before
        done = False
        with ThreadPoolExecutor(1) as pool:

            def note(share: float) -> bool:
                shares.append(share)
                return not done

            job = pool.submit(
                load_pictures, self.scene, self.frames, self.cameras,
                self._plan.longest_px, poses, note,
            )  # fmt: skip
            try:
                while not job.done():
                    yield shares[-1] if shares else 0.0
                    wait_a_little(job)
            finally:
                done = True
            self.pictures = job.result()
        self._sampler = PixelSampler(self.scene, self.pictures, poses)
        if not self.avatars:
            self._renew_avatars()

    def run_stage(self, stage: Stage) -> Generator[Mapping[str, float], None, None]:
        """Do the steps of a stage; yields the terms of each."""
        if Update.KEYPOINTS in stage.updates:
            yield from self._align(stage)
        elif Update.AVATAR in stage.updates:
            yield from self._learn_avatars(stage)
        else:
            yield from self._refine_poses(stage)

    def _align(self, stage: Stage) -> Generator[Mapping[str, float], None, None]:
        self._alignment = KeypointAlignment(
            self.scene, self._start, self.frames, stage.steps, self.device
        )
        try:
            yield from self._alignment.run()
        finally:
            aligned, self._alignment = self._alignment.poses, None
            self.variables = PoseVariables(aligned, self.frames, self.device)
            for pid, columns in self._edited.items():
                self._replace(pid, np.array(sorted(columns)))
            for column, pins in self._all_pins().items():
                self._hold(column, pins, pins.is_held)
            self._near = self.variables.all_joints(self._smpl)
            self._is_near_trusted = True
            self._renew_avatars()

    def _renew_avatars(self) -> None:
        self.avatars = [
            new_avatar(
                pid, self.variables.betas[row], self._smpl, self._plan.field, self._torch_draws
            )
            for row, pid in enumerate(self.variables.pids)
        ]

    def _learn_avatars(self, stage: Stage) -> Generator[Mapping[str, float], None, None]:
        assert self.pictures is not None
        assert self._sampler is not None
        pool = RayPool(
            self._plan, self.pictures, self._sampler, self.variables, self.avatars,
            self._smpl, self._topology, self._draws, np.arange(len(self.frames)), self.device,
        )  # fmt: skip
        for _ in pool.build():
            yield {}
        if pool.part_count == 0:
            raise OptimizationError(
                "No picture shows the people where their poses are.",
                remedy="Check calibration and initial poses in the camera views.",
            )
        trainer = AvatarTrainer(self._plan, self.avatars, self._exposure, stage.steps)
        for _ in range(stage.steps):
            yield trainer.step(pool, self._torch_draws).values

    def _refine_poses(self, stage: Stage) -> Generator[Mapping[str, float], None, None]:
        assert self.pictures is not None
        assert self._sampler is not None
        self._refiner = refiner = PoseRefiner(
            self._plan, self.pictures, self._sampler, self.variables, self.avatars,
            self._exposure, self._smpl, self._topology, self._near,
            1.0 / self.scene.capture.fps, self.device, is_near_trusted=self._is_near_trusted,
        )  # fmt: skip
        self._refiner.pins = self._all_pins()
        self.variables.forget()
        order = _visiting_order(len(self.frames), stage.steps, self._draws)
        with ThreadPoolExecutor(1, thread_name_prefix="samples") as pool:

            def draw(column: int) -> Future[PreparedVisit | None]:
                return pool.submit(refiner.prepare, refiner.posed(column), self._draws)

            ahead: Future[PreparedVisit | None] | None = None
            for number, column in enumerate(order):
                prepared = (ahead or draw(column)).result()
                following = order[number + 1] if number + 1 < len(order) else None
                # Drawn while this frame is worked on; the same frame again must wait for it.
                ahead = draw(following) if following not in (None, column) else None
                rate = stage.rate * (1 - 0.9 * number / len(order))
                yield self._visit(prepared, stage, rate)
                urgent = self._take_urgent()
                for moved in urgent:
                    self._visit(draw(moved).result(), stage, max(rate, 0.5 * stage.rate))
                if following in urgent:  # drawn before it was moved
                    ahead = draw(following)
        self._refiner = None
        if Update.SHAPE in stage.updates:
            self._near = self.variables.all_joints(self._smpl)
            self._renew_avatars()

    def _visit(
        self, prepared: PreparedVisit | None, stage: Stage, rate: float
    ) -> Mapping[str, float]:
        if prepared is None or self._refiner is None:
            return {}
        terms = self._refiner.visit(prepared, stage, rate)
        pins = self._refiner.pins.get(prepared.column)
        if pins is not None and pins.locked.any():
            self._hold(prepared.column, pins, pins.locked)
            self._refiner.look_again(prepared.column)
        return terms.values

    def _take_urgent(self) -> list[int]:
        urgent, self._urgent = self._urgent, []
        return urgent

    def _all_pins(self) -> dict[int, Pins]:
        cameras = () if self.pictures is None else self.pictures.cameras
        pins = {
            column: pins_of_frame(self.scene, self._layers, int(index), cameras)
            for column, index in enumerate(self.frames)
        }
        return {column: found for column, found in pins.items() if found is not None}

    def _hold(self, column: int, pins: Pins, which: Bool[np.ndarray, "people joints=24"]) -> None:
        """Bring corrected joints of a frame where the user left them."""
        for row in np.flatnonzero(which.any(-1) & self.variables.valid[:, column]):
            rotvecs, transl = self.variables.pose(int(row), column)
            betas = self.variables.betas[row].cpu().numpy()
            targets = {int(j): pins.anchor[row, j] for j in np.flatnonzero(which[row])}
            held = bring_joints(self.scene.body, betas, rotvecs, transl, targets)
            self.variables.place(int(row), column, *held)

    def _replace(self, pid: int, columns: Int[np.ndarray, " columns"]) -> None:
        """Some frames of a person become the user's, pelvis for pelvis: the shape may differ."""
        row = self.variables.pids.index(pid)
        poses = self._reshaped(self._start[pid], self.variables.betas[row].cpu().numpy())
        self.variables.replace(pid, poses, columns)

    def _reshaped(self, poses: PoseSequence, betas: np.ndarray) -> PoseSequence:
        body = self.scene.body
        shift = body.rest_joints(poses.betas)[0] - body.rest_joints(betas)[0]
        return dataclasses.replace(poses, betas=betas, transl=poses.transl + shift)

    def take_in(self, scene: Scene) -> int:
        """Take the user's newer edits into the running work; returns how many frames changed."""
        changed: set[int] = set()
        if not set(self._layers) <= set(scene.pids):
            return 0  # somebody was taken out of the scene: the run goes on with what it knows
        for pid, layer in self._layers.items():
            before, after = self.scene.person(pid), scene.person(pid)
            if not after.has_layer(layer) or before.edit(layer) is after.edit(layer):
                continue
            old, new = before.poses(layer), after.poses(layer)
            moved = (
                np.abs(old.rotvecs - new.rotvecs).max((1, 2))
                + np.abs(old.transl - new.transl).max(1)
            ) > 1e-6
            columns = np.flatnonzero(moved[self.frames])
            if len(columns) == 0:
                continue
            picked = self.frames[columns]
            start = self._start[pid]
            transl = self._reshaped(new, start.betas).transl
            self._start[pid] = start.with_frames(picked, new.rotvecs[picked], transl[picked])
            self._replace(pid, columns)
            changed.update(int(column) for column in columns)
            if self._alignment is not None:
                self._edited.setdefault(pid, set()).update(int(column) for column in columns)
        self.scene = dataclasses.replace(scene, detections=self.scene.detections)
        columns = sorted(changed)
        self._near[:, columns] = self.variables.all_joints(self._smpl)[:, columns]
        if self._refiner is not None:
            self._refiner.moved(columns)
            self._refiner.pins = self._all_pins()
            self._urgent.extend(columns)
        return len(changed)

    def poses(self) -> dict[int, PoseSequence]:
        """Where everybody is now."""
        alignment = self._alignment
        return self.variables.poses() if alignment is None else dict(alignment.poses)

    def final_poses(self) -> tuple[dict[int, PoseSequence], dict[int, tuple[int, ...]]]:
        """Poses with person-frames put back that the run left worse than it found them."""
        poses = self.variables.poses()
        worse = worse_person_frames(self.scene, self._start, poses, self.frames)
        for pid, indices in worse.items():
            start = self._reshaped(self._start[pid], poses[pid].betas)
            poses[pid] = poses[pid].with_frames(
                indices, start.rotvecs[indices], start.transl[indices]
            )
        for column, pins in self._all_pins().items():
            index = int(self.frames[column])
            for row, pid in enumerate(self.variables.pids):
                found = poses[pid]
                locked = {int(j): pins.anchor[row, j] for j in np.flatnonzero(pins.locked[row])}
                if locked and found.valid[index]:
                    rotvecs, transl = bring_joints(
                        self.scene.body, found.betas, found.rotvecs[index], found.transl[index],
                        locked,
                    )  # fmt: skip
                    poses[pid] = found.with_frame(index, rotvecs, transl)
        numbers = {
            pid: tuple(int(number) for number in self.scene.capture.frames[indices])
            for pid, indices in worse.items()
        }
        return poses, numbers

    def state(self) -> dict[str, Any]:
        """A checkpoint: tensors and plain values only."""
        return {
            "variables": self.variables.tensors(),
            "avatars": [avatar.state() for avatar in self.avatars],
            "gain": self._exposure.gain.detach().clone(),
            "offset": self._exposure.offset.detach().clone(),
            "near": torch.from_numpy(self._near.copy()),
            "is_near_trusted": self._is_near_trusted,
            "torch_draws": self._torch_draws.get_state(),
            "draws": plain_generator(self._draws),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back a checkpoint of the same scene and request."""
        self.variables.restore(state["variables"])
        self.avatars = [
            restore_avatar(avatar, self._smpl, self.device) for avatar in state["avatars"]
        ]
        with torch.no_grad():
            self._exposure.gain.copy_(state["gain"])
            self._exposure.offset.copy_(state["offset"])
        self._near = state["near"].numpy()
        self._is_near_trusted = bool(state["is_near_trusted"])
        self._torch_draws.set_state(state["torch_draws"])
        self._draws = restored_generator(state["draws"])

    @property
    def has_learned_avatars(self) -> bool:
        """True when there is something worth a preview."""
        return self.pictures is not None and bool(self.avatars)

    @property
    def renderer(self) -> tuple[TorchSmpl, SurfaceTopology, Exposure, Plan]:
        """What `previews.render_preview` needs beside avatars and poses."""
        return self._smpl, self._topology, self._exposure, self._plan


def _visiting_order(count: int, rounds: int, generator: np.random.Generator) -> list[int]:
    """Every frame once per round, in random order, never twice in a row when that can be helped."""
    order: list[int] = []
    for _ in range(rounds):
        chunk = [int(column) for column in generator.permutation(count)]
        if order and len(chunk) > 1 and chunk[0] == order[-1]:
            chunk[0], chunk[1] = chunk[1], chunk[0]
        order.extend(chunk)
    return order
