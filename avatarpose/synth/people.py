"""Who takes part: body shapes, outfits, and clothes that stand off the body and wrinkle."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array

from avatarpose.body.skeleton import Joint
from avatarpose.body.smpl import SmplModel
from avatarpose.synth.drift import drift

Colour = tuple[float, float, float]
# Betas of an average man and woman, a slim man and a slim woman; every person varies around one.
_SHAPES = (
    (0.75, -0.35, 0.6, 0.57, 0.0, -0.1),
    (-0.85, 0.45, -0.5, -0.64, -0.1, -0.1),
    (0.45, -0.9, 0.1, 0.35, -0.6, -0.4),
    (-0.6, -0.4, -0.9, -0.7, -0.3, 0.4),
)
_SHAPE_SPREAD = 0.3
_THINNEST_M, _THICKEST_M = 0.005, 0.030


class Layer(IntEnum):
    """What covers a point of the body."""

    SKIN = 0
    TOP = 1
    BOTTOM = 2
    SHOES = 3
    HAIR = 4


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Heights and widths of the mean rest body (m) that say where garments begin and end."""

    shoulder_x: float
    wrist_x: float
    arm_y: float
    neck_y: float
    head_y: float
    hip_x: float
    pelvis_y: float
    knee_y: float
    ankle_y: float
    sole_y: float


@dataclass(frozen=True, slots=True)
class Outfit:
    """What a person wears and how it looks; colours are linear RGB in [0, 1].

    Attributes:
        top: main, second and accent colour of the upper garment.
        top_pattern: name of its pattern (see `fabric.py`).
        sleeve: share of the arm it covers.
        bottom: main and second colour of the lower garment.
        bottom_pattern: name of its pattern.
        leg: share of the leg it covers.
        shoes: shoe and sole colour.
        hair: hair colour.
        skin: skin colour.
        looseness_m: how far the clothes stand off where they hang free.
        hair_m: thickness of the hair.
        seed: decides where noise and dots lie.
    """

    top: tuple[Colour, Colour, Colour]
    top_pattern: str
    sleeve: float
    bottom: tuple[Colour, Colour]
    bottom_pattern: str
    leg: float
    shoes: tuple[Colour, Colour]
    hair: Colour
    skin: Colour
    looseness_m: float
    hair_m: float
    seed: int


_TOPS: tuple[tuple[tuple[Colour, Colour, Colour], str], ...] = (
    (((0.42, 0.03, 0.03), (0.02, 0.02, 0.04), (0.75, 0.62, 0.40)), "plaid"),
    (((0.60, 0.50, 0.05), (0.10, 0.32, 0.10), (0.03, 0.05, 0.25)), "blotches"),
    (((0.75, 0.76, 0.78), (0.03, 0.06, 0.28), (0.55, 0.05, 0.05)), "stripes"),
    (((0.02, 0.30, 0.32), (0.75, 0.55, 0.08), (0.80, 0.78, 0.70)), "checks"),
    (((0.36, 0.06, 0.30), (0.80, 0.72, 0.75), (0.08, 0.45, 0.55)), "dots"),
    (((0.10, 0.16, 0.45), (0.78, 0.35, 0.06), (0.85, 0.85, 0.80)), "plaid"),
)
_BOTTOMS: tuple[tuple[tuple[Colour, Colour], str], ...] = (
    (((0.045, 0.09, 0.22), (0.10, 0.17, 0.33)), "denim"),
    (((0.02, 0.02, 0.025), (0.16, 0.16, 0.18)), "stripes"),
    (((0.30, 0.22, 0.12), (0.16, 0.11, 0.06)), "checks"),
    (((0.10, 0.13, 0.07), (0.24, 0.24, 0.12)), "blotches"),
)
_SHOES: tuple[tuple[Colour, Colour], ...] = (
    ((0.72, 0.72, 0.70), (0.55, 0.55, 0.55)),
    ((0.45, 0.04, 0.05), (0.75, 0.75, 0.72)),
    ((0.03, 0.03, 0.03), (0.35, 0.20, 0.10)),
)
_HAIR: tuple[Colour, ...] = (
    (0.015, 0.012, 0.012), (0.25, 0.13, 0.05), (0.07, 0.035, 0.015), (0.42, 0.30, 0.12),
)  # fmt: skip
_SKIN: tuple[Colour, ...] = (
    (0.16, 0.075, 0.04), (0.60, 0.36, 0.26), (0.40, 0.22, 0.14), (0.52, 0.31, 0.20),
)  # fmt: skip


