"""Poses that carry a choreography out: hands reach, feet stand, bodies do not enter one another.

Damped Gauss-Newton on world-axis rotation increments of all joints, per frame, for all frames at
once; the increments are smoothed over time, so the motion stays smooth.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import gaussian_filter1d

from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import PARENTS, Joint, descendants
from avatarpose.body.smpl import SmplModel
from avatarpose.geometry.rotation import matrix_from_rotvec, rotvec_from_matrix
from avatarpose.synth.contact import signed_distances, vertex_normals
from avatarpose.synth.footing import FEET, foot_targets, standing_height
from avatarpose.synth.scripts import Choreography, Part, Touch
from avatarpose.synth.stances import Side, facing

_SMOOTHING_FRAMES = (1.6, 1.4, 1.2, 1.0, 1.0, 0.9, 0.8)
_EXTRA_STEPS = 12  # while bodies still enter one another by more than:
_EXTRA_SMOOTHING_FRAMES = 0.7
_DEEPEST_M = 0.008
_MARGIN_M = 0.003  # free space kept between bare bodies
_PALM_GAP_M = 0.008  # from the palm's skin to the touched skin
_BULGE_M = 0.24  # how much wider than a circle hands reach around somebody
_TIP_GAP_M = 0.018
_WATCHED = 120  # points watched per person and frame
_WATCHED_M = 0.04  # and how near to others
_ROUNDS = 4
_PUSH_SHARE = 0.7  # of an overlap is undone in one step
_LARGEST_STEP_RAD = 0.25
_DAMPING = 0.15
# How far joints may stray from the stance (rad, one standard deviation).
_STRAY_RAD: dict[str, float] = {
    "PELVIS": 0.06, "HIP": 0.5, "KNEE": 0.5, "ANKLE": 0.4, "SPINE1": 0.08, "SPINE2": 0.08,
    "SPINE3": 0.08, "NECK": 0.12, "HEAD": 0.15, "COLLAR": 0.10, "SHOULDER": 0.35, "ELBOW": 0.40,
    "WRIST": 0.35, "FOOT": 0.02, "HAND": 0.01,
}  # fmt: skip
_STRAY_PELVIS_M = (0.04, 0.04, 0.03)
_ANKLE_M, _BALL_M, _PALM_M, _TIP_M, _PUSH_M = 0.006, 0.008, 0.006, 0.015, 0.003


@dataclass(slots=True, eq=False)
class _Actor:
    """One person while the solver works on them."""

    betas: np.ndarray
    part: Part
    aim: np.ndarray  # wanted local rotations, frames x 24 x 3 x 3
    pelvis: np.ndarray  # wanted pelvis, frames x 3
    feet: np.ndarray
    rotations: np.ndarray
    transl: np.ndarray
    world: np.ndarray  # world rotations of the joints
    joints: np.ndarray
    vertices: np.ndarray
    normals: np.ndarray


def perform(
    model: SmplModel, shapes: list[np.ndarray], choreography: Choreography
) -> tuple[list[PoseSequence], float]:
    """The poses of all people, and how deep (m) the deepest point of one lies inside another.

    Args:
        model: the body model.
        shapes: betas of each person.
        choreography: what they do.
    """
    solver = _Solver(model, shapes, choreography)
    for smoothing_frames in _SMOOTHING_FRAMES:
        solver.improve(smoothing_frames)
    best, deepest_m = solver.sequences(), solver.deepest()
    for _ in range(_EXTRA_STEPS):
        if deepest_m < _DEEPEST_M:
            break
        solver.improve(_EXTRA_SMOOTHING_FRAMES)
        now_m = solver.deepest()
        if now_m < deepest_m:
            best, deepest_m = solver.sequences(), now_m
    return best, deepest_m


class _Solver:
    def __init__(
        self, model: SmplModel, shapes: list[np.ndarray], choreography: Choreography
    ) -> None:
        self.model = model
        self.touches = choreography.touches
        self.actors = [
            self._actor(betas, part) for betas, part in zip(shapes, choreography.parts, strict=True)
        ]
        self.carried = _carried_share(model)
        self.skin = _spread_vertices(model)
        self.stray = _stray()
        self.palms = {side: _palm(model, side) for side in Side}
        self.tips = {side: _finger_tips(model, side) for side in Side}
        self.is_hand = _hand_vertices(model)
        self.anchors = [self._anchor(touch) for touch in self.touches]
        self.start = [
            (actor.vertices[:, [self.palms[side] for side in Side]]).copy() for actor in self.actors
        ]

    def sequences(self) -> list[PoseSequence]:
        found = []
        for actor in self.actors:
            rotvecs = rotvec_from_matrix(actor.rotations)
            found.append(
                PoseSequence(
                    betas=actor.betas,
                    global_orient=rotvecs[:, 0],
                    body_pose=rotvecs[:, 1:].reshape(-1, 69),
                    transl=actor.transl,
                    valid=np.ones(len(rotvecs), bool),
                )
            )
        return found

    def improve(self, smoothing_frames: float) -> None:
        """One step for everybody in turn."""
        for person, actor in enumerate(self.actors):
            step = self._step(person)
            if len(step) > 1:
                step = gaussian_filter1d(step, smoothing_frames, axis=0, mode="nearest")
            turns = matrix_from_rotvec(step[:, :72].reshape(-1, 24, 3))
            for joint in range(24):
                parent = PARENTS[joint]
                above = actor.world[:, parent] if parent >= 0 else np.eye(3)[None]
                turned = np.swapaxes(above, -1, -2) @ turns[:, joint] @ above
                actor.rotations[:, joint] = turned @ actor.rotations[:, joint]
            actor.transl = actor.transl + step[:, 72:]
            self._place(actor)

    def deepest(self) -> float:
        """How deep (m) the deepest point of anybody lies inside somebody else, at any frame."""
        count = len(self.actors[0].transl)
        lacks = [
            self._overlaps(person, frame)[0].max()
            for person in range(len(self.actors))
            for frame in range(count)
        ]
        return max(float(max(lacks)) - _MARGIN_M, 0.0)

    def _overlaps(
        self, person: int, frame: int
    ) -> tuple[Float[np.ndarray, " picked"], Float[np.ndarray, "picked 3"]]:
        """How far (m) each spread vertex must move to keep the margin to others, and whereto.

        Negative where there is room; minus infinity far from everybody.
        """
        mine = self.actors[person].vertices[frame, self.skin]
        lack = np.full(len(mine), -np.inf)
        outward = np.zeros((len(mine), 3))
        for index, other in enumerate(self.actors):
            if index == person:
                continue
            distance, nearest = signed_distances(
                mine, other.vertices[frame], other.normals[frame], _WATCHED_M
            )
            short = _MARGIN_M - distance
            # A hand is thin: a point of a trunk inside it knows no way out. The hand does.
            short[self.is_hand[nearest] & ~self.is_hand[self.skin]] = -np.inf
            worse = short > lack
            lack[worse], outward[worse] = short[worse], other.normals[frame, nearest[worse]]
        return lack, outward

    def _actor(self, betas: np.ndarray, part: Part) -> _Actor:
        before, engaged = matrix_from_rotvec(part.before), matrix_from_rotvec(part.engaged)
        way = rotvec_from_matrix(np.swapaxes(before, -1, -2) @ engaged)
        aim = before @ matrix_from_rotvec(part.share[:, None, None] * way)
        aim = aim @ matrix_from_rotvec(part.sway)
        aim[:, 0] = facing(part.heading_rad) @ aim[:, 0]
        height = standing_height(self.model, betas) - part.sink_m
        pelvis = np.concatenate([part.place, height[:, None]], axis=1)
        rest = self.model.rest_joints(betas).astype(np.float64)
        empty = np.empty(0)
        actor = _Actor(
            betas, part, aim, pelvis, foot_targets(self.model, betas, part), aim.copy(),
            pelvis - rest[Joint.PELVIS], empty, empty, empty, empty,
        )  # fmt: skip
        self._place(actor)
        return actor

    def _place(self, actor: _Actor) -> None:
        rotvecs = rotvec_from_matrix(actor.rotations)
        vertices, joints, world = [], [], []
        for first in range(0, len(rotvecs), 16):  # bounds the memory of long captures
            some = slice(first, first + 16)
            body = self.model.posed(actor.betas, rotvecs[some], actor.transl[some])
            vertices.append(body.vertices_world)
            joints.append(body.joints_world)
            world.append(body.world_from_rest[:, :, :3, :3])
        actor.vertices = np.concatenate(vertices).astype(np.float32)
        actor.joints = np.concatenate(joints).astype(np.float64)
        actor.world = np.concatenate(world).astype(np.float64)
        actor.normals = vertex_normals(actor.vertices, self.model.faces)

    def _anchor(self, touch: Touch) -> int:
        if touch.is_clasp:
            return self.palms[Side.LEFT if touch.joint == Joint.LEFT_HAND else Side.RIGHT]
        betas = self.actors[touch.other].betas
        place = self.model.rest_joints(betas)[touch.joint] + np.array(touch.offset_m)
        apart = np.linalg.norm(self.model.rest_vertices(betas) - place, axis=1)
        return int(apart.argmin())

    def _step(self, person: int) -> np.ndarray:
        """Increments of 24 world-axis rotations and the translation, per frame."""
        actor = self.actors[person]
        count = len(actor.transl)
        normal = np.zeros((count, 75, 75))
        right = np.zeros((count, 75))
        self._pull_to_stance(actor, normal, right)
        for foot, pair in enumerate(FEET):
            for point, (joint, sigma) in enumerate(zip(pair, (_ANKLE_M, _BALL_M), strict=True)):
                here = actor.joints[:, joint]
                carried = _ancestors_of(joint)
                error = actor.feet[:, foot, point] - here
                _pull_point(normal, right, actor, here, carried, error, 1 / sigma**2)
        for touch, anchor in zip(self.touches, self.anchors, strict=True):
            if touch.person == person:
                self._pull_hand(actor, person, touch, anchor, normal, right)
        diagonal = np.arange(75)
        normal[:, diagonal, diagonal] *= 1 + _DAMPING
        step = self._without_overlap(actor, person, normal, right)
        size = np.abs(step[:, :72]).max(axis=1, keepdims=True)
        return step * np.minimum(1.0, _LARGEST_STEP_RAD / np.maximum(size, 1e-9))

    def _pull_to_stance(self, actor: _Actor, normal: np.ndarray, right: np.ndarray) -> None:
        away = rotvec_from_matrix(actor.aim @ np.swapaxes(actor.rotations, -1, -2))
        parents = [parent if parent >= 0 else 0 for parent in PARENTS]
        above = actor.world[:, parents].copy()
        above[:, 0] = np.eye(3)
        error = np.einsum("fjab,fjb->fja", above, away).reshape(-1, 72)
        weight = np.concatenate([self.stray**-2, np.array(_STRAY_PELVIS_M) ** -2.0])
        moved = actor.pelvis - actor.joints[:, Joint.PELVIS]
        normal[:, np.arange(75), np.arange(75)] += weight
        right += weight * np.concatenate([error, moved], axis=1)

    def _pull_hand(
        self,
        actor: _Actor,
        person: int,
        touch: Touch,
        anchor: int,
        normal: np.ndarray,
        right: np.ndarray,
    ) -> None:
        other = self.actors[touch.other]
        palm = self.palms[touch.side]
        here = actor.vertices[:, palm].astype(np.float64)
        outward = other.normals[:, anchor].astype(np.float64)
        goal = other.vertices[:, anchor] + _PALM_GAP_M * outward
        if touch.is_clasp:
            goal = (goal + here) / 2
        free = self.start[person][:, list(Side).index(touch.side)]
        if touch.is_clasp:
            share = touch.share[:, None]
            wanted = (1 - share) * free + share * goal
        else:
            wanted = _way_around(other.joints[:, Joint.SPINE3], free, goal, touch.share)
        weight = np.minimum(1.0, 6 * touch.share) * (0.1 + 0.9 * touch.share**4) / _PALM_M**2
        _pull_point(normal, right, actor, here, self.carried[palm], wanted - here, weight)
        if touch.is_clasp:
            return
        # The finger tips come down to the touched plane, so that the hand lies flat.
        for tip in self.tips[touch.side]:
            tip_here = actor.vertices[:, tip].astype(np.float64)
            height = np.einsum("fc,fc->f", tip_here - other.vertices[:, anchor], outward)
            _push_points(
                normal, right, actor, tip_here[:, None], self.carried[[tip]], outward[:, None],
                (_TIP_GAP_M - height)[:, None], touch.share[:, None] ** 8 / _TIP_M**2,
            )  # fmt: skip

    def _without_overlap(
        self, actor: _Actor, person: int, normal: np.ndarray, right: np.ndarray
    ) -> Float[np.ndarray, "frames 75"]:
        """The step that solves the system and leaves no watched point inside anybody.

        Points that would end up inside join the equations, round by round.
        """
        rows, lack = self._watched(actor, person)
        step = np.zeros_like(right)
        for _ in range(_ROUNDS):
            weight = (lack > np.einsum("fpk,fk->fp", rows, step)) / _PUSH_M**2
            weighted = rows * weight[..., None]
            full = normal + np.swapaxes(weighted, 1, 2) @ rows
            wanted = right + np.einsum(
                "fpk,fp->fk", weighted, np.where(lack > 0, _PUSH_SHARE * lack, lack)
            )
            step = np.linalg.solve(full, wanted[..., None])[..., 0]
        return step

    def _watched(self, actor: _Actor, person: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the points nearest to or deepest in others, and how far each must move (m)."""
        count = len(actor.transl)
        points = np.zeros((count, _WATCHED, 3))
        directions = np.zeros((count, _WATCHED, 3))
        lacks = np.full((count, _WATCHED), -1.0)
        carried = np.zeros((count, _WATCHED, 24))
        for frame in range(count):
            lack, outward = self._overlaps(person, frame)
            worst = np.argsort(-lack)[:_WATCHED]
            worst = worst[np.isfinite(lack[worst])]
            points[frame, : len(worst)] = actor.vertices[frame, self.skin[worst]]
            directions[frame, : len(worst)] = outward[worst]
            lacks[frame, : len(worst)] = lack[worst]
            carried[frame, : len(worst)] = self.carried[self.skin[worst]]
        return _rows(actor, points, carried, directions), lacks


