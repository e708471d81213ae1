"""What the timeline draws: a scale from frames to pixels, and one painter per kind of strip."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPalette, QPen, QPolygonF

LEAST_PER_FRAME = 0.02
MOST_PER_FRAME = 60.0
TICK_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000)
LABEL_GAP_PX = 56
HEADROOM_PX = 8  # for the peaks' triangles
WARN = QColor(226, 80, 60)
KEY = QColor(250, 205, 80)


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Maps frame positions to x. A frame is a cell; `x` is the middle of the cell.

    Attributes:
        left: where the strips begin (px).
        width: how wide they are (px).
        first: frame position at the left edge, a fraction where the view is panned.
        per_frame: pixels per frame.
        count: frames of the time base.
    """

    left: float
    width: float
    first: float
    per_frame: float
    count: int

    @staticmethod
    def whole(left: float, width: float, count: int) -> "TimeScale":
        """Everything in view."""
        per_frame = min(width / max(count, 1), MOST_PER_FRAME)
        return TimeScale(left, width, 0.0, max(per_frame, LEAST_PER_FRAME), count)

    def x(self, index: float) -> float:
        """Middle of a frame's cell."""
        return self.edge(index + 0.5)

    def edge(self, index: float) -> float:
        """Left edge of a frame's cell."""
        return self.left + (index - self.first) * self.per_frame

    def index_at(self, x: float) -> int:
        """The frame whose cell holds x, clamped to the time base."""
        index = int(np.floor((x - self.left) / self.per_frame + self.first))
        return max(0, min(index, self.count - 1))

    def zoomed(self, factor: float, x: float) -> "TimeScale":
        """A finer or coarser scale on which the frame under x stays under x."""
        least = min(self.width / max(self.count, 1), MOST_PER_FRAME)
        per_frame = float(np.clip(self.per_frame * factor, least, MOST_PER_FRAME))
        held = (x - self.left) / self.per_frame + self.first
        return replace(
            self, per_frame=per_frame, first=held - (x - self.left) / per_frame
        ).clamped()

    def panned(self, pixels: float) -> "TimeScale":
        """The strips moved to the right by some pixels."""
        return replace(self, first=self.first - pixels / self.per_frame).clamped()

    def showing(self, index: int) -> "TimeScale":
        """Panned as little as needed to have a frame in view."""
        seen = self.width / self.per_frame
        if index < self.first:
            return replace(self, first=float(index)).clamped()
        if index + 1 > self.first + seen:
            return replace(self, first=index + 1 - seen).clamped()
        return self

    def clamped(self) -> "TimeScale":
        """Never panned beyond the ends."""
        most = max(self.count - self.width / self.per_frame, 0.0)
        return replace(self, first=float(np.clip(self.first, 0.0, most)))

    def visible(self) -> tuple[int, int]:
        """First and last frame in view."""
        return self.index_at(self.left), self.index_at(self.left + self.width - 1)


@dataclass(frozen=True, slots=True)
class Inks:
    """Colours of the strips, taken from the palette so that light and dark themes both work."""

    ground: QColor
    lane: QColor
    text: QColor
    faint: QColor
    line: QColor
    accent: QColor

    @staticmethod
    def of(palette: QPalette) -> "Inks":
        """The inks that go with a palette."""
        ground = palette.color(QPalette.ColorRole.Window)
        text = palette.color(QPalette.ColorRole.WindowText)
        return Inks(
            ground=ground,
            lane=palette.color(QPalette.ColorRole.Base),
            text=text,
            faint=blend(ground, text, 0.62),
            line=blend(ground, text, 0.18),
            accent=palette.color(QPalette.ColorRole.Highlight),
        )


def blend(one: QColor, other: QColor, share: float) -> QColor:
    """A colour between two; `share` 0 gives the first."""
    mixed = [
        round(a + (b - a) * share)
        for a, b in zip(one.getRgb()[:3], other.getRgb()[:3], strict=True)  # pyright: ignore[reportIndexIssue]
    ]
    return QColor(*mixed)


