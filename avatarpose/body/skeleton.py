"""Joint names, trees, and maps between keypoint sets (SMPL, OpenPose, COCO, HALPE)."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float

from avatarpose.errors import FormatError


class Joint(IntEnum):
    """SMPL's 24 joints."""

    PELVIS = 0
    LEFT_HIP = 1
    RIGHT_HIP = 2
    SPINE1 = 3
    LEFT_KNEE = 4
    RIGHT_KNEE = 5
    SPINE2 = 6
    LEFT_ANKLE = 7
    RIGHT_ANKLE = 8
    SPINE3 = 9
    LEFT_FOOT = 10
    RIGHT_FOOT = 11
    NECK = 12
    LEFT_COLLAR = 13
    RIGHT_COLLAR = 14
    HEAD = 15
    LEFT_SHOULDER = 16
    RIGHT_SHOULDER = 17
    LEFT_ELBOW = 18
    RIGHT_ELBOW = 19
    LEFT_WRIST = 20
    RIGHT_WRIST = 21
    LEFT_HAND = 22
    RIGHT_HAND = 23

    @property
    def label(self) -> str:
        """The joint's name as shown to people, such as "left wrist"."""
        return self.name.lower().replace("_", " ")


PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
MIRROR = (0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22)
BONES = tuple((parent, joint) for joint, parent in enumerate(PARENTS) if parent >= 0)


def descendants(joint: int) -> tuple[int, ...]:
    """The joints below `joint` in SMPL's tree, itself included, parents first."""
    found = [int(joint)]
    for child in range(int(joint) + 1, len(PARENTS)):
        if PARENTS[child] in found:
            found.append(child)
    return tuple(found)


class Skel19(IntEnum):
    """The joints that results are measured on; toes are left first, all other pairs right first."""

    MID_HIP = 0
    NECK = 1
    RIGHT_HIP = 2
    LEFT_HIP = 3
    NOSE = 4
    RIGHT_SHOULDER = 5
    LEFT_SHOULDER = 6
    RIGHT_KNEE = 7
    LEFT_KNEE = 8
    RIGHT_EAR = 9
    LEFT_EAR = 10
    RIGHT_ELBOW = 11
    LEFT_ELBOW = 12
    RIGHT_ANKLE = 13
    LEFT_ANKLE = 14
    RIGHT_WRIST = 15
    LEFT_WRIST = 16
    LEFT_BIG_TOE = 17
    RIGHT_BIG_TOE = 18

    @property
    def label(self) -> str:
        """The joint's name as shown to people."""
        return self.name.lower().replace("_", " ")


SKEL19_PARENTS = (-1, 0, 0, 0, 1, 1, 1, 2, 3, 4, 4, 5, 6, 7, 8, 11, 12, 14, 13)
SKEL19_MIRROR = (0, 1, 3, 2, 4, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15, 18, 17)
SKEL19_LIMBS = (
    (0, 1), (0, 2), (0, 3), (1, 4), (1, 5), (1, 6), (2, 7), (3, 8), (4, 9), (4, 10),
    (5, 11), (6, 12), (7, 13), (8, 14), (11, 15), (12, 16), (13, 18), (14, 17),
)  # fmt: skip
SMPL_OF_SKEL19: dict[Skel19, Joint] = {
    Skel19.MID_HIP: Joint.PELVIS,
    Skel19.NECK: Joint.NECK,
    Skel19.RIGHT_HIP: Joint.RIGHT_HIP,
    Skel19.LEFT_HIP: Joint.LEFT_HIP,
    Skel19.RIGHT_SHOULDER: Joint.RIGHT_SHOULDER,
    Skel19.LEFT_SHOULDER: Joint.LEFT_SHOULDER,
    Skel19.RIGHT_KNEE: Joint.RIGHT_KNEE,
    Skel19.LEFT_KNEE: Joint.LEFT_KNEE,
    Skel19.RIGHT_ELBOW: Joint.RIGHT_ELBOW,
    Skel19.LEFT_ELBOW: Joint.LEFT_ELBOW,
    Skel19.RIGHT_ANKLE: Joint.RIGHT_ANKLE,
    Skel19.LEFT_ANKLE: Joint.LEFT_ANKLE,
    Skel19.RIGHT_WRIST: Joint.RIGHT_WRIST,
    Skel19.LEFT_WRIST: Joint.LEFT_WRIST,
}