def _pull_point(
    normal: np.ndarray,
    right: np.ndarray,
    actor: _Actor,
    here: np.ndarray,
    carried: np.ndarray,
    error: np.ndarray,
    weight: np.ndarray | float,
) -> None:
    """Adds three rows per frame: the point at `here` should move by `error`."""
    weights = np.broadcast_to(np.asarray(weight), (len(here),))
    for axis in np.eye(3):
        direction = np.broadcast_to(axis, (len(here), 1, 3))
        _push_points(
            normal, right, actor, here[:, None], carried[None], direction,
            (error @ axis)[:, None], weights[:, None],
        )  # fmt: skip


def _push_points(
    normal: np.ndarray,
    right: np.ndarray,
    actor: _Actor,
    points: np.ndarray,
    carried: np.ndarray,
    directions: np.ndarray,
    amounts: np.ndarray,
    weights: np.ndarray,
) -> None:
    """Adds rows: points should move by `amounts` along `directions` (frames x points)."""
    rows = _rows(actor, points, carried, directions)
    weighted = rows * weights[..., None]
    normal += np.swapaxes(weighted, 1, 2) @ rows
    right += np.einsum("fpk,fp->fk", weighted, amounts)


def _rows(
    actor: _Actor, points: np.ndarray, carried: np.ndarray, directions: np.ndarray
) -> Float[np.ndarray, "frames points 75"]:
    """How fast points move along directions for each unknown of a step."""
    arms = points[:, :, None] - actor.joints[:, None]  # frames, points, joints, 3
    slope = np.cross(arms, directions[:, :, None]) * carried[..., None]
    return np.concatenate([slope.reshape(*points.shape[:2], 72), directions], axis=2)


