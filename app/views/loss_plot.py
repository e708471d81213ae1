"""Loss curves of a run on a logarithmic scale: one curve per term, stage bands, the best step."""

import math
from itertools import pairwise

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.jobs.curves import LossCurves
from app.views.strips import Inks, blend
from avatarpose.optimize.snapshot import StageBand

# Okabe and Ito's colours again, so that curves stay apart under the common colour deficiencies.
CURVE_COLOURS = (
    "#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#d55e00", "#8f8fe8", "#b0b000", "#8a8a8a",
)  # fmt: skip
DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
LEFT, RIGHT, TOP, BOTTOM = 46.0, 10.0, 18.0, 20.0
TICK_ROW = 12.0  # least distance of two numbers beside the grid, px
LEGEND_ROW = 17.0
SMOOTHING = 0.12
MOST_DECADES = 7


class LossPlot(QWidget):
    """Draws the curves it is given; `show_curves` after every change."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("loss plot")
        self.setAccessibleName("Loss curves")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(120)
        self._curves = LossCurves()

    def sizeHint(self) -> QSize:
        """Wider than tall."""
        return QSize(420, 190)

    def show_curves(self, curves: LossCurves) -> None:
        """Draw these, and tell screen readers in words."""
        self._curves = curves
        parts = [
            f"{term} {points[-1][1]:.3g}, best {curves.best(term)[1]:.3g}"  # pyright: ignore[reportOptionalSubscript]
            for term, points in curves.terms.items()
            if points
        ]
        self.setAccessibleDescription("; ".join(parts) or "No values yet.")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bands, grid, curves, legend."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inks = Inks.of(self.palette())
        terms = {term: points for term, points in self._curves.terms.items() if points}
        legend = self._legend_rows(painter, list(terms))
        rect = self._plot_rect(len(legend))
        if not terms:
            rect = QRectF(self.rect())
            painter.fillRect(rect, inks.lane)
            painter.setPen(inks.faint)
            text = "Loss curves appear here while a refinement runs."
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)
            return
        painter.fillRect(rect, inks.lane)
        low, high = self._decades()
        self._draw_bands(painter, rect, inks)
        _draw_grid(painter, rect, low, high, self._last_step(), inks)
        painter.setClipRect(rect)
        for at, points in enumerate(terms.values()):
            self._draw_curve(painter, rect, points, at, low, high)
        painter.setClipping(False)
        most = max(terms, key=lambda term: len(terms[term]))  # the term that speaks of all stages
        self._draw_best(painter, rect, most, low, high, inks)
        self._draw_legend(painter, legend, rect, inks)

    def event(self, event: QEvent) -> bool:
        """Tool tips say the values under the cursor."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self._text_at(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def _plot_rect(self, legend_rows: int) -> QRectF:
        bottom = BOTTOM + max(legend_rows, 1) * LEGEND_ROW
        return QRectF(LEFT, TOP, self.width() - LEFT - RIGHT, self.height() - TOP - bottom)

    def _last_step(self) -> int:
        return max(self._curves.last_step, 1)

    def _decades(self) -> tuple[float, float]:
        """Powers of ten that hold all positive values, at most MOST_DECADES."""
        values = [
            value for points in self._curves.terms.values() for _, value in points if value > 0
        ]
        if not values:
            return -1.0, 0.0
        high = math.ceil(math.log10(max(values)) * 2 + 1e-9) / 2
        low = math.floor(math.log10(min(values)) * 2 - 1e-9) / 2
        return max(low, high - MOST_DECADES), max(high, low + 0.5)

    def _place(self, rect: QRectF, step: float, value: float, low: float, high: float) -> QPointF:
        x = rect.left() + rect.width() * step / self._last_step()
        level = math.log10(value) if value > 0 else low
        return QPointF(x, rect.bottom() - rect.height() * (level - low) / (high - low))

    def _bands_so_far(self) -> list[StageBand]:
        return [band for band in self._curves.bands if band.first_step <= self._last_step()]

    def _draw_bands(self, painter: QPainter, rect: QRectF, inks: Inks) -> None:
        """Every other stage shaded, its name on top where there is room."""
        painter.save()
        font = painter.font()
        font.setPointSizeF(max(font.pointSizeF() - 1.5, 6.0))
        painter.setFont(font)
        for at, band in enumerate(self._bands_so_far()):
            x0 = rect.left() + rect.width() * band.first_step / self._last_step()
            x1 = rect.left() + rect.width() * (band.last_step + 1) / self._last_step()
            x1 = min(x1, rect.right())
            if at % 2:
                shade = blend(inks.lane, inks.text, 0.05)
                painter.fillRect(QRectF(x0, rect.top(), x1 - x0, rect.height()), shade)
            width = x1 - x0 - 8
            name = painter.fontMetrics().elidedText(
                band.name, Qt.TextElideMode.ElideRight, int(max(width, 0))
            )
            if width > 26:
                painter.setPen(inks.faint)
                painter.drawText(QPointF(x0 + 4, rect.top() - 5), name)
            painter.setPen(QPen(inks.line, 1))
            painter.drawLine(QPointF(x0, rect.top() - 3), QPointF(x0, rect.bottom()))
        painter.restore()

    def _draw_curve(
        self, painter: QPainter, rect: QRectF, points: list[tuple[int, float]], at: int,
        low: float, high: float,
    ) -> None:  # fmt: skip
        """The values faintly, and smoothed on top."""
        colour = QColor(CURVE_COLOURS[at % len(CURVE_COLOURS)])
        faint = QColor(colour)
        faint.setAlpha(70)
        style = DASHES[at // len(CURVE_COLOURS) % len(DASHES)]
        for stretch in without_gaps(points, self._last_step()):
            raw = [self._place(rect, step, value, low, high) for step, value in stretch]
            painter.setPen(QPen(faint, 1))
            painter.drawPolyline(QPolygonF(raw))
            level = math.log10(max(stretch[0][1], 1e-30))
            smooth: list[QPointF] = []
            for step, value in stretch:
                level += SMOOTHING * (math.log10(max(value, 1e-30)) - level)
                smooth.append(self._place(rect, step, 10**level, low, high))
            painter.setPen(QPen(colour, 1.8, style))
            painter.drawPolyline(QPolygonF(smooth))

    def _draw_best(
        self, painter: QPainter, rect: QRectF, term: str, low: float, high: float, inks: Inks
    ) -> None:
        best = self._curves.best(term)
        if best is None:
            return
        place = self._place(rect, *best, low, high)
        painter.setPen(QPen(inks.text, 1.4))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(place, 4.0, 4.0)

    def _legend_rows(self, painter: QPainter, terms: list[str]) -> list[list[tuple[str, int]]]:
        """Terms with their colour's number, broken into rows that fit the width."""
        rows: list[list[tuple[str, int]]] = []
        left = math.inf
        for at, term in enumerate(terms):
            width = painter.fontMetrics().horizontalAdvance(self._legend_text(term)) + 34
            if left + width > self.width() - RIGHT:
                rows.append([])
                left = LEFT
            rows[-1].append((term, at))
            left += width
        return rows

    def _legend_text(self, term: str) -> str:
        points = self._curves.terms[term]
        return f"{term} {points[-1][1]:.3g}" if points else term

    def _draw_legend(
        self, painter: QPainter, rows: list[list[tuple[str, int]]], rect: QRectF, inks: Inks
    ) -> None:
        for row, entries in enumerate(rows):
            y = rect.bottom() + BOTTOM + (row + 0.55) * LEGEND_ROW
            x = LEFT
            for term, at in entries:
                text = self._legend_text(term)
                colour = QColor(CURVE_COLOURS[at % len(CURVE_COLOURS)])
                style = DASHES[at // len(CURVE_COLOURS) % len(DASHES)]
                painter.setPen(QPen(colour, 2.4, style))
                painter.drawLine(QPointF(x, y), QPointF(x + 14, y))
                painter.setPen(inks.text)
                painter.drawText(QPointF(x + 19, y + 4), text)
                x += painter.fontMetrics().horizontalAdvance(text) + 34

    def _text_at(self, place: QPointF) -> str:
        rect = self._plot_rect(1)
        if not self._curves.terms or not rect.left() <= place.x() <= rect.right():
            return ""
        step = (place.x() - rect.left()) / rect.width() * self._last_step()
        lines = [f"step {step:.0f}"]
        for band in self._curves.bands:
            if band.first_step <= step <= band.last_step:
                lines[0] += f" · {band.name}"
        for term, points in self._curves.terms.items():
            if points:
                nearest = min(points, key=lambda point: abs(point[0] - step))
                lines.append(f"{term}: {nearest[1]:.4g}")
        return "\n".join(lines)


def _tick(value: float) -> str:
    return f"{value / 1000:.3g}k" if value >= 1000 else f"{value:.3g}"


def without_gaps(points: list[tuple[int, float]], last_step: int) -> list[list[tuple[int, float]]]:
    """Stretches of a curve; a term that rests during a stage is not drawn through it."""
    steps = [later[0] - earlier[0] for earlier, later in pairwise(points)]
    usual = sorted(steps)[len(steps) // 2] if steps else 1
    longest = max(8 * usual, 0.03 * last_step)
    stretches = [[points[0]]]
    for point, step in zip(points[1:], steps, strict=True):
        if step > longest:
            stretches.append([])
        stretches[-1].append(point)
    return stretches


def _draw_grid(
    painter: QPainter, rect: QRectF, low: float, high: float, last_step: int, inks: Inks
) -> None:
    """Lines at powers of ten (and at 2 and 5 where there are few), and the ends of the steps."""
    few = high - low <= 1.5
    levels: list[float] = []
    for power in range(math.floor(low), math.ceil(high) + 1):
        levels += [math.log10(factor) + power for factor in ((1, 2, 5) if few else (1,))]
    flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    painter.save()
    font = painter.font()
    font.setPointSizeF(max(font.pointSizeF() - 1.0, 6.0))
    painter.setFont(font)
    lowest_text = math.inf
    for level in levels:
        if low <= level <= high:
            y = rect.bottom() - rect.height() * (level - low) / (high - low)
            painter.setPen(QPen(inks.line, 1))
            painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))
            if y + TICK_ROW > lowest_text:
                continue  # it would run into the number below
            lowest_text = y
            painter.setPen(inks.faint)
            painter.drawText(QRectF(0, y - 8, LEFT - 6, 16), flags, _tick(10**level))
    below = QRectF(rect.left(), rect.bottom() + 2, rect.width(), 16)
    painter.setPen(inks.faint)
    painter.drawText(below, Qt.AlignmentFlag.AlignLeft, "0")
    painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, "steps")
    painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"{last_step:,}")
    painter.restore()
