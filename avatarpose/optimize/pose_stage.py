"""Refining poses while avatars stand still: a visit is one frame, all its people and cameras."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from avatarpose.avatar.avatar import Avatar
from avatarpose.avatar.deformer import canonical_body, canonical_from_world
from avatarpose.avatar.rendering import PixelBundle, RayBundle, render, sample_rays
from avatarpose.avatar.surface import SurfaceTopology
from avatarpose.body.smpl_torch import JointState, TorchSmpl
from avatarpose.geometry.projection_torch import ideal_cameras
from avatarpose.geometry.rotation_torch import rotvec_from_matrix
from avatarpose.losses.contact import depth_loss
from avatarpose.losses.photometric import colour_loss, exposed
from avatarpose.losses.pins import anchor_loss, view_pin_loss
from avatarpose.losses.prior import hinge_limits, rotation_change, stay_near
from avatarpose.losses.silhouette import instance_loss, opacity_loss
from avatarpose.losses.temporal import acceleration
from avatarpose.losses.weighted import WeightedSum
from avatarpose.optimize.avatar_stage import Exposure
from avatarpose.optimize.parameters import PoseVariables
from avatarpose.optimize.pictures import Pictures
from avatarpose.optimize.pixels import PixelSampler, PixelTargets
from avatarpose.optimize.schedule import Plan, Stage, Update

# What is left after the keypoint alignment is mostly the detectors' own bias.
_NEAR_TRUSTED_M = 0.006
_NEAR_DOUBTED_M = 0.05
_ACCELERATION_M_S2 = 6.0
_TOUCH_M = 0.004
_LOCKED_WEIGHT = 100.0
# A hundred vertices one centimetre deep count as one.
_DEPTH_SCALE_M2 = 100 * 0.01**2


@dataclass(frozen=True, slots=True, eq=False)
class Pins:
    """The user's hand observations in one frame.

    Attributes:
        row: person row of each view pin.
        joint: joint of each view pin.
        camera: index among the pictures' cameras.
        pixel: ideal pixel at working size.
        anchor: corrected joint positions per person row (m); NaN where nothing was corrected.
        locked: which of them must hold exactly.
    """

    row: Int[np.ndarray, " pins"]
    joint: Int[np.ndarray, " pins"]
    camera: Int[np.ndarray, " pins"]
    pixel: Float[np.ndarray, "pins 2"]
    anchor: Float[np.ndarray, "people joints=24 3"]
    locked: Bool[np.ndarray, "people joints=24"]

    @property
    def is_held(self) -> Bool[np.ndarray, "people joints=24"]:
        """Joints the user corrected, softly or for good."""
        return np.asarray(np.isfinite(self.anchor).all(-1))


@dataclass(frozen=True, slots=True, eq=False)
class PosedFrame:
    """Where the people of a frame are at one moment; later steps do not change it."""

    column: int
    rows: Int[np.ndarray, " people"]
    betas: Float[Tensor, "people 10"]
    state: JointState


@dataclass(frozen=True, slots=True, eq=False)
class PreparedVisit:
    """Rays and samples of a frame at the poses it had when they were drawn."""

    column: int
    rows: Int[np.ndarray, " people"]
    targets: PixelTargets
    rays: RayBundle
    overlaps: tuple["Overlap", ...]


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """Vertices of one person found inside another.

    Attributes:
        intruder: place of the one among the visit's people.
        host: place of the other.
        vertices: the intruder's vertices.
        corners: corners of the closest triangles of the host.
        barycentric: their weights.
        normals: outward normals there.
    """

    intruder: int
    host: int
    vertices: Int[Tensor, " points"]
    corners: Int[Tensor, "points 3"]
    barycentric: Float[Tensor, "points 3"]
    normals: Float[Tensor, "points 3"]


class PoseRefiner:
    """Visits frames; owns nothing that outlives the stage but what it is given."""

    def __init__(
        self,
        plan: Plan,
        pictures: Pictures,
        sampler: PixelSampler,
        variables: PoseVariables,
        avatars: list[Avatar],
        exposure: Exposure,
        smpl: TorchSmpl,
        topology: SurfaceTopology,
        anchor_joints: Float[np.ndarray, "people frames joints=24 3"],
        step_s: float,
        device: torch.device,
        *,
        is_near_trusted: bool,
    ) -> None:
        self._near_sigma_m = _NEAR_TRUSTED_M if is_near_trusted else _NEAR_DOUBTED_M
        self._plan, self._pictures, self._sampler = plan, pictures, sampler
        self._variables, self._avatars, self._exposure = variables, avatars, exposure
        self._smpl, self._topology, self._device = smpl, topology, device
        self._cameras = ideal_cameras(list(pictures.cameras), device)
        self._near = torch.as_tensor(anchor_joints, dtype=torch.float32, device=device)
        self._step_s = step_s
        joints = variables.all_joints(smpl)
        self._joints = torch.as_tensor(joints, device=device)
        self.pins: dict[int, Pins] = {}

    def moved(self, columns: list[int]) -> None:
        """Frames were changed from outside: neighbours must see them where they are now."""
        joints = torch.as_tensor(self._variables.all_joints(self._smpl), device=self._device)
        self._joints[:, columns] = joints[:, columns]
        self._near[:, columns] = joints[:, columns]

    def look_again(self, column: int) -> None:
        """A frame was corrected after its visit: neighbours must see its joints where they are."""
        rows = self._variables.rows(column)
        joints = self._variables.state(self._smpl, rows, column).joints_world
        self._joints[torch.as_tensor(rows, device=self._device), column] = joints

    def posed(self, column: int) -> PosedFrame:
        """The people of a frame as they are now."""
        rows = self._variables.rows(column)
        betas = self._variables.betas[torch.as_tensor(rows, device=self._device)]  # a copy
        return PosedFrame(column, rows, betas, self._variables.state(self._smpl, rows, column))

    def prepare(self, frame: PosedFrame, generator: np.random.Generator) -> PreparedVisit | None:
        """Draw pixels and samples of a frame; safe to call from another thread than `visit`."""
        column, rows = frame.column, frame.rows
        targets = self._sampler.draw(column, self._plan.pose_rays, generator)
        if len(rows) == 0 or len(targets.camera) == 0:
            return None
        with torch.no_grad():
            skinned = self._smpl.skin(frame.betas, frame.state)
        vertices = list(skinned.vertices_world.float().cpu().numpy())
        bundle = PixelBundle(self._pictures.cameras, targets.camera, targets.pixel)
        rays = sample_rays(
            bundle, vertices, self._topology, self._plan.band, generator, self._device
        )
        return PreparedVisit(column, rows, targets, rays, self._overlaps(vertices))

    def _overlaps(self, vertices: list[np.ndarray]) -> tuple[Overlap, ...]:
        found = []
        for host, surface in enumerate(vertices):
            low, high = surface.min(0), surface.max(0)
            normals = self._topology.normals(surface)
            for intruder, points in enumerate(vertices):
                if intruder == host:
                    continue
                near = np.flatnonzero(((points > low) & (points < high)).all(-1))
                if len(near) == 0:
                    continue
                closest = self._topology.closest(surface, points[near], reach_m=0.08)
                deep = (closest.face >= 0) & (closest.distance_m < 0)
                if not deep.any():
                    continue
                corners = self._topology.faces[closest.face[deep]]
                weights = closest.barycentric[deep]
                direction = (normals[corners] * weights[..., None]).sum(1)
                direction /= np.linalg.norm(direction, axis=-1, keepdims=True) + 1e-9
                found.append(
                    Overlap(
                        intruder,
                        host,
                        torch.as_tensor(near[deep], device=self._device),
                        torch.as_tensor(corners.astype(np.int64), device=self._device),
                        torch.as_tensor(weights, device=self._device),
                        torch.as_tensor(direction, device=self._device),
                    )
                )
        return tuple(found)

    def visit(self, prepared: PreparedVisit, stage: Stage, rate: float) -> WeightedSum:
        """A few gradient steps on one frame; returns the terms of the last one."""
        terms = WeightedSum()
        column, rows = prepared.column, prepared.rows
        index = torch.as_tensor(rows, device=self._device)
        for inner in range(self._plan.inner_steps):
            turns = self._variables.turns[index, column].clone().requires_grad_()
            transl = self._variables.transl[index, column].clone().requires_grad_()
            wanted = [turns, transl]
            betas = None
            if Update.SHAPE in stage.updates and inner == 0:
                betas = self._variables.betas[index].clone().requires_grad_()
                wanted.append(betas)
            terms = self.terms(prepared, turns, transl, stage, betas)
            gradients = torch.autograd.grad(terms.total, wanted)
            self._variables.step(
                rows, column, gradients[0], gradients[1],
                self._plan.turn_rate * rate * self._free_joints(stage),
                self._plan.transl_rate * rate * float(Update.ROOT in stage.updates),
            )  # fmt: skip
            if betas is not None:
                self._variables.step_betas(rows, gradients[2], self._plan.beta_rate * rate)
        self.look_again(column)
        return terms

    def _free_joints(self, stage: Stage) -> Float[Tensor, "joints=24 1"]:
        """1 for the joints the stage may turn: the root's orientation is ROOT, all others POSE."""
        free = torch.full((24, 1), float(Update.POSE in stage.updates), device=self._device)
        free[0] = float(Update.ROOT in stage.updates)
        return free

    def terms(
        self,
        prepared: PreparedVisit,
        turns: Float[Tensor, "people joints=24 3"],
        transl: Float[Tensor, "people 3"],
        stage: Stage,
        betas: Float[Tensor, "people 10"] | None = None,
    ) -> WeightedSum:
        """All pose terms of a frame at given increments, translations and (if free) shapes."""
        column, rows, targets = prepared.column, prepared.rows, prepared.targets
        device, weights = self._device, self._plan.weights
        index = torch.as_tensor(rows, device=device)
        avatars = [self._avatars[row] for row in rows]
        is_shape_free = Update.SHAPE in stage.updates
        betas = self._variables.betas[index] if betas is None else betas
        canonicals = [
            canonical_body(self._smpl, betas[place]) if is_shape_free else avatar.canonical
            for place, avatar in enumerate(avatars)
        ]
        rotations = self._variables.rotations(rows, column, turns)
        state = self._smpl.joints_from_matrices(betas, rotations, transl)
        skinned = self._smpl.skin(betas, state)
        maps = [
            canonical_from_world(skinned, canonical, place)
            for place, canonical in enumerate(canonicals)
        ]
        seen = render(prepared.rays, avatars, maps, canonicals=canonicals)
        camera = torch.as_tensor(targets.camera, device=device)
        gain, offset = self._exposure.gain.detach(), self._exposure.offset.detach()
        shown = exposed(seen.rgb, seen.alpha, gain, offset, camera)
        shown = shown + (1 - seen.alpha)[:, None] * torch.as_tensor(
            targets.background, device=device
        )
        foreground = torch.as_tensor(targets.foreground, device=device)
        known = torch.as_tensor(targets.mask_weight, device=device)
        person = torch.as_tensor(targets.person, device=device)
        terms = WeightedSum(total=torch.zeros((), device=device))
        colour = colour_loss(shown, torch.as_tensor(targets.rgb, device=device))
        terms.add("rgb", colour, weights.rgb * stage.colour)
        terms.add("alpha", opacity_loss(seen.alpha, foreground, known), weights.alpha)
        who = person[None] == index[:, None]
        knows = known * ((person >= 0) | (foreground == 0))
        terms.add("instance", instance_loss(seen.instance, who, knows), weights.instance)
        self._add_priors(terms, state.joints_world, rotations, turns, index, column)
        depth = torch.zeros((), device=device)
        for overlap in prepared.overlaps:
            depth = depth + depth_loss(
                skinned.vertices_world[overlap.intruder][overlap.vertices],
                skinned.vertices_world[overlap.host],
                overlap.normals, overlap.corners, overlap.barycentric, _TOUCH_M,
            )  # fmt: skip
        terms.add("penetration", depth / _DEPTH_SCALE_M2, weights.collision * stage.collision)
        if column in self.pins:
            self._add_pins(terms, self.pins[column], rows, state.joints_world)
        return terms

    def _add_priors(
        self,
        terms: WeightedSum,
        joints: Tensor,
        rotations: Tensor,
        turns: Tensor,
        index: Tensor,
        column: int,
    ) -> None:
        weights = self._plan.weights
        near = stay_near(joints, self._near[index, column], self._near_sigma_m)
        terms.add("near", near, weights.near)
        terms.add("turn", rotation_change(turns), weights.turn)
        terms.add("hinge", hinge_limits(rotvec_from_matrix(rotations)), weights.hinge)
        last = len(self._variables.frames) - 1
        if 0 < column < last:
            around = self._variables.frames[column - 1 : column + 2]
            valid = self._variables.valid[index.cpu().numpy()][:, column - 1 : column + 2].all()
            if valid and around[2] - around[0] == 2:
                before, after = self._joints[index, column - 1], self._joints[index, column + 1]
                value = acceleration(before, joints, after, self._step_s, _ACCELERATION_M_S2)
                terms.add("smooth", value, weights.smooth)

    def _add_pins(self, terms: WeightedSum, pins: Pins, rows: np.ndarray, joints: Tensor) -> None:
        place = {int(row): place for place, row in enumerate(rows)}
        use = [i for i, row in enumerate(pins.row) if int(row) in place]
        if use:
            pixels, _ = self._cameras.project(joints)
            camera = torch.as_tensor(pins.camera[use], device=joints.device)
            person = torch.as_tensor([place[int(r)] for r in pins.row[use]], device=joints.device)
            joint = torch.as_tensor(pins.joint[use], device=joints.device)
            target = torch.as_tensor(pins.pixel[use], dtype=joints.dtype, device=joints.device)
            value = view_pin_loss(pixels[camera, person, joint], target, sigma_px=2.0)
            terms.add("pins", value, self._plan.weights.pins)
        anchor = torch.as_tensor(pins.anchor[rows], dtype=joints.dtype, device=joints.device)
        held = torch.isfinite(anchor).all(-1)
        if held.any():
            locked = torch.as_tensor(pins.locked[rows], device=joints.device)
            weight = held.to(joints.dtype) * torch.where(locked, _LOCKED_WEIGHT, 1.0)
            value = anchor_loss(
                joints.flatten(0, 1), torch.nan_to_num(anchor).flatten(0, 1), weight.flatten(),
                sigma_m=0.02,
            )  # fmt: skip
            terms.add("anchors", value, self._plan.weights.anchors)