BODY25_NAMES = (
    "nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow",
    "left wrist", "mid hip", "right hip", "right knee", "right ankle", "left hip", "left knee",
    "left ankle", "right eye", "left eye", "right ear", "left ear", "left big toe",
    "left small toe", "left heel", "right big toe", "right small toe", "right heel",
)  # fmt: skip
SKEL19_FROM_BODY25 = (8, 1, 9, 12, 0, 2, 5, 10, 13, 17, 18, 3, 6, 11, 14, 4, 7, 19, 22)


@dataclass(frozen=True, slots=True)
class KeypointSet:
    """A named order of 2D or 3D keypoints and how skel19 is read from it.

    Attributes:
        name: short name stored beside the data ("body25", "coco17", "halpe26", "skel19").
        size: number of keypoints.
        skel19: for each skel19 joint the indices whose mean it is; empty where the set has none.
    """

    name: str
    size: int
    skel19: tuple[tuple[int, ...], ...]


def _single(indices: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    return tuple((index,) for index in indices)


_COCO17 = (
    (11, 12), (5, 6), (12,), (11,), (0,), (6,), (5,), (14,), (13,), (4,), (3,), (8,), (7,),
    (16,), (15,), (10,), (9,), (), (),
)  # fmt: skip
_HALPE26 = (19, 18, 12, 11, 0, 6, 5, 14, 13, 4, 3, 8, 7, 16, 15, 10, 9, 20, 21)
# BODY_25B: COCO's 17, then neck, head, and toes/heels as BODY_25 orders them (left first).
_BODY25B = (
    (11, 12), (17,), (12,), (11,), (0,), (6,), (5,), (14,), (13,), (4,), (3,), (8,), (7,),
    (16,), (15,), (10,), (9,), (19,), (22,),
)  # fmt: skip
_COCO18 = (
    (8, 11), (1,), (8,), (11,), (0,), (2,), (5,), (9,), (12,), (16,), (17,), (3,), (6,), (10,),
    (13,), (4,), (7,), (), (),
)  # fmt: skip
KEYPOINT_SETS: dict[str, KeypointSet] = {
    keypoint_set.name: keypoint_set
    for keypoint_set in (
        KeypointSet("skel19", 19, _single(tuple(range(19)))),
        KeypointSet("body25", 25, _single(SKEL19_FROM_BODY25)),
        KeypointSet("body25b", 25, _BODY25B),
        KeypointSet("coco17", 17, _COCO17),
        KeypointSet("coco18", 18, _COCO18),
        KeypointSet("halpe26", 26, _single(_HALPE26)),
    )
}


def keypoint_set(name: str) -> KeypointSet:
    """The set called `name`.

    Raises:
        FormatError: the name is not one of KEYPOINT_SETS.
    """
    if name not in KEYPOINT_SETS:
        raise FormatError(
            f"Keypoint set {name!r} is not known; known are {', '.join(KEYPOINT_SETS)}.",
            remedy="Say which set the keypoints follow.",
        )
    return KEYPOINT_SETS[name]


def skel19_from(
    xyc: Float[np.ndarray, "*batch keypoints 3"], name: str
) -> Float[np.ndarray, "*batch joints=19 3"]:
    """The skel19 joints of 2D keypoints (x, y, confidence); means take the lowest confidence.

    Joints the set lacks, or whose sources are missing, are NaN with confidence 0.
    """
    source = keypoint_set(name)
    out = np.full((*xyc.shape[:-2], 19, 3), np.nan, dtype=xyc.dtype)
    out[..., 2] = 0.0
    for joint, indices in enumerate(source.skel19):
        if indices:
            picked = xyc[..., list(indices), :]
            out[..., joint, :2] = picked[..., :2].mean(-2)
            out[..., joint, 2] = picked[..., 2].min(-1)
    missing = ~np.isfinite(out).all(-1) | (out[..., 2] <= 0)
    out[missing] = (np.nan, np.nan, 0.0)
    return out
