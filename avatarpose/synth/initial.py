"""Initial fits wrong in known ways: smooth errors, limbs on the wrong person, a bad heading."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d

from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import PARENTS, SMPL_OF_SKEL19, Joint
from avatarpose.body.smpl import SURFACE_JOINTS, SmplModel
from avatarpose.geometry.rotation import (
    matrix_from_rotvec,
    rotation_between,
    rotvec_from_matrix,
)
from avatarpose.synth.drift import drift
from avatarpose.synth.stances import Side

_HEADING_RAD = np.radians(20.0)
_HEADING_FRAMES = 6
_CONTACT_GAIN = 0.45  # how much larger errors are while people touch
# Standard deviations of joint angles (rad) before the whole is scaled to the wanted error.
_ANGLE_RAD: dict[str, float] = {
    "PELVIS": 0.05, "HIP": 0.09, "KNEE": 0.11, "ANKLE": 0.10, "SPINE1": 0.04, "SPINE2": 0.04,
    "SPINE3": 0.04, "NECK": 0.07, "HEAD": 0.08, "COLLAR": 0.06, "SHOULDER": 0.16, "ELBOW": 0.20,
    "WRIST": 0.15, "FOOT": 0.0, "HAND": 0.0,
}  # fmt: skip
_PLACE_M = 0.02
_BETAS = 0.5


@dataclass(frozen=True, slots=True)
class GrossFailure:
    """A stretch of frames in which a fit is badly wrong.

    Attributes:
        person: index of the person.
        what: "left wrist", "right elbow", ... or "heading".
        onto: the person on whose limb the joint was put (-1 for a heading).
        first: index of the first frame.
        frames: how many.
    """

    person: int
    what: str
    onto: int
    first: int
    frames: int


@dataclass(frozen=True, slots=True, eq=False)
class InitialFits:
    """Initial poses of all people, with what is known about their errors.

    Attributes:
        poses: one sequence per person.
        error_mm: world MPJPE over skel19, mean over people and frames.
        per_person_mm: the same for each person.
        failures: the gross ones.
    """

    poses: tuple[PoseSequence, ...]
    error_mm: float
    per_person_mm: tuple[float, ...]
    failures: tuple[GrossFailure, ...]


def spoil(
    model: SmplModel,
    truth: list[PoseSequence],
    contact: Bool[np.ndarray, " frames"],
    error_mm: float,
    rng: np.random.Generator,
) -> InitialFits:
    """Fits of the true poses that are wrong by `error_mm` on average."""
    noises = [_Noise(len(contact), contact, rng) for _ in truth]
    failures = _draw_failures(len(truth), contact, error_mm, rng)
    wanted = [measured_joints(model, poses) for poses in truth]

    def attempt(scale: float) -> tuple[list[PoseSequence], list[float]]:
        fits = [
            noise.spoiled(model, poses, scale) for noise, poses in zip(noises, truth, strict=True)
        ]
        fits = _with_failures(model, truth, fits, failures)
        errors = []
        for fit, joints in zip(fits, wanted, strict=True):
            apart = np.linalg.norm(measured_joints(model, fit) - joints, axis=-1)
            errors.append(float(1000 * apart.mean()))
        return fits, errors

    if error_mm <= 0:
        fits, errors = attempt(0.0)
        return InitialFits(tuple(fits), float(np.mean(errors)), tuple(errors), failures)
    while failures and float(np.mean(attempt(0.0)[1])) > 0.7 * error_mm:
        failures = failures[:-1]
    low, high = 0.0, 1.0
    while float(np.mean(attempt(high)[1])) < error_mm and high < 20:
        low, high = high, 1.7 * high
    fits, errors = attempt(high)
    for _ in range(20):
        scale = (low + high) / 2
        fits, errors = attempt(scale)
        mean = float(np.mean(errors))
        if abs(mean - error_mm) < 0.01 * error_mm:
            break
        low, high = (scale, high) if mean < error_mm else (low, scale)
    return InitialFits(tuple(fits), float(np.mean(errors)), tuple(errors), failures)


def measured_joints(
    model: SmplModel, poses: PoseSequence
) -> Float[np.ndarray, "frames joints=19 3"]:
    """skel19 in the world (m) without skinning the whole surface where that can be avoided."""
    if model.body25_regressor is not None:
        return model.skel19(model.posed_sequence(poses))
    transforms, joints = model.joint_transforms(poses.betas, poses.rotvecs, poses.transl)
    out = np.empty((len(poses), 19, 3))
    for target, joint in SMPL_OF_SKEL19.items():
        out[:, target] = joints[:, joint]
    ids = [model.vertex_ids[name] for name in SURFACE_JOINTS.values()]
    features = matrix_from_rotvec(poses.rotvecs[:, 1:].astype(np.float64)) - np.eye(3)
    correctives = np.einsum("vcp,fp->fvc", model.posedirs[ids], features.reshape(-1, 207))
    surface = model.v_template[ids] + model.shapedirs[ids] @ poses.betas + correctives
    blended = np.einsum("vj,fjab->fvab", model.weights[ids], transforms[:, :, :3])
    placed = np.einsum("fvab,fvb->fva", blended[..., :3], surface) + blended[..., 3]
    out[:, list(SURFACE_JOINTS)] = placed
    return out


class _Noise:
    """The smooth part of one person's errors, to be scaled."""

    def __init__(self, frames: int, contact: np.ndarray, rng: np.random.Generator) -> None:
        names = [joint.name.removeprefix("LEFT_").removeprefix("RIGHT_") for joint in Joint]
        sigma = np.array([_ANGLE_RAD[name] for name in names])[:, None]
        gain = 1 + _CONTACT_GAIN * contact.astype(float)
        gain = gaussian_filter1d(gain, 1.5, mode="nearest")[:, None]
        lasting = rng.standard_normal((24, 3))
        self.turns = (
            sigma
            * gain[..., None]
            * (0.80 * drift(rng, frames, 24, 3, period_frames=3.5) + 0.60 * lasting)
        )
        shaky = drift(rng, frames, 3, period_frames=4.0)
        self.moves = _PLACE_M * gain * (0.8 * shaky + 0.6 * rng.standard_normal(3))
        self.betas = _BETAS * rng.standard_normal(10)

    def spoiled(self, model: SmplModel, poses: PoseSequence, scale: float) -> PoseSequence:
        rotations = matrix_from_rotvec(poses.rotvecs.astype(np.float64))
        turned = rotations @ matrix_from_rotvec(scale * self.turns)
        rotvecs = rotvec_from_matrix(turned)
        betas = poses.betas + min(scale, 1.5) * self.betas
        pelvis = model.rest_joints(poses.betas)[0] - model.rest_joints(betas)[0]
        return PoseSequence(
            betas=betas,
            global_orient=rotvecs[:, 0],
            body_pose=rotvecs[:, 1:].reshape(-1, 69),
            transl=poses.transl + pelvis + scale * self.moves,
            valid=poses.valid,
        )


