"""Who does what: each script lays out places, stances and touches of the people over time."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from avatarpose.body.skeleton import Joint
from avatarpose.errors import AvatarPoseError
from avatarpose.synth.drift import drift, ease
from avatarpose.synth.stances import (
    AROUND_BACK,
    CLINCHING,
    GRIPPING,
    HELD_ASIDE,
    IN_RING,
    ON_SHOULDER,
    OPEN,
    OPEN_HIGH,
    OPEN_LOW,
    REACHING,
    SHAKING,
    Side,
    Stance,
    embrace,
    stance,
)

Script = Literal["hug", "dance", "handshake", "spar"]
SCRIPTS: tuple[Script, ...] = get_args(Script)
FPS = 25.0


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What one person does.

    Attributes:
        place: where the pelvis stands on the floor (m).
        heading_rad: where the person looks, from +x towards +y.
        before: stance while apart.
        engaged: stance in contact.
        share: how far the stance has gone from `before` (0) to `engaged` (1).
        sway: rotation offsets (rad) on top, what nobody can keep still.
        sink_m: how much lower than standing the pelvis is.
    """

    place: Float[np.ndarray, "frames 2"]
    heading_rad: Float[np.ndarray, " frames"]
    before: Stance
    engaged: Stance
    share: Float[np.ndarray, " frames"]
    sway: Float[np.ndarray, "frames joints=24 3"]
    sink_m: Float[np.ndarray, " frames"]


@dataclass(frozen=True, slots=True, eq=False)
class Touch:
    """A palm that lies on somebody.

    Attributes:
        person: whose hand.
        side: which hand.
        other: who is touched.
        joint: the joint of the other near which the hand lies.
        offset_m: from that joint to the place in the other's rest pose (x left, y up, z front);
            the surface point nearest to it is touched.
        share: 0 while the hand is elsewhere, 1 in contact.
        is_clasp: both palms meet half way.
    """

    person: int
    side: Side
    other: int
    joint: Joint
    offset_m: tuple[float, float, float]
    share: Float[np.ndarray, " frames"]
    is_clasp: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Choreography:
    """The parts of all people and their touches."""

    parts: tuple[Part, ...]
    touches: tuple[Touch, ...]


def choreograph(
    script: str, people: int, frame_count: int, rng: np.random.Generator
) -> Choreography:
    """The plan of a script; poses follow from it once the bodies are known."""
    if script not in SCRIPTS:
        raise AvatarPoseError(
            f"There is no script {script!r}.", remedy=f"Choose one of {', '.join(SCRIPTS)}."
        )
    if not 2 <= people <= 4:
        raise AvatarPoseError(
            f"Scripts are written for 2 to 4 people, not {people}.", remedy="Ask for 2, 3 or 4."
        )
    stage = _Stage(frame_count, rng)
    if script == "dance" and people > 2:
        return _ring(stage, people)
    pair = {"hug": _hug, "dance": _dance, "handshake": _handshake, "spar": _spar}[script]
    if people == 2:
        return pair(stage)
    if people == 3:
        return _joined(stage, pair(stage), sides=(1,), gap_m=0.68 if script == "spar" else 0.58)
    if script == "hug":
        return _joined(stage, pair(stage), sides=(1, -1), gap_m=0.58)
    return _side_by_side(pair(stage), pair(_Stage(frame_count, rng)), apart_m=1.15)


