"""Poses of one person over time, as read-only arrays."""

from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from avatarpose.errors import SceneError


def frozen(array: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """A read-only copy of `array` (or `array` itself when it already is one)."""
    if array.dtype == dtype and not array.flags.writeable:
        return array
    array = np.array(array, dtype=dtype)
    array.flags.writeable = False
    return array


def rebuild(value: Any) -> tuple[type, tuple[Any, ...]]:
    """How a frozen dataclass crosses to another process (for its `__reduce__`): made anew.

    Its own constructor then makes arrays read-only again, which pickling alone would forget;
    read-only mappings, which cannot be pickled, travel as plain ones.
    """
    fields = (getattr(value, field.name) for field in dataclass_fields(value))
    return type(value), tuple(dict(it) if isinstance(it, MappingProxyType) else it for it in fields)


@dataclass(frozen=True, slots=True, eq=False)
class PoseSequence:
    """SMPL parameters of one person; rotations are axis-angle (rad), transl is in metres.

    The pelvis is not at transl: it is at (rest pelvis of the shape) + transl.

    Attributes:
        betas: shape, shared by all frames.
        global_orient: rotation of the root.
        body_pose: rotations of joints 1 to 23.
        transl: translation.
        valid: frames in which the person is present.
    """

    betas: Float[np.ndarray, "betas=10"]
    global_orient: Float[np.ndarray, "frames 3"]
    body_pose: Float[np.ndarray, "frames 69"]
    transl: Float[np.ndarray, "frames 3"]
    valid: Bool[np.ndarray, " frames"]

    def __post_init__(self) -> None:
        for name in ("betas", "global_orient", "body_pose", "transl"):
            object.__setattr__(self, name, frozen(getattr(self, name)))
        object.__setattr__(self, "valid", frozen(self.valid, np.bool_))
        count = len(self.valid)
        for name in ("global_orient", "body_pose", "transl"):
            if len(getattr(self, name)) != count:
                raise SceneError(
                    f"A pose sequence has {count} frames but {name} has "
                    f"{len(getattr(self, name))}.",
                    remedy="Check the file the poses come from.",
                )

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild(self)

    def __len__(self) -> int:
        return len(self.valid)

    @property
    def rotvecs(self) -> Float[np.ndarray, "frames joints=24 3"]:
        """All 24 rotations, the root first (a new, writable array)."""
        return np.concatenate([self.global_orient[:, None], self.body_pose.reshape(-1, 23, 3)], 1)

    def with_frame(
        self, index: int, rotvecs: Float[np.ndarray, "joints=24 3"], transl: Float[np.ndarray, "3"]
    ) -> "PoseSequence":
        """A copy in which one frame has other rotations and translation."""
        return self.with_frames(np.array([index]), rotvecs[None], transl[None])

    def with_frames(
        self,
        indices: np.ndarray,
        rotvecs: Float[np.ndarray, "picked joints=24 3"],
        transl: Float[np.ndarray, "picked 3"],
    ) -> "PoseSequence":
        """A copy in which the frames `indices` have other rotations and translations."""
        orient, body = self.global_orient.copy(), self.body_pose.copy()
        moved = self.transl.copy()
        orient[indices], body[indices] = rotvecs[:, 0], rotvecs[:, 1:].reshape(-1, 69)
        moved[indices] = transl
        return replace(self, global_orient=orient, body_pose=body, transl=moved)

    @staticmethod
    def rest(frame_count: int, betas: np.ndarray | None = None) -> "PoseSequence":
        """T-pose at the origin in every frame."""
        return PoseSequence(
            betas=np.zeros(10) if betas is None else betas,
            global_orient=np.zeros((frame_count, 3)),
            body_pose=np.zeros((frame_count, 69)),
            transl=np.zeros((frame_count, 3)),
            valid=np.ones(frame_count, bool),
        )
