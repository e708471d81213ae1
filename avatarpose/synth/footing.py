"""Where the feet stand and step while the body moves: planted soles, alternating steps."""

import numpy as np
from jaxtyping import Float

from avatarpose.body.skeleton import Joint
from avatarpose.body.smpl import SmplModel
from avatarpose.synth.drift import ease
from avatarpose.synth.scripts import FPS, Part
from avatarpose.synth.stances import facing

SOLE_M = 0.008  # shoes lift the bare foot off the floor
_STEP_S = 0.36
_LIFT_M = 0.06
_FULL_STEP_M = 0.15
FEET = ((Joint.LEFT_ANKLE, Joint.LEFT_FOOT), (Joint.RIGHT_ANKLE, Joint.RIGHT_FOOT))


def standing_height(model: SmplModel, betas: Float[np.ndarray, "10"]) -> float:
    """Height (m) of the pelvis joint above the floor when the shape stands straight in shoes."""
    lowest = float(model.rest_vertices(betas)[:, 1].min())
    return float(model.rest_joints(betas)[Joint.PELVIS, 1]) - lowest + SOLE_M


def foot_targets(
    model: SmplModel, betas: Float[np.ndarray, "10"], part: Part
) -> Float[np.ndarray, "frames feet=2 points=2 3"]:
    """World positions (m) of ankle and ball joint of the left and the right foot.

    A foot stands still while the other one swings, then steps to where the body will be; when the
    body stays, so does the foot.
    """
    rest = model.rest_joints(betas).astype(np.float64)
    floor = float(model.rest_vertices(betas)[:, 1].min()) - SOLE_M
    count = len(part.place)
    time_s = np.arange(count) / FPS
    targets = np.empty((count, 2, 2, 3))
    for foot, joints in enumerate(FEET):
        rest_points = rest[list(joints)] - (rest[Joint.PELVIS, 0], floor, rest[Joint.PELVIS, 2])
        home = np.einsum("fab,pb->fpa", facing(part.heading_rad), rest_points)
        home[..., :2] += part.place[:, None]
        period = 2 * _STEP_S
        start = -foot * _STEP_S  # the feet swing in turn
        cycle = np.floor((time_s - start) / period)
        share = ((time_s - start) - cycle * period) / period  # first half stance, then swing
        before = _at(home, time_s, start + (cycle + 0.25) * period)
        after = _at(home, time_s, start + (cycle + 1.25) * period)
        swing = ease((share - 0.5) / 0.5)[:, None, None]
        placed = (1 - swing) * before + swing * after
        way = np.linalg.norm(after - before, axis=-1).max(axis=-1)
        lift = _LIFT_M * np.minimum(way / _FULL_STEP_M, 1.0)
        arc = np.sin(np.pi * np.clip((share - 0.5) / 0.5, 0, 1)) ** 2
        placed[..., 2] += (lift * arc)[:, None]
        targets[:, foot] = placed
    return targets


def _at(curve: np.ndarray, time_s: np.ndarray, wanted_s: np.ndarray) -> np.ndarray:
    """The curve at other times, held at its ends."""
    place = np.clip(wanted_s * FPS, 0, len(time_s) - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, len(time_s) - 1)
    share = (place - low).reshape(-1, 1, 1)
    return (1 - share) * curve[low] + share * curve[high]
