"""Small symbols for buttons and lists, drawn in the theme's text colour at any size."""

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPalette, QPen, QPixmap, QPolygonF

SIZE = 32  # drawn on a grid of 16, twice as fine


def glyph(name: str, palette: QPalette) -> QIcon:
    """The symbol called `name`, in the palette's text colour, fainter when disabled."""
    icon = QIcon()
    for mode, group in (
        (QIcon.Mode.Normal, QPalette.ColorGroup.Active),
        (QIcon.Mode.Disabled, QPalette.ColorGroup.Disabled),
    ):
        ink = palette.color(group, QPalette.ColorRole.ButtonText)
        icon.addPixmap(_drawn(_GLYPHS[name], ink), mode)
    return icon


def swatch(colour: tuple[int, int, int]) -> QIcon:
    """A person's colour as a rounded square."""

    def paint(painter: QPainter, ink: QColor) -> None:
        painter.setBrush(ink)
        painter.drawRoundedRect(QRectF(3, 3, 10, 10), 3, 3)

    return QIcon(_drawn(paint, QColor(*colour)))


def _drawn(paint: Callable[[QPainter, QColor], None], ink: QColor) -> QPixmap:
    picture = QPixmap(SIZE, SIZE)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(SIZE / 16, SIZE / 16)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    paint(painter, ink)
    painter.end()
    picture.setDevicePixelRatio(SIZE / 16)
    return picture


def _triangle(painter: QPainter, x: float, direction: int, reach: float = 7.0) -> None:
    corners = (QPointF(x, 3), QPointF(x + direction * reach, 8), QPointF(x, 13))
    painter.drawPolygon(QPolygonF(corners))


def _play(painter: QPainter, _ink: QColor) -> None:
    _triangle(painter, 4.5, 1, 9)


def _pause(painter: QPainter, _ink: QColor) -> None:
    painter.drawRect(QRectF(4, 3, 3, 10))
    painter.drawRect(QRectF(9, 3, 3, 10))


def _stop(painter: QPainter, _ink: QColor) -> None:
    painter.drawRect(QRectF(4, 4, 8, 8))


def _first(painter: QPainter, _ink: QColor) -> None:
    painter.drawRect(QRectF(3, 3, 1.6, 10))
    _triangle(painter, 12.5, -1)


def _last(painter: QPainter, _ink: QColor) -> None:
    painter.drawRect(QRectF(11.4, 3, 1.6, 10))
    _triangle(painter, 3.5, 1)


def _back(painter: QPainter, _ink: QColor) -> None:
    _triangle(painter, 9.5, -1, 6)
    painter.drawRect(QRectF(11, 3, 1.6, 10))


def _forward(painter: QPainter, _ink: QColor) -> None:
    _triangle(painter, 6.5, 1, 6)
    painter.drawRect(QRectF(3.4, 3, 1.6, 10))


def _chevron(painter: QPainter, ink: QColor, direction: int) -> None:
    painter.setPen(_stroke(ink, 1.8))
    x = 8 - 2.5 * direction
    tip = QPointF(8 + 2.5 * direction, 8)
    painter.drawLine(QPointF(x, 3.5), tip)
    painter.drawLine(tip, QPointF(x, 12.5))


def _previous_doubtful(painter: QPainter, ink: QColor) -> None:
    _chevron(painter, ink, -1)


def _next_doubtful(painter: QPainter, ink: QColor) -> None:
    _chevron(painter, ink, 1)


def _clear(painter: QPainter, ink: QColor) -> None:
    painter.setPen(_stroke(ink, 1.6))
    painter.drawLine(QPointF(5, 5), QPointF(11, 11))
    painter.drawLine(QPointF(11, 5), QPointF(5, 11))


def _whole(painter: QPainter, ink: QColor) -> None:
    painter.setPen(_stroke(ink, 1.5))
    painter.drawLine(QPointF(2.5, 4), QPointF(2.5, 12))
    painter.drawLine(QPointF(13.5, 4), QPointF(13.5, 12))
    painter.drawLine(QPointF(4, 8), QPointF(12, 8))
    for tip, back in ((4.2, 6.5), (11.8, 9.5)):
        painter.drawLine(QPointF(tip, 8), QPointF(back, 5.8))
        painter.drawLine(QPointF(tip, 8), QPointF(back, 10.2))


