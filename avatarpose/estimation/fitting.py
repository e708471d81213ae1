"""Bodies from 2D keypoints alone: the Initial layer of a capture that brings no poses.

Who is who across views and time, points in space, a shape from limb lengths, the trunk by a rigid
fit, then everything by descent: first to the points in space, then to the keypoints of all views.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import SKEL19_FROM_BODY25, SMPL_OF_SKEL19, Joint, Skel19
from avatarpose.body.smpl import SURFACE_JOINTS, SmplModel
from avatarpose.body.smpl_torch import TorchSmpl
from avatarpose.errors import SceneError
from avatarpose.estimation.association import has_labels, label_detections
from avatarpose.estimation.body_fit import (
    AccelerationTerm,
    BodyPoints,
    BodyStack,
    FreeBodies,
    Group,
    descend,
    hinge_term,
    stack_poses,
    start_term,
)
from avatarpose.estimation.evidence import (
    EXTRA_OF_BODY25,
    EXTRA_POINTS,
    POINT_COUNT,
    Evidence,
    gather_evidence,
)
from avatarpose.estimation.keypoint_alignment import AlignmentSettings, align_to_keypoints
from avatarpose.estimation.tracks import track_people
from avatarpose.estimation.triangulated import triangulate_many
from avatarpose.geometry.rotation import rotvec_from_matrix
from avatarpose.scene.layers import INITIAL, PoseLayer
from avatarpose.scene.people import Person
from avatarpose.scene.scene import Scene

Progress = Callable[[float, str], None]

_LEAST_POINTS = 6  # triangulated points with which a person counts as present
_FILLED_GAP_S = 0.5  # absent for no longer than this: carried through
_ROOT_STEPS, _POSE_STEPS, _PIXEL_STEPS = 60, 240, 200
_LEARNING_RATE = 0.06
_POINT_SPREAD_M = 0.015  # of triangulated points
_WIDEST_M, _NARROWEST_M = 1.0, 0.1  # robust scale: arms must first be found, then outliers left
_SHAPE_SPREAD = 1.0  # betas of the population, by construction of the shape space
_LARGEST_BETA = 5.0
_INDEPENDENT_FRAMES = 0.5  # share: detectors misplace joints alike in all frames
_LENGTH_SPREAD_M = 0.008  # of a limb's length after the median over the clip
_USUAL_ARM_DROP_RAD = 0.8  # arms hang lower than in the T-pose the body is defined in
_LOOSE_START = 2.0  # the usual pose is a weaker guess than poses that were given

_TORSO = tuple(
    int(joint)
    for joint in (
        Skel19.MID_HIP, Skel19.NECK, Skel19.RIGHT_HIP, Skel19.LEFT_HIP,
        Skel19.RIGHT_SHOULDER, Skel19.LEFT_SHOULDER,
    )
)  # fmt: skip
# Pairs of evidence points whose distance a pose does not change (much: hips to shoulders bend).
_RIGID_LIMBS = (
    (Skel19.RIGHT_HIP, Skel19.RIGHT_KNEE), (Skel19.LEFT_HIP, Skel19.LEFT_KNEE),
    (Skel19.RIGHT_KNEE, Skel19.RIGHT_ANKLE), (Skel19.LEFT_KNEE, Skel19.LEFT_ANKLE),
    (Skel19.RIGHT_SHOULDER, Skel19.RIGHT_ELBOW), (Skel19.LEFT_SHOULDER, Skel19.LEFT_ELBOW),
    (Skel19.RIGHT_ELBOW, Skel19.RIGHT_WRIST), (Skel19.LEFT_ELBOW, Skel19.LEFT_WRIST),
    (Skel19.RIGHT_HIP, Skel19.LEFT_HIP), (Skel19.RIGHT_SHOULDER, Skel19.LEFT_SHOULDER),
    (Skel19.MID_HIP, Skel19.NECK), (Skel19.RIGHT_EAR, Skel19.LEFT_EAR),
    (Skel19.NOSE, Skel19.RIGHT_EAR), (Skel19.NOSE, Skel19.LEFT_EAR),
    (Skel19.RIGHT_ANKLE, Skel19.RIGHT_BIG_TOE), (Skel19.LEFT_ANKLE, Skel19.LEFT_BIG_TOE),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class PointTracks:
    """Evidence points in space.

    Attributes:
        points_world: world points (m); NaN where too few views agree.
        weight: mean confidence of the agreeing views, 0 where there is no point.
    """

    points_world: Float[np.ndarray, "people frames points=25 3"]
    weight: Float[np.ndarray, "people frames points=25"]


def initialise(scene: Scene, progress: Progress | None = None) -> Scene:
    """Everybody gets a layer "initial" fitted to the 2D keypoints of all views.

    Detections that know their person are believed. If none does, they are labelled by the poses
    there are, or people are found across views and time where there are none.

    Args:
        scene: cameras and detections.
        progress: told the share done in [0, 1] and what is being done.

    Raises:
        SceneError: fewer than two views have keypoints, or no person was found.
    """
    tell = progress or (lambda _share, _words: None)
    if len(scene.detections) < 2:
        raise SceneError(
            f"{len(scene.detections)} camera(s) of {scene.name} have 2D keypoints; two are needed.",
            remedy="Import 2D keypoints for at least two cameras.",
        )
    if not has_labels(scene):
        tell(0.0, "finding people across views")
        scene = label_detections(scene)
    if not has_labels(scene):
        scene = track_people(scene)
    pids = tuple(
        sorted({int(p) for f in scene.detections.values() for p in f.pid.ravel() if p >= 0})
    )
    indices = np.arange(scene.capture.frame_count)
    tell(0.1, "triangulating")
    evidence = gather_evidence(scene, pids, indices)
    tracks = triangulated_evidence(scene, evidence)
    times_s = scene.capture.frames / scene.capture.fps
    present = _presence(tracks, times_s)
    kept = np.flatnonzero(present.any(1))
    if len(kept) == 0:
        raise SceneError(
            f"Nobody could be triangulated in {scene.name}.",
            remedy="Check that keypoints and calibration belong to the same, undivided pictures.",
        )
    tracks = PointTracks(tracks.points_world[kept], tracks.weight[kept])
    found = tuple(pids[row] for row in kept)
    tell(0.15, "fitting bodies to points")
    poses = fit_to_points(
        scene.body,
        dict(zip(found, present[kept], strict=True)),
        tracks,
        times_s,
        progress=lambda share: tell(0.15 + 0.5 * share, "fitting bodies to points"),
    )
    tell(0.65, "fitting bodies to pixels")

    def tell_step(step: int, _cost: float, _poses: Mapping[int, PoseSequence]) -> bool:
        tell(0.65 + 0.35 * (step + 1) / _PIXEL_STEPS, "fitting bodies to pixels")
        return True

    for pid, sequence in poses.items():
        scene = _with_initial(scene, pid, sequence)
    poses = align_to_keypoints(
        scene,
        poses,
        frames=indices,
        steps=_PIXEL_STEPS,
        on_step=tell_step,
        settings=AlignmentSettings(widest_m=0.15, shape=_SHAPE_SPREAD),
    )
    for pid, sequence in poses.items():
        scene = _with_initial(scene, pid, sequence)
    return scene


def triangulated_evidence(scene: Scene, evidence: Evidence) -> PointTracks:
    """Every evidence point of every person and frame, from the views that agree."""
    shape = evidence.confidence.shape
    cameras = [scene.capture.rig[name] for name in evidence.cameras]
    pixels = np.moveaxis(evidence.pixels, 2, 3).reshape(-1, len(cameras), 2)
    confidence = np.moveaxis(evidence.confidence, 2, 3).reshape(-1, len(cameras))
    found = triangulate_many(cameras, pixels, confidence)
    total = (confidence * found.inliers).sum(1) / np.maximum(found.inliers.sum(1), 1)
    seen = np.isfinite(found.points[:, 0])
    people, frames = shape[:2]
    return PointTracks(
        found.points.reshape(people, frames, POINT_COUNT, 3),
        np.where(seen, total, 0.0).reshape(people, frames, POINT_COUNT),
    )


def fit_to_points(
    body: SmplModel,
    present: Mapping[int, Bool[np.ndarray, " frames"]],
    tracks: PointTracks,
    times_s: Float[np.ndarray, " frames"],
    progress: Callable[[float], None] | None = None,
) -> dict[int, PoseSequence]:
    """Bodies that pass through points in space, one shape per person.

    Args:
        body: the body model.
        present: per person the frames to fit, in the order of the tracks' first axis.
        tracks: the points.
        times_s: time of every frame.
        progress: told the share done.
    """
    start = {}
    for row, (pid, frames) in enumerate(present.items()):
        betas = shape_from_limbs(body, tracks.points_world[row])
        start[pid] = _rigid_start(body, betas, tracks.points_world[row], frames)
    indices = np.arange(len(times_s))
    stack = stack_poses(start, indices, times_s)
    bodies = FreeBodies(TorchSmpl(body), stack)
    to_points = _PointTerm(tracks, stack)
    acceleration = AccelerationTerm(stack)
    total_steps = _ROOT_STEPS + _POSE_STEPS

    def tell(done: int) -> bool:
        if progress is not None:
            progress(done / total_steps)
        return True

    count = np.array([_INDEPENDENT_FRAMES * frames.sum() for frames in present.values()])
    frames = torch.tensor(np.maximum(count, 1.0), dtype=torch.float32)[:, None]

    def root_cost(points: BodyPoints, _done: float) -> Tensor:
        return to_points(points, _WIDEST_M) + acceleration(points)

    def cost(points: BodyPoints, done: float) -> Tensor:
        scale_m = _WIDEST_M * (_NARROWEST_M / _WIDEST_M) ** min(done / 0.6, 1.0)
        total = to_points(points, scale_m) + acceleration(points) + hinge_term(points.rotations)
        total = total + start_term(bodies.joint_turns, _LOOSE_START)
        return total + 0.5 * (frames * (bodies.betas / _SHAPE_SPREAD) ** 2).sum()

    descend(
        bodies,
        root_cost,
        free=Group.ROOT,
        steps=_ROOT_STEPS,
        learning_rate=_LEARNING_RATE,
        after_step=lambda step, _: tell(step + 1),
    )
    descend(
        bodies,
        cost,
        free=Group.ROOT | Group.POSE | Group.SHAPE,
        steps=_POSE_STEPS,
        learning_rate=_LEARNING_RATE,
        after_step=lambda step, _: tell(_ROOT_STEPS + step + 1),
    )
    return bodies.poses(start, indices)


class _PointTerm:
    """Robust distances to triangulated points (Geman and McClure)."""

    def __init__(self, tracks: PointTracks, stack: BodyStack) -> None:
        seen = np.all(np.isfinite(tracks.points_world), axis=-1)
        points = np.where(seen[..., None], tracks.points_world, 0.0)
        self._points = torch.tensor(points, dtype=torch.float32)
        weight = torch.tensor(np.where(seen, tracks.weight, 0.0), dtype=torch.float32)
        self._weight = weight * stack.valid[..., None]

    def __call__(self, points: BodyPoints, scale_m: float) -> Tensor:
        square = ((points.evidence - self._points) ** 2).sum(-1)
        robust = square / (1 + square / scale_m**2)
        return 0.5 * (self._weight * robust).sum() / _POINT_SPREAD_M**2


def shape_from_limbs(
    body: SmplModel, points_world: Float[np.ndarray, "frames points=25 3"]
) -> Float[np.ndarray, "10"]:
    """Betas from the median lengths of rigid limbs, pulled towards the mean shape."""
    start, end = np.array(_RIGID_LIMBS).T
    lengths = np.linalg.norm(points_world[:, start] - points_world[:, end], axis=-1)
    usable = np.flatnonzero(np.isfinite(lengths).sum(0) >= 1)
    if len(usable) == 0:
        return np.zeros(10)
    observed = np.nanmedian(lengths[:, usable], axis=0)
    mean, slopes = _rest_points(body)
    base = (mean[start] - mean[end])[usable]
    change = (slopes[start] - slopes[end])[usable]
    betas = np.zeros(10)
    for _ in range(8):
        limbs = base + change @ betas
        length = np.linalg.norm(limbs, axis=-1)
        jacobian = np.einsum("lk,lkb->lb", limbs / length[:, None], change)
        normal = jacobian.T @ jacobian / _LENGTH_SPREAD_M**2 + np.eye(10) / _SHAPE_SPREAD**2
        right = jacobian.T @ (observed - length) / _LENGTH_SPREAD_M**2 - betas / _SHAPE_SPREAD**2
        betas = np.clip(betas + np.linalg.solve(normal, right), -_LARGEST_BETA, _LARGEST_BETA)
    return betas


def _rest_points(
    body: SmplModel,
) -> tuple[Float[np.ndarray, "points=25 3"], Float[np.ndarray, "points=25 3 10"]]:
    """Evidence points of the mean shape in T-pose, and their change per beta."""
    if body.body25_regressor is not None:
        picked = body.body25_regressor[[*SKEL19_FROM_BODY25, *EXTRA_OF_BODY25]].astype(np.float64)
        return picked @ body.v_template, np.einsum("pv,vkb->pkb", picked, body.shapedirs)
    zero = body.rest_joints(np.zeros(10)).astype(np.float64)
    ids = [body.vertex_ids[name] for name in (*SURFACE_JOINTS.values(), *EXTRA_POINTS)]
    rows = [*map(int, SURFACE_JOINTS), *range(19, POINT_COUNT)]
    mean, slopes = np.empty((POINT_COUNT, 3)), np.empty((POINT_COUNT, 3, 10))
    mean[list(SMPL_OF_SKEL19)] = zero[list(SMPL_OF_SKEL19.values())]
    mean[rows] = body.v_template[ids]
    regressed = np.einsum("jv,vkb->jkb", body.joint_regressor, body.shapedirs)
    slopes[list(SMPL_OF_SKEL19)] = regressed[list(SMPL_OF_SKEL19.values())]
    slopes[rows] = body.shapedirs[ids]
    return mean, slopes


def _rigid_start(
    body: SmplModel,
    betas: Float[np.ndarray, "10"],
    points_world: Float[np.ndarray, "frames points=25 3"],
    present: Bool[np.ndarray, " frames"],
) -> PoseSequence:
    """The usual pose with the trunk laid onto its points (Kabsch); gaps take the nearest frame."""
    mean, slopes = _rest_points(body)
    rest = (mean + slopes @ betas)[list(_TORSO)]
    torso = points_world[:, list(_TORSO)]
    count = len(points_world)
    turns, shifts = np.zeros((count, 3, 3)), np.zeros((count, 3))
    solved = np.zeros(count, bool)
    for frame in np.flatnonzero(present):
        seen = np.all(np.isfinite(torso[frame]), axis=-1)
        if seen.sum() >= 4:
            turns[frame], shifts[frame] = _kabsch(rest[seen], torso[frame][seen])
            solved[frame] = True
    if not solved.any():
        raise SceneError(
            "A person's trunk could not be triangulated in any frame.",
            remedy="Check the calibration, and that hips and shoulders were detected.",
        )
    frames = np.arange(count)
    known = np.flatnonzero(solved)
    nearest = known[np.abs(frames[:, None] - known).argmin(1)]
    turns, shifts = turns[nearest], shifts[nearest]
    pelvis = body.rest_joints(betas.astype(np.float32))[0].astype(np.float64)
    pose = np.zeros((count, 24, 3))
    pose[:, Joint.LEFT_SHOULDER, 2] = -_USUAL_ARM_DROP_RAD
    pose[:, Joint.RIGHT_SHOULDER, 2] = _USUAL_ARM_DROP_RAD
    return PoseSequence(
        betas=betas,
        global_orient=rotvec_from_matrix(turns),
        body_pose=pose[:, 1:].reshape(count, 69),
        transl=shifts - pelvis + turns @ pelvis,
        valid=present,
    )


def _kabsch(
    source: Float[np.ndarray, "points 3"], target: Float[np.ndarray, "points 3"]
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, "3"]]:
    """Rotation and translation that bring `source` nearest to `target`."""
    a, b = source - source.mean(0), target - target.mean(0)
    left, _, right = np.linalg.svd(b.T @ a)
    turn = left @ np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))]) @ right
    return turn, target.mean(0) - turn @ source.mean(0)


def _presence(
    tracks: PointTracks, times_s: Float[np.ndarray, " frames"]
) -> Bool[np.ndarray, "people frames"]:
    """Who is there when: enough points, short gaps filled."""
    seen = np.isfinite(tracks.points_world[..., 0]).sum(-1) >= _LEAST_POINTS
    for row in seen:
        frames = np.flatnonzero(row)
        for before, after in pairwise(frames):
            if times_s[after] - times_s[before] <= _FILLED_GAP_S:
                row[before:after] = True
    return seen


def _with_initial(scene: Scene, pid: int, poses: PoseSequence) -> Scene:
    layer = PoseLayer(INITIAL, poses)
    if pid not in scene.pids:
        return scene.with_person(Person(pid, f"Person {pid + 1}", (layer,), INITIAL))
    person = scene.person(pid).with_layer(layer)
    return scene.with_person(
        Person(
            person.pid,
            person.name,
            person.layers,
            person.shown or INITIAL,
            person.edits,
            person.gender,
        )
    )
