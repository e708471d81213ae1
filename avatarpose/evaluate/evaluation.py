"""Pose layers of a scene held against the truth and against the 2D keypoints, as plain values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import Skel19
from avatarpose.errors import SceneError
from avatarpose.evaluate.penetration import FaceRings, penetrations
from avatarpose.evaluate.pose_metrics import (
    acceleration_errors_mm_s2,
    limbs_correct,
    procrustes_errors_mm,
    root_aligned_errors_mm,
    world_errors_mm,
)
from avatarpose.evaluate.reprojection import reprojection_errors
from avatarpose.scene.layers import TRUTH
from avatarpose.scene.people import Person
from avatarpose.scene.scene import Scene

SHOWN = "shown"
LATEST_RUN = "run:latest"
_FRAMES_AT_ONCE = 32  # surfaces held in memory


@dataclass(frozen=True, slots=True, eq=False)
class PersonErrors:
    """Errors of one person in one layer, per frame; NaN where the person is absent or missed.

    Attributes:
        pid: the person.
        expected: frames in which the truth has the person (or, without truth, the layer does).
        missed: expected frames in which the layer lacks the person.
        world_mm: distances of the joints.
        root_mm: the same after putting the mid hips on each other.
        aligned_mm: the same after a similarity per frame.
        surface_mm: mean distance of the vertices.
        limbs: correct limbs, False where missed.
        acceleration: error of accelerations (mm/s²), the value of frames t-1, t, t+1 at t.
        depth_sum_mm: summed depth of this person's vertices inside others.
        depth_count: how many these are.
        depth_max_mm: the deepest.
    """

    pid: int
    expected: Bool[np.ndarray, " frames"]
    missed: Bool[np.ndarray, " frames"]
    world_mm: Float[np.ndarray, "frames joints=19"]
    root_mm: Float[np.ndarray, "frames joints=19"]
    aligned_mm: Float[np.ndarray, "frames joints=19"]
    surface_mm: Float[np.ndarray, " frames"]
    limbs: Bool[np.ndarray, "frames limbs=18"]
    acceleration: Float[np.ndarray, "frames joints=19"]
    depth_sum_mm: Float[np.ndarray, " frames"]
    depth_count: Int[np.ndarray, " frames"]
    depth_max_mm: Float[np.ndarray, " frames"]


@dataclass(frozen=True, slots=True, eq=False)
class LayerErrors:
    """Errors of everybody in one layer.

    Attributes:
        name: the layer, "run:latest" resolved to its number.
        people: one entry per person.
        reprojection_px: pixels per person, frame, camera and joint; NaN where undetected.
    """

    name: str
    people: tuple[PersonErrors, ...]
    reprojection_px: Float[np.ndarray, "people frames cameras joints=19"] = field(
        default_factory=lambda: np.zeros((0, 0, 0, 19))
    )


def evaluate_layers(
    scene: Scene, layers: Sequence[str], frames: Int[np.ndarray, " frames"] | None = None
) -> dict[str, Any]:
    """The numbers of every layer, ready for JSON; None where a number does not exist.

    Args:
        scene: people with the layers; with a "truth" layer errors are measured against it.
        layers: "initial", "run:2", "run:latest", "shown" (the shown layer with the user's edits),
            "truth". Person-frames are called worse by comparison with the first.
        frames: positions on the time base; all when None.

    Raises:
        SceneError: nobody has one of the layers.
    """
    picked = np.arange(scene.capture.frame_count) if frames is None else np.asarray(frames)
    found = [layer_errors(scene, name, picked) for name in layers]
    has_truth = any(person.has_layer(TRUTH) for person in scene.people)
    contact = np.isin(scene.capture.frames[picked], scene.contact_frames)
    everywhere = np.ones(len(picked), bool)
    out: dict[str, Any] = {"layers": {}}
    for layer in found:
        worse = _worse_than(layer, found[0])
        entry = _summary(layer.people, worse, everywhere)
        entry["people"] = {
            str(who.pid): _summary((who,), worse, everywhere) for who in layer.people
        }
        entry["contact"] = _summary(layer.people, worse, contact) if contact.any() else None
        entry["reprojection_px"] = _reprojection_summary(scene, layer.reprojection_px)
        entry["per_frame"] = {
            str(who.pid): _per_frame(who, row, layer.reprojection_px)
            for row, who in enumerate(layer.people)
        }
        out["layers"][layer.name] = entry
    out["joint_definition"] = scene.body.joint_definition
    out["frames"] = [int(number) for number in scene.capture.frames[picked]]
    out["person_frames"] = int(sum(who.expected.sum() for who in found[0].people)) if found else 0
    out["reference"] = TRUTH if has_truth else "2D keypoints"
    out["message"] = "" if has_truth else _no_truth_message(found)
    return out


def layer_errors(scene: Scene, name: str, frames: Int[np.ndarray, " frames"]) -> LayerErrors:
    """Everything measured of one layer, per person, frame and joint.

    Raises:
        SceneError: nobody has the layer.
    """
    name = resolve_layer(scene, name)
    poses = {person.pid: _poses(person, name) for person in scene.people}
    truth = {person.pid: _poses(person, TRUTH) for person in scene.people}
    depths = _depths(scene, {pid: p for pid, p in poses.items() if p is not None}, frames)
    people = tuple(
        _person_errors(scene, pid, poses[pid], truth[pid], frames, depths[pid])
        for pid in scene.pids
        if poses[pid] is not None or truth[pid] is not None
    )
    shape = (len(frames), len(scene.capture.rig), 19)
    reprojection = np.full((len(people), *shape), np.nan)
    for row, who in enumerate(people):
        sequence = poses[who.pid]
        if sequence is not None:
            reprojection[row] = reprojection_errors(scene, who.pid, sequence, frames)
    return LayerErrors(name, people, reprojection)


def resolve_layer(scene: Scene, name: str) -> str:
    """The layer meant by `name`: "run:latest" is the run with the highest number.

    Raises:
        SceneError: nobody has it.
    """
    known = {layer for person in scene.people for layer in person.layer_names}
    if name == LATEST_RUN:
        numbers = [int(layer[4:]) for layer in known if _is_run(layer)]
        if not numbers:
            raise SceneError(
                f"{scene.name} has no refinement yet.",
                remedy="Run `avatarpose refine` first, or evaluate the layer 'initial'.",
            )
        return f"run:{max(numbers)}"
    if (name == SHOWN and known) or name in known:
        return name
    raise SceneError(
        f"Nobody in {scene.name} has a layer {name!r}.",
        remedy=f"The layers are {', '.join(sorted(known))}."
        if known
        else "Fit bodies to the 2D keypoints first: avatarpose fit SCENE",
    )


def _is_run(layer: str) -> bool:
    return layer.startswith("run:") and layer[4:].isdigit()


def _poses(person: Person, name: str) -> PoseSequence | None:
    """The layer as it came; "shown" includes the user's edits."""
    if name == SHOWN:
        return person.poses() if person.layers else None
    return person.layer(name).poses if person.has_layer(name) else None


def _present(poses: PoseSequence | None, frames: np.ndarray) -> Bool[np.ndarray, " frames"]:
    return np.zeros(len(frames), bool) if poses is None else poses.valid[frames]


def _joints(scene: Scene, poses: PoseSequence | None, frames: np.ndarray) -> np.ndarray:
    if poses is None:
        return np.full((len(frames), 19, 3), np.nan)
    joints = scene.body.skel19_sequence(poses, frames).astype(np.float64)
    joints[~poses.valid[frames]] = np.nan
    return joints


def _person_errors(
    scene: Scene,
    pid: int,
    poses: PoseSequence | None,
    truth: PoseSequence | None,
    frames: np.ndarray,
    depths: np.ndarray,
) -> PersonErrors:
    estimated, true = _joints(scene, poses, frames), _joints(scene, truth, frames)
    expected = _present(truth if truth is not None else poses, frames)
    return PersonErrors(
        pid=pid,
        expected=expected,
        missed=expected & ~_present(poses, frames),
        world_mm=world_errors_mm(estimated, true),
        root_mm=root_aligned_errors_mm(estimated, true),
        aligned_mm=procrustes_errors_mm(estimated, true),
        surface_mm=_surface_errors(scene, poses, truth, frames),
        limbs=limbs_correct(estimated, true),
        acceleration=_accelerations(scene, estimated, true, frames),
        depth_sum_mm=depths[:, 0],
        depth_count=depths[:, 1].astype(np.int64),
        depth_max_mm=depths[:, 2],
    )


def _surface_errors(
    scene: Scene, poses: PoseSequence | None, truth: PoseSequence | None, frames: np.ndarray
) -> Float[np.ndarray, " frames"]:
    out = np.full(len(frames), np.nan)
    if poses is None or truth is None:
        return out
    both = np.flatnonzero(poses.valid[frames] & truth.valid[frames])
    for start in range(0, len(both), _FRAMES_AT_ONCE):
        rows = both[start : start + _FRAMES_AT_ONCE]
        a = scene.body.posed_sequence(poses, frames[rows]).vertices_world
        b = scene.body.posed_sequence(truth, frames[rows]).vertices_world
        out[rows] = world_errors_mm(a, b).mean(-1)
    return out


def _accelerations(
    scene: Scene, estimated: np.ndarray, true: np.ndarray, frames: np.ndarray
) -> Float[np.ndarray, "frames joints=19"]:
    out = np.full((len(frames), 19), np.nan)
    if len(frames) >= 3:
        errors = acceleration_errors_mm_s2(estimated, true, scene.capture.fps)
        steps = np.diff(scene.capture.frames[frames])
        neighbours = (steps[:-1] == 1) & (steps[1:] == 1)
        out[1:-1][neighbours] = errors[neighbours]
    return out


def _depths(
    scene: Scene, poses: Mapping[int, PoseSequence], frames: np.ndarray
) -> dict[int, Float[np.ndarray, "frames 3"]]:
    """Per person and frame: sum (mm), number and maximum (mm) of depths inside other people."""
    out = {pid: np.zeros((len(frames), 3)) for pid in scene.pids}
    rings = FaceRings.of(scene.body.faces, scene.body.vertex_count)
    for start in range(0, len(frames), _FRAMES_AT_ONCE):
        chunk = frames[start : start + _FRAMES_AT_ONCE]
        surfaces = {
            pid: scene.body.posed_sequence(sequence, chunk).vertices_world
            for pid, sequence in poses.items()
        }
        for offset, index in enumerate(chunk):
            present = [pid for pid, sequence in poses.items() if sequence.valid[index]]
            if len(present) < 2:
                continue
            bodies = np.stack([surfaces[pid][offset] for pid in present])
            for (i, _), found in penetrations(bodies, rings).items():
                row = out[present[i]][start + offset]
                row += (1000.0 * found.depth_m.sum(), len(found.depth_m), 0.0)
                row[2] = max(row[2], 1000.0 * found.max_m)
    return out


def _worse_than(layer: LayerErrors, first: LayerErrors) -> dict[int, Bool[np.ndarray, " frames"]]:
    """Person-frames with a larger error than in the first layer; a new miss is worse."""
    before = {who.pid: who for who in first.people}
    worse = {}
    for who in layer.people:
        old = before.get(who.pid)
        if old is None:
            worse[who.pid] = np.zeros(len(who.missed), bool)
            continue
        with np.errstate(invalid="ignore"):
            larger = who.world_mm.mean(1) > old.world_mm.mean(1) + 1e-6
        worse[who.pid] = larger | (who.missed & ~old.missed)
    return worse


def _summary(
    people: Sequence[PersonErrors],
    worse: Mapping[int, Bool[np.ndarray, " frames"]],
    chosen: Bool[np.ndarray, " frames"],
) -> dict[str, Any]:
    def pooled(value: Callable[[PersonErrors], np.ndarray]) -> np.ndarray:
        return np.concatenate(
            [value(who)[who.expected & chosen] for who in people] or [np.zeros(0)]
        )

    has_errors = any(np.isfinite(who.world_mm).any() or who.missed.any() for who in people)
    limbs = pooled(lambda who: who.limbs)
    depth_sum = sum((who.depth_sum_mm[chosen] for who in people), np.zeros(chosen.sum()))
    depth_count = sum((who.depth_count[chosen] for who in people), np.zeros(chosen.sum()))
    per_joint = pooled(lambda who: who.world_mm).reshape(-1, 19)
    return {
        "mpjpe_world_mm": _mean(per_joint),
        "mpjpe_root_mm": _mean(pooled(lambda who: who.root_mm)),
        "pa_mpjpe_mm": _mean(pooled(lambda who: who.aligned_mm)),
        "mve_mm": _mean(pooled(lambda who: who.surface_mm)),
        "pcp_percent": 100.0 * float(limbs.mean()) if has_errors and limbs.size else None,
        "acceleration_mm_s2": _mean(pooled(lambda who: who.acceleration)),
        "penetration_mean_mm": _mean(depth_sum / np.maximum(depth_count, 1)),
        "penetration_max_mm": _max([who.depth_max_mm[chosen] for who in people]),
        "missed_person_frames": int(sum((who.missed & chosen).sum() for who in people)),
        "worse_person_frames": int(sum((worse[who.pid] & chosen).sum() for who in people)),
        "person_frames": int(sum((who.expected & chosen).sum() for who in people)),
        "per_joint_mm": {
            joint.label.replace(" ", "_"): _mean(per_joint[:, joint]) for joint in Skel19
        },
    }


def _reprojection_summary(scene: Scene, errors: np.ndarray) -> dict[str, Any] | None:
    """Pixels over everybody, and per camera; None when no keypoint belongs to anybody."""
    if not np.isfinite(errors).any():
        return None

    def both(values: np.ndarray) -> dict[str, float | None]:
        values = values[np.isfinite(values)]
        if len(values) == 0:
            return {"median": None, "mean": None}
        return {"median": float(np.median(values)), "mean": float(values.mean())}

    cameras = {
        name: both(errors[:, :, column]) for column, name in enumerate(scene.capture.rig.names)
    }
    return {**both(errors), "cameras": cameras}


def _per_frame(who: PersonErrors, row: int, reprojection: np.ndarray) -> dict[str, Any]:
    """Curves over the frames for charts."""
    pixels = [_mean(values) for values in reprojection[row].reshape(len(reprojection[row]), -1)]
    return {
        "mpjpe_world_mm": [_mean(values) for values in who.world_mm],
        "reprojection_px": pixels,
    }


def _no_truth_message(found: Sequence[LayerErrors]) -> str:
    if any(np.isfinite(layer.reprojection_px).any() for layer in found):
        return (
            "There is no ground truth: only reprojection errors against the 2D keypoints "
            "and penetration are given."
        )
    return (
        "There is neither ground truth nor a 2D keypoint that belongs to anybody: "
        "only penetration is given."
    )


def _mean(values: np.ndarray) -> float | None:
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else None


def _max(values: Sequence[np.ndarray]) -> float | None:
    flat = np.concatenate(values) if values else np.zeros(0)
    return float(flat.max()) if flat.size else None
