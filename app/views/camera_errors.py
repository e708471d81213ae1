"""Per camera: how far the selected joint and the whole person lie from the 2D keypoints."""

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.jobs.errors import PersonErrors
from app.views.strips import WARN, Inks, blend

ROW = 20
NUMBER_WIDTH = 58
LEAST_FULL_PX = 10.0  # errors below this never fill a bar


class CameraErrors(QWidget):
    """A small table: camera, a bar, the joint's error, the person's RMS."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Error per camera")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._rows: list[tuple[str, float, float]] = []

    @property
    def rows(self) -> list[tuple[str, float, float]]:
        """Camera, the joint's error (px), the person's RMS error (px); NaN where unknown."""
        return self._rows

    def sizeHint(self) -> QSize:
        """A heading and one row per camera."""
        return QSize(240, ROW * (len(self._rows) + 1) + 2)

    def minimumSizeHint(self) -> QSize:
        """Rows are never cut off."""
        return QSize(160, ROW * (len(self._rows) + 1) + 2)

    def show_errors(
        self, errors: PersonErrors | None, cameras: tuple[str, ...], index: int, target: int | None
    ) -> None:
        """Show a frame.

        Args:
            errors: of the person; None while nothing is known.
            cameras: their names, in the order of the errors.
            index: the frame's position.
            target: the skel19 joint to single out; None when keypoints do not have it.
        """
        unknown = np.full(len(cameras), np.nan)
        joint, whole = unknown, unknown
        if errors is not None and index < len(errors.px) and errors.px.shape[1] == len(cameras):
            whole = errors.camera_px(index)
            joint = unknown if target is None else errors.px[index, :, target]
        count = len(self._rows)
        self._rows = [
            (name, float(one), float(all_of_it))
            for name, one, all_of_it in zip(cameras, joint, whole, strict=True)
        ]
        if len(self._rows) != count:
            self.updateGeometry()
        words = [f"camera {name}: {_px(one)}, person {_px(rms)}" for name, one, rms in self._rows]
        self.setAccessibleDescription("; ".join(words))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Bars as long as the errors, numbers at the right."""
        painter = QPainter(self)
        inks = Inks.of(self.palette())
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        names = [painter.fontMetrics().horizontalAdvance(name) for name, _, _ in self._rows]
        start = max([*names, 46]) + 10
        end = self.width() - 2 * NUMBER_WIDTH
        painter.setPen(inks.faint)
        painter.drawText(QRectF(0, 0, start, ROW), left, "camera")
        painter.drawText(QRectF(end, 0, NUMBER_WIDTH, ROW), right, "joint")
        painter.drawText(QRectF(end + NUMBER_WIDTH, 0, NUMBER_WIDTH, ROW), right, "RMS")
        known = [one for _, one, _ in self._rows if np.isfinite(one)]
        full = max([*known, LEAST_FULL_PX])
        for at, (name, one, rms) in enumerate(self._rows):
            y = ROW * (at + 1)
            painter.setPen(inks.text)
            painter.drawText(QRectF(0, y, start, ROW), left, name)
            lane = QRectF(start, y + 6, max(end - start - 6, 0), ROW - 12)
            painter.fillRect(lane, inks.lane)
            if np.isfinite(one):
                share = min(one / full, 1.0)
                colour = blend(inks.accent, QColor(WARN), share if full > LEAST_FULL_PX else 0.0)
                painter.fillRect(
                    QRectF(lane.left(), lane.top(), lane.width() * share, lane.height()), colour
                )
            painter.setPen(inks.text if np.isfinite(one) else inks.faint)
            painter.drawText(QRectF(end, y, NUMBER_WIDTH, ROW), right, _px(one))
            painter.setPen(inks.faint)
            painter.drawText(QRectF(end + NUMBER_WIDTH, y, NUMBER_WIDTH, ROW), right, _px(rms))


def _px(value: float) -> str:
    return f"{value:.1f} px" if np.isfinite(value) else "–"