def _draw_failures(
    people: int, contact: np.ndarray, error_mm: float, rng: np.random.Generator
) -> tuple[GrossFailure, ...]:
    """Gross failures in the order of their importance; fewer in short or well fitted captures."""
    frames = len(contact)
    if frames < 12 or error_mm < 20:
        return ()
    count = int(np.clip(round(frames / 8 * min(error_mm / 35, 1.0)), 1, 3 + frames // 48))
    touching = np.flatnonzero(contact)
    pool = touching if len(touching) >= 8 else np.arange(frames)
    failures: list[GrossFailure] = []
    for index in range(count):
        length = int(rng.integers(4, 9))
        middle = int(pool[len(pool) * (2 * index + 1) // (2 * count)])
        first = int(np.clip(middle - length // 2, 0, frames - length))
        person = int(rng.integers(people))
        onto = int((person + rng.integers(1, people)) % people)
        side = Side.LEFT if rng.random() < 0.5 else Side.RIGHT
        name = "elbow" if index % 3 == 1 else "wrist"
        what = side.joint(name).label
        failures.append(GrossFailure(person, what, onto, first, length))
    if frames >= 16 and error_mm >= 25:
        first = int(rng.integers(0, frames - _HEADING_FRAMES + 1))
        heading = GrossFailure(int(rng.integers(people)), "heading", -1, first, _HEADING_FRAMES)
        failures.insert(1, heading)
    return tuple(failures)


def _with_failures(
    model: SmplModel,
    truth: list[PoseSequence],
    fits: list[PoseSequence],
    failures: tuple[GrossFailure, ...],
) -> list[PoseSequence]:
    fits = list(fits)
    for failure in failures:
        indices = np.arange(failure.first, failure.first + failure.frames)
        fit = fits[failure.person]
        rotations = matrix_from_rotvec(fit.rotvecs[indices].astype(np.float64))
        if failure.what == "heading":
            sign = 1.0 if failure.first % 2 else -1.0
            turn = matrix_from_rotvec(np.array([0.0, 0.0, sign * _HEADING_RAD]))
            rotations[:, 0] = turn @ rotations[:, 0]
        else:
            joint = Joint[failure.what.upper().replace(" ", "_")]
            _, goal = model.joint_transforms(
                truth[failure.onto].betas,
                truth[failure.onto].rotvecs[indices],
                truth[failure.onto].transl[indices],
            )
            targets = goal[:, joint].astype(np.float64)
            _reach(model, fit.betas, rotations, fit.transl[indices], joint, targets)
        rotvecs = rotvec_from_matrix(rotations)
        fits[failure.person] = fit.with_frames(indices, rotvecs, fit.transl[indices])
    return fits


def _reach(
    model: SmplModel,
    betas: np.ndarray,
    rotations: np.ndarray,
    transl: np.ndarray,
    joint: Joint,
    targets: np.ndarray,
) -> None:
    """Turns the arm, joint by joint, until `joint` is as near to its targets as it goes."""
    chain = [PARENTS[joint]]
    while Joint(chain[-1]) not in (Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER):
        chain.append(PARENTS[chain[-1]])
    for _ in range(10):
        for pivot in chain:
            rotvecs = rotvec_from_matrix(rotations)
            transforms, joints = model.joint_transforms(betas, rotvecs, transl)
            here = joints.astype(np.float64)
            above = transforms[:, PARENTS[pivot], :3, :3].astype(np.float64)
            for row, target in enumerate(targets):
                start = here[row, pivot]
                turn = rotation_between(here[row, joint] - start, target - start)
                local = above[row].T @ turn @ above[row]
                rotations[row, pivot] = local @ rotations[row, pivot]
