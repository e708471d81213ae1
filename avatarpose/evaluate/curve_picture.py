"""Loss curves as one picture, for reports that are looked at without a browser."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from avatarpose.evaluate.lettering import FONT, plain_text, sheet

_FINER = 2
_WIDTH, _HEIGHT = 400, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 16, 34, 30
_PAPER, _INK, _PALE_INK = (255, 255, 255), (34, 40, 52), (122, 131, 146)
_RULE, _LINE, _RAW = (226, 230, 236), (0, 114, 178), (188, 217, 236)
_LOG_FROM = 20.0  # values that span more than this are shown on a logarithmic axis
_SMOOTHED_OVER = 0.03  # share of the points
_GAP = 8  # times the usual step


def curve_picture(
    curves: Mapping[str, Sequence[tuple[int, float]]], columns: int = 3
) -> UInt8[np.ndarray, "height width 3"]:
    """A small chart per curve: the values pale, their running mean on top.

    Args:
        curves: (step, value) points by name, in order of steps.
        columns: charts beside each other.
    """
    kept = {name: _clean(points) for name, points in curves.items()}
    charts = [_chart(name, points) for name, points in kept.items() if len(points) > 1]
    if not charts:
        return np.full((_HEIGHT, _WIDTH, 3), _PAPER, np.uint8)
    spare = -len(charts) % min(columns, len(charts))
    charts += [np.full((_HEIGHT, _WIDTH, 3), _PAPER, np.uint8)] * spare
    return sheet(charts, columns, gap_px=0)


def _clean(points: Sequence[tuple[int, float]]) -> Float[np.ndarray, "points 2"]:
    array = np.array(points, np.float64).reshape(-1, 2)
    return array[np.isfinite(array).all(1)]


def _chart(name: str, points: Float[np.ndarray, "points 2"]) -> np.ndarray:
    canvas = np.full((_HEIGHT * _FINER, _WIDTH * _FINER, 3), _PAPER, np.uint8)
    values = points[:, 1]
    positive = values[values > 0]
    is_log = len(positive) == len(values) and values.max() > _LOG_FROM * values.min()
    scaled = np.log10(values) if is_log else values
    low = scaled.min() if is_log else min(0.0, scaled.min())
    high = max(scaled.max(), low + 1e-9)
    first, last = points[0, 0], max(points[-1, 0], points[0, 0] + 1)
    for share in (0.0, 0.5, 1.0):
        level = low + share * (high - low)
        y = _height_of(share)
        _stroke(canvas, np.array([[_LEFT, y], [_WIDTH - _RIGHT, y]]), _RULE, 1)
        text = f"{10**level if is_log else level:.2g}"
        _text(canvas, text, (_LEFT - 7, float(y) + 4), _PALE_INK, anchor=1.0)
    x = _LEFT + (points[:, 0] - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)
    pieces = _pieces(points[:, 0])
    for piece in pieces:
        raw = (scaled[piece] - low) / (high - low)
        _stroke(canvas, np.stack([x[piece], _height_of(raw)], -1), _RAW, 1)
    for piece in pieces:
        reach = max(1, round(_SMOOTHED_OVER * len(scaled)))
        smooth = (_running_mean(scaled[piece], reach) - low) / (high - low)
        _stroke(canvas, np.stack([x[piece], _height_of(smooth)], -1), _LINE, 2)
    _text(canvas, name, (_LEFT, _TOP - 14), _INK, size_px=11)
    _text(canvas, f"{first:.0f}", (_LEFT, _HEIGHT - 10), _PALE_INK)
    _text(canvas, "step", ((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10), _PALE_INK, anchor=0.5)
    _text(canvas, f"{last:.0f}", (_WIDTH - _RIGHT, _HEIGHT - 10), _PALE_INK, anchor=1.0)
    return cv2.resize(canvas, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)


def _pieces(steps: Float[np.ndarray, " points"]) -> list[slice]:
    """Stretches without a gap: a term that only some stages have is not drawn across the others."""
    jumps = np.diff(steps)
    ends = [*(np.flatnonzero(jumps > _GAP * np.median(jumps)) + 1).tolist(), len(steps)]
    return [slice(first, last) for first, last in zip([0, *ends[:-1]], ends, strict=True)]


def _height_of(share: np.ndarray | float) -> np.ndarray | float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _running_mean(values: Float[np.ndarray, " points"], reach: int) -> np.ndarray:
    """Mean over `reach` points to either side, fewer at the ends."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    first, last = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(values))
    return (total[last] - total[first]) / (last - first)


def _stroke(
    canvas: np.ndarray, points: np.ndarray, colour: tuple[int, int, int], width: int
) -> None:
    fixed = np.round(points * _FINER * 16).astype(np.int32)
    cv2.polylines(canvas, [fixed], False, colour, width * _FINER, cv2.LINE_AA, shift=4)


def _text(
    canvas: np.ndarray,
    text: str,
    place: tuple[float | int, float | int],
    colour: tuple[int, int, int],
    *,
    anchor: float = 0.0,
    size_px: int = 9,
) -> None:
    """Write with the base line at `place`; an anchor of 1 ends there, 0.5 is centred on it."""
    text = plain_text(text)
    scale = cv2.getFontScaleFromHeight(FONT, size_px * _FINER, 1)
    (width, _), _ = cv2.getTextSize(text, FONT, scale, 1)
    at = (round(place[0] * _FINER - anchor * width), round(place[1] * _FINER))
    cv2.putText(canvas, text, at, FONT, scale, colour, 1, cv2.LINE_AA)