def draw_shapes(people: int, rng: np.random.Generator) -> list[Float[np.ndarray, "betas=10"]]:
    """Betas of different people; the first one is taller than the second."""
    shapes = []
    for person in range(people):
        betas = _SHAPE_SPREAD * rng.standard_normal(10)
        preset = _SHAPES[person % len(_SHAPES)]
        betas[: len(preset)] += preset
        shapes.append(betas.astype(np.float32))
    return shapes


def draw_outfits(people: int, rng: np.random.Generator) -> list[Outfit]:
    """Outfits that no two people share."""
    tops, bottoms = rng.permutation(len(_TOPS)), rng.permutation(len(_BOTTOMS))
    shoes, hair, skin = (rng.permutation(len(table)) for table in (_SHOES, _HAIR, _SKIN))
    outfits = []
    for person in range(people):
        top, top_pattern = _TOPS[tops[person % len(tops)]]
        bottom, bottom_pattern = _BOTTOMS[bottoms[person % len(bottoms)]]
        outfits.append(
            Outfit(
                top=top,
                top_pattern=top_pattern,
                sleeve=float(rng.choice([0.38, 0.42, 0.95])) if person else 0.95,
                bottom=bottom,
                bottom_pattern=bottom_pattern,
                leg=float(rng.choice([0.55, 0.95, 0.95])),
                shoes=_SHOES[shoes[person % len(shoes)]],
                hair=_HAIR[hair[person % len(hair)]],
                skin=_SKIN[skin[person % len(skin)]],
                looseness_m=float(rng.uniform(0.013, 0.020)),
                hair_m=float(rng.uniform(0.014, 0.024)),
                seed=int(rng.integers(1 << 30)),
            )
        )
    return outfits


def landmarks(model: SmplModel) -> Landmarks:
    """Where the mean body's parts lie."""
    joints = model.rest_joints(np.zeros(10, np.float32)).astype(float)
    return Landmarks(
        shoulder_x=joints[Joint.LEFT_SHOULDER, 0],
        wrist_x=joints[Joint.LEFT_WRIST, 0],
        arm_y=joints[Joint.LEFT_ELBOW, 1],
        neck_y=joints[Joint.NECK, 1],
        head_y=joints[Joint.HEAD, 1],
        hip_x=joints[Joint.LEFT_HIP, 0],
        pelvis_y=joints[Joint.PELVIS, 1],
        knee_y=joints[Joint.LEFT_KNEE, 1],
        ankle_y=joints[Joint.LEFT_ANKLE, 1],
        sole_y=float(model.v_template[:, 1].min()),
    )


def layers_at(
    rest: Float[np.ndarray, "points 3"],
    hair: Float[np.ndarray, " points"],
    marks: Landmarks,
    outfit: Outfit,
) -> Int[np.ndarray, " points"]:
    """What covers points of the mean rest body; `hair` in [0, 1] says how hairy they are."""
    x, y = np.abs(rest[:, 0]), rest[:, 1]
    layer = np.full(len(rest), int(Layer.SKIN))
    is_arm = (x > marks.shoulder_x) & (y > marks.arm_y - 0.25)
    sleeve_x = marks.shoulder_x + outfit.sleeve * (marks.wrist_x - marks.shoulder_x)
    hem_y = marks.pelvis_y + 0.01
    neck_line = marks.neck_y - 0.02 - 0.25 * np.maximum(rest[:, 2], 0.0)
    is_neck = (x < 0.085) & (y > neck_line)
    is_trunk = ~is_arm & (y > hem_y) & ~is_neck & (y < marks.head_y + 0.02)
    layer[is_trunk | (is_arm & (x < sleeve_x))] = Layer.TOP
    leg_y = marks.pelvis_y + outfit.leg * (marks.ankle_y - marks.pelvis_y)
    layer[~is_arm & (y <= hem_y) & (y > leg_y)] = Layer.BOTTOM
    layer[y < marks.ankle_y + 0.005] = Layer.SHOES
    layer[hair > 0.5] = Layer.HAIR
    return layer