def _way_around(
    axis: Float[np.ndarray, "frames 3"],
    start: Float[np.ndarray, "frames 3"],
    goal: Float[np.ndarray, "frames 3"],
    share: Float[np.ndarray, " frames"],
) -> Float[np.ndarray, "frames 3"]:
    """Points on the way from start to goal that leads around an upright axis, not through it."""
    from_axis, to_axis = start - axis, goal - axis
    first, last = (np.arctan2(way[:, 1], way[:, 0]) for way in (from_axis, to_axis))
    turn = np.mod(last - first + np.pi, 2 * np.pi) - np.pi
    angle = first + share * turn
    radius = (1 - share) * np.hypot(*from_axis[:, :2].T) + share * np.hypot(*to_axis[:, :2].T)
    radius = radius + _BULGE_M * np.abs(turn) / np.pi * 4 * share * (1 - share)
    height = (1 - share) * start[:, 2] + share * goal[:, 2]
    place = axis[:, :2] + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.concatenate([place, height[:, None]], axis=1)


def _carried_share(model: SmplModel) -> Float[np.ndarray, "vertices joints=24"]:
    """How far each vertex follows a turn of each joint: its weight on the joint's subtree."""
    return np.stack(
        [model.weights[:, list(descendants(joint))].sum(axis=1) for joint in range(24)], axis=1
    ).astype(np.float64)