def _eye(painter: QPainter, ink: QColor) -> None:
    painter.setPen(_stroke(ink, 1.3))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    lids = QPainterPath(QPointF(1.5, 8))
    lids.quadTo(8, 1.5, 14.5, 8)
    lids.quadTo(8, 14.5, 1.5, 8)
    painter.drawPath(lids)
    painter.setBrush(ink)
    painter.drawEllipse(QPointF(8, 8), 1.7, 1.7)


def _hidden(painter: QPainter, ink: QColor) -> None:
    faint = QColor(ink)
    faint.setAlpha(110)
    painter.setPen(_stroke(faint, 1.3))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    lid = QPainterPath(QPointF(1.5, 7))
    lid.quadTo(8, 13, 14.5, 7)
    painter.drawPath(lid)
    for x, y, dx in ((4, 9.4, -1), (8, 10.2, 0), (12, 9.4, 1)):
        painter.drawLine(QPointF(x, y), QPointF(x + dx, y + 2.4))


def _locked(painter: QPainter, ink: QColor) -> None:
    painter.drawRoundedRect(QRectF(3.5, 7, 9, 7), 1.5, 1.5)
    painter.setPen(_stroke(ink, 1.5))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawArc(QRectF(5.2, 2.5, 5.6, 8), 0, 180 * 16)


def _unlocked(painter: QPainter, ink: QColor) -> None:
    faint = QColor(ink)
    faint.setAlpha(110)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(_stroke(faint, 1.3))
    painter.drawRoundedRect(QRectF(3.5, 7, 9, 7), 1.5, 1.5)
    painter.drawArc(QRectF(8.4, 2.0, 5.6, 8), 0, 180 * 16)


def _camera(painter: QPainter, _ink: QColor) -> None:
    painter.drawRoundedRect(QRectF(1.5, 4.5, 9, 7.5), 1.5, 1.5)
    corners = (QPointF(11, 8.2), QPointF(14.5, 5), QPointF(14.5, 11.5))
    painter.drawPolygon(QPolygonF(corners))


def _shown(painter: QPainter, ink: QColor) -> None:
    painter.drawEllipse(QPointF(8, 8), 3.2, 3.2)
    painter.setPen(_stroke(ink, 1.3))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(QPointF(8, 8), 5.6, 5.6)


def _not_shown(painter: QPainter, ink: QColor) -> None:
    faint = QColor(ink)
    faint.setAlpha(140)
    painter.setPen(_stroke(faint, 1.3))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(QPointF(8, 8), 5.6, 5.6)


def _warning(painter: QPainter, ink: QColor) -> None:
    painter.setPen(_stroke(ink, 1.4))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    corners = (QPointF(8, 2.5), QPointF(14, 13), QPointF(2, 13))
    painter.drawPolygon(QPolygonF(corners))
    painter.drawLine(QPointF(8, 6.5), QPointF(8, 9.3))
    painter.drawPoint(QPointF(8, 11.3))


def _stroke(ink: QColor, width: float) -> QPen:
    return QPen(ink, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)


def _joint(painter: QPainter, ink: QColor) -> None:
    painter.setPen(_stroke(ink, 1.5))
    painter.drawLine(QPointF(4.5, 12), QPointF(7, 6))
    painter.drawLine(QPointF(7, 6), QPointF(12, 4.5))
    for x, y in ((4.5, 12), (7, 6), (12, 4.5)):
        painter.drawEllipse(QPointF(x, y), 1.5, 1.5)


_GLYPHS: dict[str, Callable[[QPainter, QColor], None]] = {
    "back": _back, "camera": _camera, "clear": _clear, "eye": _eye, "first": _first,
    "forward": _forward, "hidden": _hidden, "joint": _joint, "last": _last, "locked": _locked,
    "next doubtful": _next_doubtful, "not shown": _not_shown, "pause": _pause, "play": _play,
    "previous doubtful": _previous_doubtful, "shown": _shown, "stop": _stop,
    "unlocked": _unlocked, "warning": _warning, "whole": _whole,
}  # fmt: skip
