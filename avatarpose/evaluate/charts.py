"""Small line charts as inline SVG that follow the page's light or dark colours."""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_WIDTH, _HEIGHT = 420, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 12, 12, 30
_LONGEST_PATH = 400  # points; more are thinned
_GAP = 8  # times the usual step


@dataclass(frozen=True, slots=True)
class Line:
    """One curve.

    Attributes:
        name: as in the legend.
        points: (x, y); a y that is None or NaN breaks the curve.
        colour: CSS colour.
        is_dashed: drawn dashed, for what came before.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    colour: str
    is_dashed: bool = False


def line_chart(title: str, lines: Sequence[Line], x_label: str, *, is_log: bool = False) -> str:
    """A figure with a caption and, for more than one line, a legend; "" without any value.

    Args:
        title: the caption.
        lines: the curves.
        x_label: what the horizontal axis counts.
        is_log: logarithmic vertical axis; values that are not positive are left out.
    """
    kept = [(line, _usable(line.points, is_log)) for line in lines]
    flat = [point for _, points in kept for point in points if point is not None]
    if not flat:
        return ""
    xs, ys = [x for x, _ in flat], [y for _, y in flat]
    low_x, high_x = min(xs), max(xs)
    ticks = _decades(min(ys), max(ys)) if is_log else _steps(0.0, max(ys))
    low_y, high_y = ticks[0], ticks[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - low_x) / ((high_x - low_x) or 1.0)
        if is_log:
            up = math.log(y / low_y) / (math.log(high_y / low_y) or 1.0)
        else:
            up = (y - low_y) / ((high_y - low_y) or 1.0)
        return (
            _LEFT + across * (_WIDTH - _LEFT - _RIGHT),
            _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM),
        )

    parts = [
        f'<figure class="chart"><figcaption>{html.escape(title)}</figcaption>',
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{html.escape(title)}">',
    ]
    for tick in ticks:
        _, y = place(low_x, tick)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for x, anchor in ((low_x, "start"), (high_x, "end")):
        across, _ = place(x, low_y)
        parts.append(
            f'<text x="{across:.1f}" y="{_HEIGHT - 12}" text-anchor="{anchor}">{x:g}</text>'
        )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(
        f'<text x="{middle}" y="{_HEIGHT - 12}" text-anchor="middle">{html.escape(x_label)}</text>'
    )
    for line, points in kept:
        path = _path([None if point is None else place(*point) for point in points])
        dash = ' stroke-dasharray="5 4"' if line.is_dashed else ""
        parts.append(f'<path class="line" stroke="{line.colour}"{dash} d="{path}"/>')
    parts.append("</svg>")
    if len(lines) > 1:
        parts.append(_legend([line for line, _ in kept]))
    parts.append("</figure>")
    return "".join(parts)


def broken_at_gaps(
    points: Sequence[tuple[float, float | None]],
) -> list[tuple[float, float | None]]:
    """The points, with a break (None) where x jumps farther than it usually steps.

    A term that only some stages of a run have is not drawn across the others.
    """
    steps = [after[0] - before[0] for before, after in pairwise(points)]
    if not steps:
        return list(points)
    usual = sorted(steps)[len(steps) // 2]
    out: list[tuple[float, float | None]] = [points[0]]
    for step, point in zip(steps, points[1:], strict=True):
        if step > _GAP * max(usual, 1e-12):
            out.append((out[-1][0], None))
        out.append(point)
    return out


def _usable(
    points: Sequence[tuple[float, float | None]], is_log: bool
) -> list[tuple[float, float] | None]:
    """The points, thinned; None where the curve breaks."""
    step = max(1, math.ceil(len(points) / _LONGEST_PATH))
    chosen = list(points[::step])
    if points and chosen[-1] != points[-1]:
        chosen.append(points[-1])
    out: list[tuple[float, float] | None] = []
    for x, y in chosen:
        is_bad = y is None or not math.isfinite(y) or (is_log and y <= 0)
        out.append(None if is_bad or y is None else (float(x), float(y)))
    return out


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    words, pen = [], "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        words.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
        pen = "L"
    return " ".join(words)


def _steps(low: float, high: float) -> list[float]:
    """Three to six round numbers that reach from `low` to above `high`."""
    reach = max(high - low, 1e-12)
    size = 10.0 ** math.floor(math.log10(reach / 4))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if reach / (size * factor) <= 5)
    count = math.ceil((high - low) / step - 1e-9)
    return [low + step * index for index in range(max(count, 1) + 1)]


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten around the values, at most five of them."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    last = max(last, first + 1)
    stride = max(1, math.ceil((last - first) / 4))
    powers = [*range(first, last, stride), last]
    return [10.0**power for power in powers]


def _legend(lines: Sequence[Line]) -> str:
    entries = "".join(
        f'<li><span class="{"key dashed" if line.is_dashed else "key"}" '
        f'style="border-color:{line.colour}"></span>{html.escape(line.name)}</li>'
        for line in lines
    )
    return f'<ul class="legend">{entries}</ul>'