class Wardrobe:
    """The clothes of one person on one body model: how far each vertex is covered."""

    def __init__(
        self, model: SmplModel, outfit: Outfit, frame_count: int, rng: np.random.Generator
    ) -> None:
        self.outfit = outfit
        self.marks = landmarks(model)
        self.rest = model.v_template
        neighbours = _neighbour_mean(model)
        self.hair = _hairiness(model, self.marks, neighbours)
        layer = layers_at(self.rest, self.hair, self.marks, outfit)
        thickness = np.zeros(len(self.rest))
        thickness[layer == Layer.TOP] = outfit.looseness_m
        thickness[layer == Layer.BOTTOM] = 0.85 * outfit.looseness_m
        thickness[layer == Layer.SHOES] = 0.009
        waist = np.exp(-(((self.rest[:, 1] - self.marks.pelvis_y - 0.02) / 0.07) ** 2))
        thickness[layer == Layer.TOP] += 0.006 * waist[layer == Layer.TOP]  # tops end over trousers
        thickness[layer == Layer.HAIR] = outfit.hair_m
        for _ in range(2):
            thickness = neighbours @ thickness
        is_cloth = (layer == Layer.TOP) | (layer == Layer.BOTTOM)
        self.covered = layer != Layer.SKIN
        self.thickness_m = thickness
        self.folds = (neighbours @ is_cloth.astype(float)) * _folds(self.rest, self.marks)
        directions = rng.standard_normal((6, 3)) * (0.6, 1.0, 0.6)
        lengths_m = np.array([0.22, 0.16, 0.12, 0.09, 0.075, 0.06])
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        self.waves = self.rest @ (2 * np.pi * directions / lengths_m[:, None]).T
        self.phases = rng.uniform(0, 2 * np.pi, 6)
        self.follow = rng.standard_normal((69, 6))  # wrinkles move when joints move
        self.wander = 0.6 * drift(rng, frame_count, 6, period_frames=10.0)

    def offsets(
        self,
        frame: int,
        body_pose: Float[np.ndarray, "69"],
        gap_m: Float[np.ndarray, " vertices"],
    ) -> Float[np.ndarray, " vertices"]:
        """How far (m) each vertex of the dressed person lies outside the bare body.

        Args:
            frame: index on the time base.
            body_pose: rotations of joints 1 to 23 (rad).
            gap_m: free space in front of each vertex up to the next person; cloth is pressed
                flat where there is little.
        """
        phase = self.phases + 1.2 * (body_pose @ self.follow) + self.wander[frame]
        ripple = np.sin(self.waves + phase).mean(axis=1) * 2.2
        offset = self.thickness_m + 0.0045 * self.folds * ripple
        offset = np.where(self.covered, np.clip(offset, _THINNEST_M, _THICKEST_M), offset)
        return np.minimum(offset, np.maximum(0.45 * gap_m, 0.0))


def _neighbour_mean(model: SmplModel) -> csr_array:
    """Averages every vertex with its neighbours along the edges."""
    count = model.vertex_count
    ends = np.concatenate([model.faces[:, [0, 1]], model.faces[:, [1, 2]], model.faces[:, [2, 0]]])
    rows = np.concatenate([ends[:, 0], ends[:, 1], np.arange(count)])
    columns = np.concatenate([ends[:, 1], ends[:, 0], np.arange(count)])
    matrix = csr_array((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    matrix.data[:] = 1.0
    return csr_array(matrix / matrix.sum(axis=1)[:, None])


def _hairiness(model: SmplModel, marks: Landmarks, neighbours: csr_array) -> np.ndarray:
    if model.region is not None and "scalp" in model.region_names:
        hairy = model.region == model.region_names.index("scalp")
    else:
        y, z = model.v_template[:, 1], model.v_template[:, 2]
        top = model.v_template[:, 1].max()
        hairy = (y > top - 0.07) | ((y > marks.head_y + 0.03) & (z < -0.02))
    return neighbours @ hairy.astype(float)


def _folds(rest: np.ndarray, marks: Landmarks) -> np.ndarray:
    """Where cloth wrinkles most: elbows, waist, armpits, knees."""
    x, y = np.abs(rest[:, 0]), rest[:, 1]
    elbow_x = (marks.shoulder_x + marks.wrist_x) / 2
    is_arm = x > marks.shoulder_x
    at_elbow = np.exp(-(((x - elbow_x) / 0.09) ** 2)) * is_arm
    at_waist = np.exp(-(((y - marks.pelvis_y - 0.08) / 0.10) ** 2)) * ~is_arm
    at_knee = np.exp(-(((y - marks.knee_y) / 0.10) ** 2))
    at_armpit = np.exp(-(((x - marks.shoulder_x) / 0.07) ** 2)) * (y > marks.arm_y - 0.2)
    return 0.5 + at_elbow + at_waist + at_knee + 0.7 * at_armpit