def draw_ruler(
    painter: QPainter, rect: QRectF, scale: TimeScale, frames: np.ndarray, inks: Inks
) -> None:
    """Ticks and frame numbers; numbers never touch each other."""
    painter.fillRect(rect, inks.ground)
    step = next((it for it in TICK_STEPS if it * scale.per_frame >= LABEL_GAP_PX), TICK_STEPS[-1])
    minor = max((it for it in TICK_STEPS if it * 5 <= step), default=1)
    first, last = scale.visible()
    ticks: list[QLineF] = []
    bottom = rect.bottom()
    painter.setPen(inks.faint)
    for index in range(first, last + 1):
        number = int(frames[index])
        if number % minor and index not in (0, scale.count - 1):
            continue
        x = scale.x(index)
        is_major = number % step == 0 or index == 0
        ticks.append(QLineF(x, bottom - (7 if is_major else 3), x, bottom))
        if is_major and not (index > 0 and index * scale.per_frame < 26 and first == 0):
            box = QRectF(x - 30, rect.top(), 60, rect.height() - 7)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(number))
    painter.setPen(QPen(inks.faint, 1))
    painter.drawLines(ticks)


def draw_errors(
    painter: QPainter,
    rect: QRectF,
    scale: TimeScale,
    mean_px: Float[np.ndarray, " frames"],
    worst_px: Float[np.ndarray, " frames"],
    threshold_px: float,
    colour: QColor,
    inks: Inks,
) -> None:
    """Mean as bars in the person's colour, worst joint as steps, doubtful frames in red on top."""
    painter.fillRect(rect, inks.lane)
    top = error_ceiling(worst_px, threshold_px)
    height = rect.height() - HEADROOM_PX
    columns = _columns(scale, mean_px, worst_px)
    bars, alarms = QColor(colour), QColor(WARN)
    bars.setAlpha(150)
    alarms.setAlpha(70)
    steps: list[QLineF] = []
    loud: list[QLineF] = []
    previous: QPointF | None = None
    painter.setPen(Qt.PenStyle.NoPen)
    for x0, x1, mean, worst in columns:
        gap = 1.0 if x1 - x0 > 5 else 0.0
        if not np.isfinite(worst):
            previous = None
            continue
        is_doubtful = worst > threshold_px
        if is_doubtful:
            painter.fillRect(QRectF(x0, rect.top(), x1 - x0, rect.height()), alarms)
        tall = height * min(mean / top, 1.0)
        painter.fillRect(QRectF(x0, rect.bottom() - tall, x1 - x0 - gap, tall), bars)
        y = rect.bottom() - height * min(worst / top, 1.0)
        line = QLineF(x0, y, x1, y)
        (loud if is_doubtful else steps).append(line)
        if previous is not None:
            steps.append(QLineF(previous, QPointF(x0, y)))
        previous = QPointF(x1, y)
        if is_doubtful:
            _draw_peak(painter, QPointF(0.5 * (x0 + x1), rect.top() + 1), is_cut=worst > top)
    painter.setPen(QPen(blend(colour, inks.text, 0.35), 1.2))
    painter.drawLines(steps)
    painter.setPen(QPen(WARN, 1.8))
    painter.drawLines(loud)
    limit = rect.bottom() - height * min(threshold_px / top, 1.0)
    painter.setPen(QPen(inks.faint, 1, Qt.PenStyle.DashLine))
    painter.drawLine(QLineF(rect.left(), limit, rect.right(), limit))


def error_ceiling(worst_px: Float[np.ndarray, " frames"], threshold_px: float) -> float:
    """The error at the top of a strip: all of it where that leaves the limit readable."""
    known = worst_px[np.isfinite(worst_px)]
    highest = float(known.max()) * 1.02 if len(known) else 0.0
    return max(threshold_px * 1.5, min(highest, threshold_px * 5), 1e-6)


def draw_edits(
    painter: QPainter,
    rect: QRectF,
    scale: TimeScale,
    keys: dict[int, bool],
    touched: Bool[np.ndarray, " frames"],
    inks: Inks,
) -> None:
    """A diamond per corrected frame (a square when a joint is locked), a bar over eased frames.

    Args:
        painter: draws here.
        rect: the lane.
        scale: frames to pixels.
        keys: corrected frames, and whether any joint is locked there.
        touched: frames that a correction changes.
        inks: the palette.
    """
    painter.fillRect(rect, inks.lane)
    middle = rect.center().y()
    eased = QColor(KEY)
    eased.setAlpha(140)
    for first, last in spans(touched):
        x0, x1 = scale.edge(first), scale.edge(last + 1)
        painter.fillRect(QRectF(x0, middle - 2, x1 - x0, 4), eased)
    painter.setPen(QPen(blend(inks.lane, inks.text, 0.8), 1))
    painter.setBrush(KEY)
    half = min(4.5, rect.height() / 2 - 1)
    for index, is_locked in keys.items():
        x = scale.x(index)
        if is_locked:
            painter.drawRect(QRectF(x - half + 1, middle - half + 1, 2 * half - 2, 2 * half - 2))
        else:
            corners = ((x, -half), (x + half, 0), (x, half), (x - half, 0))
            painter.drawPolygon(QPolygonF([QPointF(at, middle + dy) for at, dy in corners]))


