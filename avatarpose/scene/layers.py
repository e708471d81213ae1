"""Pose layers: what was found (Initial), what the user changed (Edit), what a run made of it.

The shown pose is a source layer plus the user's Edit on it. An Edit holds offsets at key frames;
offsets, not poses, are spread over neighbouring frames: the captured motion keeps its detail.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float

from avatarpose.body.pose import PoseSequence, frozen, rebuild
from avatarpose.geometry.rotation import compose_rotvecs

INITIAL = "initial"
TRUTH = "truth"


class Strength(IntEnum):
    """How an edited joint binds a later refinement."""

    FREE = 0
    SOFT = 1
    LOCKED = 2


@dataclass(frozen=True, slots=True, eq=False)
class PoseLayer:
    """Poses of one person from one source.

    Attributes:
        name: "initial", "run:1", "truth", ...
        poses: one entry per frame of the capture's time base.
    """

    name: str
    poses: PoseSequence


@dataclass(frozen=True, slots=True, eq=False)
class ViewPin:
    """A hand observation: this joint lies at this recorded pixel of this view."""

    camera: str
    frame_index: int
    joint: int
    pixel: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class KeyOffset:
    """The user's correction at one frame, and how far it reaches.

    The corrected local rotation is (offset rotation) after (source rotation), per joint.

    Attributes:
        rotvecs: rotation offsets (rad), left-multiplied to the source's local rotations.
        transl: translation offset (m).
        ease_frames: frames over which the offset fades to nothing on either side (raised cosine).
        hold: first and last frame index over which the offset is held at full strength.
        strength: per joint, how a refinement must treat it.
    """

    rotvecs: Float[np.ndarray, "joints=24 3"]
    transl: Float[np.ndarray, "3"]
    ease_frames: int = 0
    hold: tuple[int, int] | None = None
    strength: np.ndarray = field(default_factory=lambda: np.zeros(24, np.uint8))

    def __post_init__(self) -> None:
        object.__setattr__(self, "rotvecs", frozen(self.rotvecs))
        object.__setattr__(self, "transl", frozen(self.transl))
        object.__setattr__(self, "strength", frozen(self.strength, np.uint8))

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild(self)

    def weight(self, key_index: int, index: int) -> float:
        """Share of the offset that frame `index` receives from a key at `key_index`, in [0, 1]."""
        first, last = self.hold if self.hold is not None else (key_index, key_index)
        away = max(first - index, index - last, 0)
        if away == 0:
            return 1.0
        if away > self.ease_frames:
            return 0.0
        return 0.5 * (1 + float(np.cos(np.pi * away / (self.ease_frames + 1))))


@dataclass(frozen=True, slots=True, eq=False)
class EditLayer:
    """The user's corrections to one source layer of one person.

    Attributes:
        keys: offset per key frame index.
        view_pins: hand observations.
        betas: shape offset.
    """

    keys: Mapping[int, KeyOffset] = field(default_factory=lambda: MappingProxyType({}))
    view_pins: tuple[ViewPin, ...] = ()
    betas: Float[np.ndarray, "10"] = field(default_factory=lambda: np.zeros(10, np.float32))

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", MappingProxyType(dict(sorted(self.keys.items()))))
        object.__setattr__(self, "betas", frozen(self.betas))

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild(self)

    @property
    def is_empty(self) -> bool:
        """True when the shown pose is the source's."""
        return not self.keys and not self.view_pins and not np.any(self.betas)

    def touched(self, frame_count: int) -> np.ndarray:
        """Which frames the corrections change, as booleans."""
        return np.asarray(self._weights(frame_count).any(axis=0))

    def _weights(self, frame_count: int) -> Float[np.ndarray, "keys frames"]:
        """Weight of every key at every frame; keyed frames take their own key alone."""
        weights = np.zeros((len(self.keys), frame_count))
        for row, (key_index, key) in enumerate(self.keys.items()):
            weights[row] = [key.weight(key_index, index) for index in range(frame_count)]
        total = weights.sum(axis=0)
        weights = weights / np.maximum(total, 1.0)
        for row, key_index in enumerate(self.keys):
            if 0 <= key_index < frame_count:
                weights[:, key_index] = 0.0
                weights[row, key_index] = 1.0
        return weights

    def pose_at(
        self, poses: PoseSequence, index: int
    ) -> tuple[Float[np.ndarray, "joints=24 3"], Float[np.ndarray, "3"]]:
        """Rotations (rad) and translation (m) of one frame with the corrections on top.

        The same as that frame of `apply`, without touching the others (what a drag needs).
        """
        body = poses.body_pose[index].reshape(23, 3)
        rotvecs = np.concatenate([poses.global_orient[index][None], body])
        if index in self.keys:
            shares = {index: 1.0}
        else:
            shares = {at: key.weight(at, index) for at, key in self.keys.items()}
        total = max(sum(shares.values()), 1.0)
        shift = np.zeros(3, np.float32)
        offset = np.zeros((24, 3), np.float32)
        for at, share in shares.items():
            if share > 0:
                offset += np.float32(share / total) * self.keys[at].rotvecs
                shift += np.float32(share / total) * self.keys[at].transl
        changed = np.any(np.abs(offset) > 0, axis=-1)
        if changed.any():
            rotvecs[changed] = compose_rotvecs(offset[changed], rotvecs[changed])
        return rotvecs, poses.transl[index] + shift

    def apply(self, poses: PoseSequence) -> PoseSequence:
        """The source poses with the corrections on top."""
        if np.any(self.betas):
            poses = replace(poses, betas=poses.betas + self.betas)
        if not self.keys:
            return poses
        weights = self._weights(len(poses))
        touched = np.flatnonzero(weights.any(axis=0))
        offsets = np.stack([key.rotvecs for key in self.keys.values()])
        shifts = np.stack([key.transl for key in self.keys.values()])
        picked = weights[:, touched].astype(np.float32)
        blended = np.einsum("kf,kjc->fjc", picked, offsets)
        moved = poses.transl[touched] + np.einsum("kf,kc->fc", picked, shifts)
        rotvecs = poses.rotvecs[touched]
        changed = np.any(np.abs(blended) > 0, axis=-1)
        turned = rotvecs.copy()
        turned[changed] = compose_rotvecs(blended[changed], rotvecs[changed])
        return poses.with_frames(touched, turned, moved)