class _Stage:
    """The time line shared by the people of a script."""

    def __init__(self, frame_count: int, rng: np.random.Generator) -> None:
        self.frame_count = frame_count
        self.rng = rng
        self.time_s = np.arange(frame_count) / FPS
        duration_s = frame_count / FPS
        ramp_s = min(0.45 * duration_s, 1.0)
        # Short captures start when the people are already closing in.
        start = max(0.0, 1.0 - 1.25 * ramp_s)
        self.near = start + (1 - start) * ease((self.time_s - 0.04 * duration_s) / ramp_s)
        self.arms = ease((self.near - 0.30) / 0.70)
        self.phase = rng.uniform(0, 2 * np.pi)

    def wave(self, period_s: float, shift_rad: float = 0.0) -> np.ndarray:
        """A sine over time."""
        return np.sin(2 * np.pi * self.time_s / period_s + self.phase + shift_rad)

    def part(
        self,
        place: np.ndarray,
        heading_rad: np.ndarray,
        before: Stance,
        engaged: Stance,
        sink_m: float = 0.02,
    ) -> Part:
        sway = 0.03 * drift(self.rng, self.frame_count, 24, 3, period_frames=9.0)
        sway[:, [Joint.LEFT_FOOT, Joint.RIGHT_FOOT, Joint.LEFT_HAND, Joint.RIGHT_HAND]] = 0.0
        sway[:, [Joint.LEFT_HIP, Joint.RIGHT_HIP, Joint.LEFT_KNEE, Joint.RIGHT_KNEE]] *= 0.3
        still = np.full(self.frame_count, sink_m)
        return Part(place, heading_rad, before, engaged, self.arms, sway, still)

    def opposite(
        self, gap_m: float, approach_m: float, turn_rad: np.ndarray, left_m: float = 0.0
    ) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Places and headings of two who face each other; `turn_rad` turns the pair."""
        half = gap_m / 2 + (1 - self.near) * approach_m / 2
        ahead = np.stack([np.cos(turn_rad), np.sin(turn_rad)], axis=1)
        aside = np.stack([-np.sin(turn_rad), np.cos(turn_rad)], axis=1)
        first = -half[:, None] * ahead - 0.5 * left_m * aside
        return (first, turn_rad), (-first, turn_rad + np.pi)


def _hug(stage: _Stage) -> Choreography:
    first, second, way = embrace()
    turn = 0.10 * stage.wave(3.5) + 0.15 * (1 - stage.near)
    (place_a, heading_a), (place_b, heading_b) = stage.opposite(way[0], 0.80, turn, way[1])
    # Everybody's left arm goes over the other's right arm, as it does in the embrace.
    apart = stance(left=OPEN_HIGH, right=OPEN_LOW, lean_rad=0.05)
    parts = (
        stage.part(place_a, heading_a, apart, first),
        stage.part(place_b, heading_b, apart, second),
    )
    slips = 0.012 * stage.rng.standard_normal((4, 3)) * (1.0, 1.0, 0.0)
    spots = (  # the first one holds the waist, the second one the shoulder blades
        (0, Side.LEFT, 1, Joint.SPINE2, (-0.07, 0.0, -0.06)),
        (0, Side.RIGHT, 1, Joint.SPINE2, (0.09, 0.05, -0.06)),
        (1, Side.LEFT, 0, Joint.SPINE3, (-0.11, 0.12, -0.06)),
        (1, Side.RIGHT, 0, Joint.SPINE3, (0.08, 0.07, -0.06)),
    )
    touches = tuple(
        Touch(who, side, other, joint, _moved(offset, slip), stage.arms)
        for (who, side, other, joint, offset), slip in zip(spots, slips, strict=True)
    )
    return Choreography(parts, touches)


def _dance(stage: _Stage) -> Choreography:
    turn = 1.1 * stage.time_s + 0.1 * stage.wave(1.4)
    glide = 0.08 * np.stack([stage.wave(2.1), stage.wave(2.9, 1.0)], axis=1)
    (place_a, heading_a), (place_b, heading_b) = stage.opposite(0.40, 0.30, turn, -0.06)
    leads = stance(left=REACHING, right=OPEN_LOW)
    follows = stance(left=OPEN_HIGH, right=REACHING)
    parts = (
        stage.part(place_a + glide, heading_a, leads, stance(left=HELD_ASIDE, right=AROUND_BACK)),
        stage.part(place_b + glide, heading_b, follows, stance(left=ON_SHOULDER, right=HELD_ASIDE)),
    )
    palm = (0.0, -0.025, 0.0)
    touches = (
        Touch(0, Side.LEFT, 1, Joint.RIGHT_HAND, palm, stage.arms, is_clasp=True),
        Touch(1, Side.RIGHT, 0, Joint.LEFT_HAND, palm, stage.arms, is_clasp=True),
        Touch(0, Side.RIGHT, 1, Joint.SPINE2, (0.09, 0.02, -0.10), stage.arms),
        Touch(1, Side.LEFT, 0, Joint.RIGHT_SHOULDER, (0.0, 0.06, -0.02), stage.arms),
    )
    return Choreography(parts, touches)


def _handshake(stage: _Stage) -> Choreography:
    turn = 0.08 * stage.wave(4.0)
    (place_a, heading_a), (place_b, heading_b) = stage.opposite(0.66, 0.40, turn, 0.06)
    apart = stance(lean_rad=0.03)
    warm = stance(right=SHAKING, left=GRIPPING, lean_rad=0.16)
    plain = stance(right=SHAKING, lean_rad=0.12)
    pump = np.zeros((stage.frame_count, 24, 3))
    pump[:, Joint.RIGHT_ELBOW, 1] = 0.10 * stage.wave(0.45) * stage.arms
    parts = []
    for place, heading, engaged in ((place_a, heading_a, warm), (place_b, heading_b, plain)):
        part = stage.part(place, heading, apart, engaged)
        parts.append(replace(part, sway=part.sway + pump))
    palm = (0.0, -0.025, 0.0)
    touches = (
        Touch(0, Side.RIGHT, 1, Joint.RIGHT_HAND, palm, stage.arms, is_clasp=True),
        Touch(1, Side.RIGHT, 0, Joint.RIGHT_HAND, palm, stage.arms, is_clasp=True),
        Touch(0, Side.LEFT, 1, Joint.RIGHT_ELBOW, (0.06, 0.04, 0.0), stage.arms),
    )
    return Choreography(tuple(parts), touches)


def _spar(stage: _Stage) -> Choreography:
    push = 0.10 * stage.wave(1.3)
    turn = 0.5 * stage.wave(3.0) + 0.5 * stage.time_s
    (place_a, heading_a), (place_b, heading_b) = stage.opposite(0.58, 0.45, turn)
    shove = push[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    # The over-under clinch of wrestlers: left hand on the shoulder, right hand at the flank.
    apart = stance(left=OPEN_HIGH, right=OPEN_LOW, lean_rad=0.2, knees_rad=0.5)
    clinch = stance(left=CLINCHING, right=GRIPPING, lean_rad=0.3, knees_rad=0.6)
    parts = (
        stage.part(place_a + shove, heading_a, apart, clinch, sink_m=0.10),
        stage.part(place_b + shove, heading_b, apart, clinch, sink_m=0.10),
    )
    touches = []
    for who in (0, 1):
        other = 1 - who
        touches += [
            Touch(who, Side.LEFT, other, Joint.RIGHT_SHOULDER, (0.0, 0.06, -0.01), stage.arms),
            Touch(who, Side.RIGHT, other, Joint.SPINE2, (0.16, 0.03, 0.03), stage.arms),
        ]
    return Choreography(parts, tuple(touches))


def _ring(stage: _Stage, people: int) -> Choreography:
    """Everybody faces the middle and holds the neighbours' hands."""
    radius = (0.62 if people == 3 else 0.72) + 0.10 * stage.wave(1.6) + 0.2 * (1 - stage.near)
    turn = 0.7 * stage.time_s
    parts = []
    for person in range(people):
        angle = turn + 2 * np.pi * person / people
        place = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        held = stance(left=IN_RING, right=IN_RING)
        parts.append(stage.part(place, angle + np.pi, stance(), held))
    palm = (0.0, -0.025, 0.0)
    touches = []
    for person in range(people):
        left = (person - 1) % people  # facing the middle, the next one clockwise is on the left
        touches += [
            Touch(person, Side.LEFT, left, Joint.RIGHT_HAND, palm, stage.arms, is_clasp=True),
            Touch(left, Side.RIGHT, person, Joint.LEFT_HAND, palm, stage.arms, is_clasp=True),
        ]
    return Choreography(tuple(parts), tuple(touches))


