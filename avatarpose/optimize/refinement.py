"""The refinement itself: tensors, stages and their steps; it knows nothing of threads or windows."""

import dataclasses
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import Int

from avatarpose.avatar.avatar import Avatar, new_avatar, restore_avatar
from avatarpose.avatar.surface import SurfaceTopology
from avatarpose.body.pose import PoseSequence
from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.errors import OptimizationError
from avatarpose.estimation.association import label_detections
from avatarpose.estimation.keypoint_alignment import align_to_keypoints
from avatarpose.losses.weighted import WeightedSum
from avatarpose.optimize.avatar_stage import AvatarTrainer, Exposure, RayPool
from avatarpose.optimize.hand_edits import pins_of_frame
from avatarpose.optimize.parameters import PoseVariables
from avatarpose.optimize.pictures import Pictures, load_pictures
from avatarpose.optimize.pixels import PixelSampler
from avatarpose.optimize.pose_stage import PoseRefiner, PreparedVisit
from avatarpose.optimize.put_back import worse_person_frames
from avatarpose.optimize.schedule import Plan, Stage, Update
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
        self._pids = tuple(request.pids) if request.pids is not None else scene.pids
        everyone = {
            pid: scene.person(pid).poses() for pid in self._pids if scene.person(pid).layers
        }
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
        self.scene = scene if _is_labelled(scene) else label_detections(scene)
        self._start = everyone
        self.variables = PoseVariables(everyone, self.frames, self.device)
        self._smpl = TorchSmpl(scene.body, self.device)
        self._topology = SurfaceTopology(scene.body.faces, scene.body.vertex_count)
        self._draws = np.random.default_rng(request.seed)
        self._torch_draws = torch.Generator().manual_seed(request.seed)
        self._exposure = Exposure(len(self.cameras), self.device)
        self._near = self.variables.all_joints(self._smpl)
        self._is_near_trusted = False
        self._urgent: list[int] = []
        self._refiner: PoseRefiner | None = None
        self.avatars: list[Avatar] = []
        self.pictures: Pictures | None = None
        self._sampler: PixelSampler | None = None
        self.stages = tuple(stage for stage in plan.stages if self._has_evidence(stage))

    def _has_evidence(self, stage: Stage) -> bool:
        if Update.KEYPOINTS in stage.updates:
            return any(np.any(d.pid >= 0) for d in self.scene.detections.values())
        if stage.colour == 0:
            return any(self.scene.capture.view(name).masks for name in self.cameras)
        return True

    def step_count(self, stage: Stage) -> int:
        """Steps of a stage as counted in progress."""
        if Update.KEYPOINTS in stage.updates or Update.AVATAR in stage.updates:
            return stage.steps
        return stage.steps * len(self.frames)

    def load(self) -> Iterator[float]:
        """Read the pictures; yields the share done."""
        shares: list[float] = []
        poses = self.variables.poses()
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
                    _wait(job)
            finally:
                done = True
            self.pictures = job.result()
        self._sampler = PixelSampler(self.scene, self.pictures, poses)
        if not self.avatars:
            self._renew_avatars()

    def run_stage(self, stage: Stage) -> Iterator[Mapping[str, float]]:
        """Do the steps of a stage; yields the terms of each."""
        if Update.KEYPOINTS in stage.updates:
            yield from self._align(stage)
        elif Update.AVATAR in stage.updates:
            yield from self._learn_avatars(stage)
        else:
            yield from self._refine_poses(stage)

    def _align(self, stage: Stage) -> Iterator[Mapping[str, float]]:
        """The alignment in a thread of its own, so that its steps can be handed out one by one."""
        news: list[dict[str, float]] = []
        is_wanted = True

        def note(step: int, cost: float, poses: Mapping[int, PoseSequence]) -> bool:
            del step, poses
            news.append({"keypoints": cost})
            return is_wanted

        with ThreadPoolExecutor(1) as pool:
            job = pool.submit(
                align_to_keypoints, self.scene, self._start,
                frames=self.frames, steps=stage.steps, device=self.device, on_step=note,
            )  # fmt: skip
            seen = 0
            try:
                while not job.done():
                    _wait(job)
                    while seen < len(news):
                        yield news[seen]
                        seen += 1
                yield from news[seen:]
            finally:
                is_wanted = False
            aligned = job.result()
        self.variables = PoseVariables(aligned, self.frames, self.device)
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

    def _learn_avatars(self, stage: Stage) -> Iterator[Mapping[str, float]]:
        assert self.pictures is not None and self._sampler is not None
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

    def _refine_poses(self, stage: Stage) -> Iterator[Mapping[str, float]]:
        assert self.pictures is not None and self._sampler is not None
        refiner = PoseRefiner(
            self._plan, self.pictures, self._sampler, self.variables, self.avatars,
            self._exposure, self._smpl, self._topology, self._near,
            1.0 / self.scene.capture.fps, self.device, is_near_trusted=self._is_near_trusted,
        )  # fmt: skip
        self._refiner = refiner
        self._set_pins()
        self.variables.forget()
        count = len(self.frames)
        order = _visiting_order(count, stage.steps, self._draws)
        with ThreadPoolExecutor(1, thread_name_prefix="samples") as pool:
            ahead: Future[PreparedVisit | None] | None = None
            for number, column in enumerate(order):
                prepared = refiner.prepare(column, self._draws) if ahead is None else ahead.result()
                following = order[number + 1] if number + 1 < len(order) else None
                # Drawn while this frame is worked on; the same frame again must wait for it.
                ahead = (
                    pool.submit(refiner.prepare, following, self._draws)
                    if following is not None and following != column
                    else None
                )
                rate = stage.rate * (1 - 0.9 * number / len(order))
                terms = WeightedSum() if prepared is None else refiner.visit(prepared, stage, rate)
                yield terms.values
                for urgent in self._take_urgent():
                    again = refiner.prepare(urgent, self._draws) if ahead is None else None
                    if again is not None:
                        refiner.visit(again, stage, max(rate, 0.5 * stage.rate))
        self._refiner = None
        if Update.SHAPE in stage.updates:
            self._near = self.variables.all_joints(self._smpl)
            self._renew_avatars()

    def _take_urgent(self) -> list[int]:
        urgent, self._urgent = self._urgent, []
        return urgent

    def _set_pins(self) -> None:
        if self._refiner is not None and self.pictures is not None:
            pins = {
                column: pins_of_frame(
                    self.scene, self.variables.pids, int(index), self.pictures.cameras
                )
                for column, index in enumerate(self.frames)
            }
            self._refiner.pins = {column: pin for column, pin in pins.items() if pin is not None}

    def take_in(self, scene: Scene) -> int:
        """Take the user's newer edits into the running work; returns how many frames changed."""
        changed: set[int] = set()
        for pid in self.variables.pids:
            before, after = self.scene.person(pid), scene.person(pid)
            if before.edit() is after.edit() and before.shown == after.shown:
                continue
            old, new = before.poses(), after.poses()
            moved = (
                np.abs(old.rotvecs - new.rotvecs).max((1, 2))
                + np.abs(old.transl - new.transl).max(1)
            ) > 1e-6
            columns = np.flatnonzero(moved[self.frames])
            self.variables.replace(pid, new, columns)
            changed.update(int(column) for column in columns)
        detections = self.scene.detections
        self.scene = dataclasses.replace(scene, detections=detections)
        if changed:
            columns = sorted(changed)
            self._near[:, columns] = self.variables.all_joints(self._smpl)[:, columns]
            self._urgent.extend(columns)
            if self._refiner is not None:
                self._refiner.moved(columns)
        self._set_pins()
        return len(changed)

    def poses(self) -> dict[int, PoseSequence]:
        """Where everybody is now."""
        return self.variables.poses()

    def final_poses(self) -> tuple[dict[int, PoseSequence], dict[int, tuple[int, ...]]]:
        """Poses with person-frames put back that the run left worse than it found them."""
        poses = self.variables.poses()
        worse = worse_person_frames(self.scene, self._start, poses, self.frames)
        for pid, indices in worse.items():
            start = self._start[pid]
            # The shape may have changed: the pelvis, not transl, goes back where it was.
            body = self.scene.body
            shift = body.rest_joints(start.betas)[0] - body.rest_joints(poses[pid].betas)[0]
            poses[pid] = poses[pid].with_frames(
                indices, start.rotvecs[indices], start.transl[indices] + shift
            )
        numbers = {
            pid: tuple(int(number) for number in self.scene.capture.frames[indices])
            for pid, indices in worse.items()
        }
        return poses, numbers

    def state(self) -> dict[str, object]:
        """A checkpoint: tensors and plain values only."""
        return {
            "betas": self.variables.betas.clone(),
            "variables": self.variables.tensors(),
            "avatars": [avatar.state() for avatar in self.avatars],
            "gain": self._exposure.gain.detach().clone(),
            "offset": self._exposure.offset.detach().clone(),
            "near": torch.from_numpy(self._near.copy()),
            "is_near_trusted": self._is_near_trusted,
            "torch_draws": self._torch_draws.get_state(),
            "draws": _plain(self._draws.bit_generator.state),
        }

    def restore(self, state: Mapping[str, object]) -> None:
        """Take back a checkpoint of the same scene and request."""
        self.variables.restore(state["variables"])  # pyright: ignore[reportArgumentType]
        self.avatars = [
            restore_avatar(avatar, self._smpl, self.device)
            for avatar in state["avatars"]  # pyright: ignore[reportGeneralTypeIssues]
        ]
        with torch.no_grad():
            self._exposure.gain.copy_(state["gain"])  # pyright: ignore[reportArgumentType]
            self._exposure.offset.copy_(state["offset"])  # pyright: ignore[reportArgumentType]
        self._near = state["near"].numpy()  # pyright: ignore[reportAttributeAccessIssue]
        self._is_near_trusted = bool(state["is_near_trusted"])
        self._torch_draws.set_state(state["torch_draws"])  # pyright: ignore[reportArgumentType]
        self._draws.bit_generator.state = _unplain(state["draws"])

    @property
    def has_learned_avatars(self) -> bool:
        """True when there is something worth a preview."""
        return self.pictures is not None and bool(self.avatars)

    @property
    def renderer(self) -> tuple[TorchSmpl, SurfaceTopology, Exposure, Plan]:
        """What `previews.render_preview` needs beside avatars and poses."""
        return self._smpl, self._topology, self._exposure, self._plan


def _is_labelled(scene: Scene) -> bool:
    return any(np.any(detections.pid >= 0) for detections in scene.detections.values())


def _wait(job: Future) -> None:
    try:
        job.result(timeout=0.05)
    except TimeoutError:
        return
    except Exception:  # noqa: BLE001  # raised again by the caller's own job.result()
        return


def _visiting_order(count: int, rounds: int, generator: np.random.Generator) -> list[int]:
    """Every frame once per round, in random order, never twice in a row when that can be helped."""
    order: list[int] = []
    for _ in range(rounds):
        chunk = [int(column) for column in generator.permutation(count)]
        if order and len(chunk) > 1 and chunk[0] == order[-1]:
            chunk[0], chunk[1] = chunk[1], chunk[0]
        order.extend(chunk)
    return order


def _plain(value: object) -> object:
    """Generator state with its 128-bit integers as text, so that restricted loading accepts it."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return f"int:{value}" if isinstance(value, int) else value


def _unplain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _unplain(entry) for name, entry in value.items()}
    if isinstance(value, str) and value.startswith("int:"):
        return int(value[4:])
    return value
