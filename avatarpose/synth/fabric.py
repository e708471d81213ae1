"""Colours of people point by point: patterned cloth, skin with a face, hair, shoes."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from avatarpose.body.smpl import SmplModel
from avatarpose.synth.noise import noise
from avatarpose.synth.people import Colour, Landmarks, Layer, Outfit


def albedo(
    rest: Float[np.ndarray, "points 3"],
    layer: Int[np.ndarray, " points"],
    outfit: Outfit,
    marks: Landmarks,
    face_points: Float[np.ndarray, "features 3"],
) -> Float[np.ndarray, "points 3"]:
    """Linear RGB of points of the mean rest body.

    Args:
        rest: where the points lie on the mean rest body (m).
        layer: what covers them (`people.layers_at`).
        outfit: the clothes.
        marks: landmarks of the body.
        face_points: nose, right and left eye on the mean rest body (m).
    """
    colour = np.empty((len(rest), 3), np.float32)
    painters: dict[Layer, Callable[[np.ndarray], np.ndarray]] = {
        Layer.SKIN: lambda points: _skin(points, outfit, marks, face_points),
        Layer.TOP: lambda points: _top(points, outfit, marks),
        Layer.BOTTOM: lambda points: _bottom(points, outfit, marks),
        Layer.SHOES: lambda points: _shoes(points, outfit, marks),
        Layer.HAIR: lambda points: _hair(points, outfit),
    }
    for kind, paint in painters.items():
        picked = np.flatnonzero(layer == kind)
        if len(picked):
            colour[picked] = paint(rest[picked])
    return np.clip(colour, 0.003, 0.95)


def face_points(model: SmplModel) -> Float[np.ndarray, "features 3"]:
    """Nose, right and left eye on the mean rest body (m); far away where the body names none."""
    names = ("nose", "reye", "leye")
    far = np.full(3, 9.0)
    vertex_ids = model.vertex_ids
    return np.stack([model.v_template[vertex_ids[n]] if n in vertex_ids else far for n in names])


def _patch_coordinates(rest: np.ndarray, marks: Landmarks) -> tuple[np.ndarray, np.ndarray]:
    """Along and around the limb or trunk a point belongs to (m)."""
    x, y, z = rest.T
    side = np.where(x < 0, -1.0, 1.0)
    is_arm = (np.abs(x) > marks.shoulder_x - 0.01) & (y > marks.arm_y - 0.2)
    is_leg = y < marks.pelvis_y - 0.08
    along = np.where(is_arm, np.abs(x), y)
    around_arm = 0.05 * np.arctan2(z + 0.01, y - marks.arm_y)
    around_leg = 0.08 * np.arctan2(z + 0.02, np.abs(x) - marks.hip_x * 1.1)
    front = np.where(z > -0.02, 0.0, 0.37)  # the back's columns do not continue the front's
    around = np.where(is_arm, around_arm * side, np.where(is_leg, around_leg * side, x + front))
    return along, around


def _pattern(name: str, rest: np.ndarray, marks: Landmarks, seed: int) -> np.ndarray:
    """Share of the second colour in [0, 1]."""
    along, around = _patch_coordinates(rest, marks)
    if name == "stripes":
        return _band(along, 0.055, 0.45)
    if name == "checks":
        return np.abs(_band(along, 0.09, 0.5) - _band(around, 0.09, 0.5))
    if name == "plaid":
        return 0.5 * (_band(along, 0.085, 0.45) + _band(around, 0.085, 0.45))
    if name == "dots":
        u, v = along / 0.05, around / 0.05
        row = np.floor(u)
        v = v + 0.5 * (row % 2)
        away = np.hypot(u - row - 0.5, v - np.floor(v) - 0.5)
        return _step(0.33 - away, 0.06)
    if name == "denim":
        return 0.5 + 0.5 * noise(rest, 0.05, seed + 3, octaves=2)
    return _step(noise(rest, 0.07, seed + 4, octaves=2), 0.15)  # blotches


def _top(rest: np.ndarray, outfit: Outfit, marks: Landmarks) -> np.ndarray:
    main, second, accent = (np.array(colour) for colour in outfit.top)
    share = _pattern(outfit.top_pattern, rest, marks, outfit.seed)[:, None]
    colour = (1 - share) * main + share * second
    along, around = _patch_coordinates(rest, marks)
    if outfit.top_pattern in ("plaid", "checks"):
        thin = np.maximum(_band(along - 0.02, 0.085, 0.07), _band(around - 0.02, 0.085, 0.07))
        colour = colour + 0.8 * thin[:, None] * (accent - colour)
    else:
        away = np.hypot(rest[:, 0] - 0.06, rest[:, 1] - marks.arm_y + 0.12)
        emblem = _step(0.045 - away, 0.004) * (rest[:, 2] > 0)
        number = _step(0.05 - np.abs(np.abs(rest[:, 0]) - 0.06), 0.006)
        number *= _step(0.09 - np.abs(rest[:, 1] - marks.arm_y + 0.10), 0.006) * (
            rest[:, 2] < -0.05
        )
        colour = colour + np.maximum(emblem, number)[:, None] * (accent - colour)
    # The two sleeves differ a little, as light and wear make them.
    lopsided = 1 + 0.10 * np.tanh(rest[:, 0] / 0.05)
    return colour * (lopsided * _weave(rest, outfit.seed))[:, None]


def _bottom(rest: np.ndarray, outfit: Outfit, marks: Landmarks) -> np.ndarray:
    main, second = (np.array(colour) for colour in outfit.bottom)
    share = _pattern(outfit.bottom_pattern, rest, marks, outfit.seed + 11)[:, None]
    colour = (1 - share) * main + share * second
    seam = _band(rest[:, 2] + 0.015, 0.6, 0.012) * (np.abs(rest[:, 0]) > marks.hip_x)
    knee = np.exp(-(((rest[:, 1] - marks.knee_y) / 0.07) ** 2)) * (rest[:, 2] > 0)
    colour = colour * (1 - 0.5 * seam + 0.45 * knee)[:, None]
    return colour * _weave(rest, outfit.seed + 5)[:, None]


def _shoes(rest: np.ndarray, outfit: Outfit, marks: Landmarks) -> np.ndarray:
    shoe, sole = (np.array(colour) for colour in outfit.shoes)
    is_sole = _step(0.022 - (rest[:, 1] - marks.sole_y), 0.004)[:, None]
    laces = _band(rest[:, 2], 0.022, 0.4) * (np.abs(np.abs(rest[:, 0]) - marks.hip_x * 1.3) < 0.02)
    laces *= (rest[:, 2] > 0.0) & (rest[:, 1] > marks.sole_y + 0.04)
    colour = (1 - is_sole) * shoe + is_sole * sole
    return colour * (1 - 0.5 * laces)[:, None] * _weave(rest, outfit.seed + 6)[:, None]


def _hair(rest: np.ndarray, outfit: Outfit) -> np.ndarray:
    strands = noise(rest * (1.0, 0.25, 0.6), 0.008, outfit.seed + 7, octaves=2)
    return np.array(outfit.hair) * (1 + 0.55 * strands)[:, None]


def _skin(rest: np.ndarray, outfit: Outfit, marks: Landmarks, features: np.ndarray) -> np.ndarray:
    colour = np.array(outfit.skin) * (1 + 0.08 * noise(rest, 0.03, outfit.seed + 8))[:, None]
    nose, right_eye, left_eye = features
    redness = np.exp(-(((np.abs(rest[:, 0]) - 0.045) / 0.02) ** 2))
    redness *= np.exp(-(((rest[:, 1] - nose[1]) / 0.025) ** 2)) * (rest[:, 2] > 0)
    colour = colour * (1 + 0.15 * redness[:, None] * (1.0, -0.3, -0.3))
    for eye in (right_eye, left_eye):
        away = (rest - eye) / (0.014, 0.007, 0.03)
        white = _step(1 - np.linalg.norm(away, axis=1), 0.2)[:, None]
        pupil = _step(0.45 - np.hypot(away[:, 0], 0.5 * away[:, 1]), 0.15)[:, None]
        colour = colour * (1 - white) + white * ((1 - pupil) * 0.7 + pupil * 0.02)
        brow = np.linalg.norm((rest - eye - (0.0, 0.022, 0.0)) / (0.02, 0.004, 0.03), axis=1)
        colour = _blend(colour, outfit.hair, 0.8 * _step(1 - brow, 0.2))
    lips = np.linalg.norm((rest - nose - (0.0, -0.042, 0.0)) / (0.023, 0.008, 0.04), axis=1)
    lip_colour = (outfit.skin[0] * 1.05, outfit.skin[1] * 0.6, outfit.skin[2] * 0.65)
    colour = _blend(colour, lip_colour, 0.8 * _step(1 - lips, 0.2))
    nails = _step(np.abs(rest[:, 0]) - marks.wrist_x - 0.165, 0.004)
    return colour * (1 + 0.12 * nails)[:, None]


def _blend(colour: np.ndarray, other: Colour, share: np.ndarray) -> np.ndarray:
    return colour + share[:, None] * (np.array(other) - colour)


def _weave(rest: np.ndarray, seed: int) -> np.ndarray:
    """Brightness of cloth: wear at hand size, threads at the size of a pixel."""
    return 1 + 0.16 * noise(rest, 0.06, seed, octaves=3) + 0.10 * noise(rest, 0.008, seed + 1)


def _band(position: np.ndarray, period_m: float, share: float) -> np.ndarray:
    """1 inside bands that repeat every period and cover `share` of it, with soft borders."""
    phase = position / period_m
    away = np.abs(phase - np.floor(phase) - 0.5)
    return _step(share / 2 - away, 0.004 / period_m)


def _step(value: np.ndarray, width: float) -> np.ndarray:
    return np.clip(0.5 + value / (2 * width), 0.0, 1.0)