def _joined(
    stage: _Stage, pair: Choreography, sides: tuple[int, ...], gap_m: float
) -> Choreography:
    """Others step up to a pair from the side and lay a hand on both backs."""
    parts, touches = list(pair.parts), list(pair.touches)
    first, second = pair.parts[0].place, pair.parts[1].place
    middle, line = (first + second) / 2, second - first
    across = np.stack([-line[:, 1], line[:, 0]], axis=1)
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    for side in sides:
        person = len(parts)
        away = gap_m + 0.35 * (1 - stage.near)
        place = middle + side * away[:, None] * across
        heading = np.unwrap(np.arctan2(-side * across[:, 1], -side * across[:, 0]))
        before = stance(left=OPEN, right=OPEN)
        parts.append(stage.part(place, heading, before, stance(left=REACHING, right=REACHING)))
        # From the side at the pair's left (+1) the first one of the pair is on the right hand.
        hands = (Side.RIGHT, Side.LEFT) if side > 0 else (Side.LEFT, Side.RIGHT)
        for other, hand in enumerate(hands):
            out = side if other == 0 else -side  # the side of the other that faces the newcomer
            offset = (0.08 * out, 0.0, -0.12)
            touches.append(Touch(person, hand, other, Joint.SPINE3, offset, stage.arms))
    return Choreography(tuple(parts), tuple(touches))


def _side_by_side(one: Choreography, two: Choreography, apart_m: float) -> Choreography:
    aside = np.array([0.0, apart_m / 2])
    parts = [replace(part, place=part.place - aside) for part in one.parts]
    parts += [replace(part, place=part.place + aside) for part in two.parts]
    count = len(one.parts)
    moved = [
        replace(touch, person=touch.person + count, other=touch.other + count)
        for touch in two.touches
    ]
    return Choreography(tuple(parts), (*one.touches, *moved))


def _moved(offset: tuple[float, float, float], slip: np.ndarray) -> tuple[float, float, float]:
    x, y, z = np.asarray(offset) + slip
    return float(x), float(y), float(z)