def _ancestors_of(joint: int) -> Float[np.ndarray, "joints=24"]:
    carried = np.zeros(24)
    while PARENTS[joint] >= 0:
        joint = PARENTS[joint]
        carried[joint] = 1.0
    return carried


def _spread_vertices(model: SmplModel) -> Int[np.ndarray, " picked"]:
    """About 2500 vertices spread over the surface, denser on the hands, for the push-out."""
    size_m = np.where(_hand_vertices(model), 0.012, 0.022)[:, None]
    keys = np.floor(model.v_template / size_m).astype(np.int64)
    _, first = np.unique(keys, axis=0, return_index=True)
    return np.sort(first)


def _stray() -> Float[np.ndarray, "72"]:
    sigmas = []
    for joint in Joint:
        name = joint.name.removeprefix("LEFT_").removeprefix("RIGHT_")
        sigmas.append(_STRAY_RAD[name])
    return np.repeat(np.array(sigmas), 3)


def _palm(model: SmplModel, side: Side) -> int:
    joint = model.rest_joints(np.zeros(10, np.float32))[side.joint("hand")]
    place = joint + np.array([-0.02 * side.value, -0.03, 0.0])
    return int(np.linalg.norm(model.v_template - place, axis=1).argmin())


def _finger_tips(model: SmplModel, side: Side) -> list[int]:
    names = [f"{side.name[0].lower()}{finger}" for finger in ("index", "pinky")]
    return [model.vertex_ids[name] for name in names if name in model.vertex_ids]


def _hand_vertices(model: SmplModel) -> Bool[np.ndarray, " vertices"]:
    joints = [side.joint(name) for side in Side for name in ("wrist", "hand")]
    return model.weights[:, joints].sum(axis=1) > 0.5