def draw_presence(
    painter: QPainter,
    rect: QRectF,
    scale: TimeScale,
    share: Float[np.ndarray, " frames"],
    inks: Inks,
) -> None:
    """Which frames have pictures: full where all are there, hatched where some are missing."""
    lane = rect.adjusted(0, 1, 0, -1)
    painter.fillRect(rect, inks.lane)
    fill = blend(inks.lane, inks.text, 0.3)
    for first, last in spans(share >= 1.0):
        x0, x1 = scale.edge(first), scale.edge(last + 1)
        painter.fillRect(QRectF(x0, lane.top(), x1 - x0, lane.height()), fill)
    for first, last in spans(share < 1.0):
        x0, x1 = scale.edge(first), scale.edge(last + 1)
        box = QRectF(x0, lane.top(), x1 - x0, lane.height())
        painter.setPen(QPen(WARN, 1))
        painter.save()
        painter.setClipRect(box, Qt.ClipOperation.IntersectClip)
        at = box.left() - box.height()
        while at < box.right():
            painter.drawLine(QLineF(at, box.bottom(), at + box.height(), box.top()))
            at += 4
        painter.restore()


def draw_run(
    painter: QPainter, rect: QRectF, done: float, text: str, inks: Inks, *, is_paused: bool
) -> None:
    """How far a run has come, over the frames it works on."""
    painter.fillRect(rect, inks.lane)
    fill = QColor(inks.accent)
    fill.setAlpha(60 if is_paused else 120)
    painter.fillRect(QRectF(rect.left(), rect.top(), rect.width() * done, rect.height()), fill)
    painter.setPen(QPen(inks.accent, 1))
    painter.drawRect(rect.adjusted(0, 0, -1, -1))
    font = QFont(painter.font())
    font.setPointSizeF(max(font.pointSizeF() - 1, 6))
    painter.setFont(font)
    painter.setPen(inks.text)
    flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
    room = int(rect.width()) - 12
    text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)
    painter.drawText(rect.adjusted(6, 0, -6, 0), flags, text)


def spans(flags: Bool[np.ndarray, " frames"]) -> list[tuple[int, int]]:
    """First and last index of every stretch of True."""
    padded = np.concatenate([[False], flags, [False]]).astype(np.int8)
    edges = np.diff(padded)
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    return [(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]


def _columns(
    scale: TimeScale, mean_px: np.ndarray, worst_px: np.ndarray
) -> list[tuple[float, float, float, float]]:
    """What to draw from x0 to x1: one entry per frame, or per pixel where frames are narrower."""
    first, last = scale.visible()
    last = min(last, len(mean_px) - 1)
    if scale.per_frame >= 2:
        return [
            (scale.edge(at), scale.edge(at + 1), float(mean_px[at]), float(worst_px[at]))
            for at in range(first, last + 1)
        ]
    indices = np.arange(first, last + 1)
    pixel = ((indices - scale.first) * scale.per_frame).astype(int)
    starts = np.flatnonzero(np.diff(pixel, prepend=pixel[:1] - 1))
    means = np.fmax.reduceat(mean_px[indices], starts)
    worsts = np.fmax.reduceat(worst_px[indices], starts)
    left = scale.left + pixel[starts]
    return [
        (float(x), float(x) + 1.0, float(mean), float(worst))
        for x, mean, worst in zip(left, means, worsts, strict=True)
    ]


def _draw_peak(painter: QPainter, tip: QPointF, *, is_cut: bool) -> None:
    """A small triangle: doubt is told by shape, not by colour alone; it points up when cut off."""
    painter.save()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(WARN)
    base, point = (5, 0) if is_cut else (0, 5)
    corners = (QPointF(-3.5, base), QPointF(3.5, base), QPointF(0, point))
    painter.drawPolygon(QPolygonF([tip + corner for corner in corners]))
    painter.restore()
