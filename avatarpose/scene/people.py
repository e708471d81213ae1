"""The people of a scene and what was detected of them in 2D."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from avatarpose.body.pose import PoseSequence, frozen, rebuild
from avatarpose.body.skeleton import skel19_from
from avatarpose.errors import SceneError
from avatarpose.scene.layers import EditLayer, PoseLayer

# Distinct under the common colour deficiencies (Okabe and Ito 2008), readable on photos.
PERSON_COLOURS: tuple[tuple[int, int, int], ...] = (
    (86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66), (213, 94, 0),
    (0, 114, 178), (170, 170, 170),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Somebody in the capture; colours belong to the identity, never to a list position.

    Attributes:
        pid: identity, from 0; stable for the life of the project.
        name: what people call them.
        layers: pose sources in the order they came; edits refer to them by name.
        shown: name of the source layer that is shown and edited.
        edits: the user's corrections, per source layer.
        gender: "neutral", "female" or "male".
    """

    pid: int
    name: str
    layers: tuple[PoseLayer, ...]
    shown: str
    edits: Mapping[str, EditLayer] = field(default_factory=lambda: MappingProxyType({}))
    gender: str = "neutral"

    def __post_init__(self) -> None:
        object.__setattr__(self, "edits", MappingProxyType(dict(self.edits)))

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild(self)

    @property
    def colour(self) -> tuple[int, int, int]:
        """RGB, 0 to 255."""
        return PERSON_COLOURS[self.pid % len(PERSON_COLOURS)]

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the sources."""
        return tuple(layer.name for layer in self.layers)

    def layer(self, name: str) -> PoseLayer:
        """The source called `name`."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise SceneError(
            f"{self.name} has no layer {name!r}.",
            remedy=f"The layers are {', '.join(self.layer_names) or 'none'}.",
        )

    def has_layer(self, name: str) -> bool:
        """True when there is a source called `name`."""
        return name in self.layer_names

    def edit(self, name: str | None = None) -> EditLayer:
        """The corrections on a source (the shown one by default); empty when there are none."""
        return self.edits.get(name or self.shown, EditLayer())

    def poses(self, name: str | None = None) -> PoseSequence:
        """Source plus corrections (the shown source by default)."""
        name = name or self.shown
        return self.edit(name).apply(self.layer(name).poses)

    def with_edit(self, edit: EditLayer, name: str | None = None) -> "Person":
        """A copy with other corrections on a source (the shown one by default)."""
        edits = dict(self.edits)
        edits[name or self.shown] = edit
        return replace(self, edits=edits)

    def with_layer(self, layer: PoseLayer) -> "Person":
        """A copy with a source added, or replaced when the name exists."""
        if self.has_layer(layer.name):
            layers = tuple(layer if old.name == layer.name else old for old in self.layers)
        else:
            layers = (*self.layers, layer)
        return replace(self, layers=layers)


@dataclass(frozen=True, slots=True, eq=False)
class Detections2D:
    """2D keypoints of one view over time, in recorded (distorted) pixels of the full-size picture.

    Attributes:
        keypoint_set: name of the joint order (`skeleton.KEYPOINT_SETS`).
        xyc: x, y, confidence in [0, 1]; NaN, NaN, 0 where missing.
        pid: person each detection belongs to; -1 unknown.
        edited: keypoints placed by hand.
    """

    keypoint_set: str
    xyc: Float[np.ndarray, "frames detections keypoints 3"]
    pid: Int[np.ndarray, "frames detections"]
    edited: Bool[np.ndarray, "frames detections keypoints"] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "xyc", frozen(self.xyc))
        object.__setattr__(self, "pid", frozen(self.pid, np.int32))

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild(self)

    def skel19(self, pid: int) -> Float[np.ndarray, "frames joints=19 3"]:
        """The person's keypoints as skel19; NaN, NaN, 0 where there are none."""
        everyone = skel19_from(self.xyc, self.keypoint_set)
        out = np.full((len(self.xyc), 19, 3), np.nan, np.float32)
        out[..., 2] = 0.0
        frames, slots = np.nonzero(self.pid == pid)
        out[frames, slots * 0 + np.arange(19)[:, None]] = everyone[frames, slots].swapaxes(0, 1)
        return out
