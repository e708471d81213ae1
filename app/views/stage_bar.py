"""The stages of a run as one bar: done, at work, to come."""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.views.strips import Inks, blend
from avatarpose.optimize.snapshot import Snapshot, StageBand

HEIGHT = 34
LEAST_CELL = 6.0


class StageBar(QWidget):
    """One cell per stage, as wide as the stage is long where the run states its schedule."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("stages")
        self.setAccessibleName("Stages")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._snapshot: Snapshot | None = None
        self._is_over = False

    def sizeHint(self) -> QSize:
        """One line of text and the bar."""
        return QSize(300, HEIGHT)

    def show_snapshot(self, snapshot: Snapshot | None, *, is_over: bool) -> None:
        """Draw how far the run has come; `is_over` marks everything done."""
        self._snapshot, self._is_over = snapshot, is_over
        if snapshot is not None:
            stage = f"{snapshot.stage_index + 1} of {snapshot.stage_count}"
            self.setAccessibleDescription(f"Stage {stage}: {snapshot.stage}")
        self.update()

    def stages(self) -> list[StageBand]:
        """The stages, from the schedule or, where that is not stated, of equal length."""
        snapshot = self._snapshot
        if snapshot is None:
            return []
        if snapshot.bands:
            return list(snapshot.bands)
        return [
            StageBand(snapshot.stage if at == snapshot.stage_index else f"stage {at + 1}", at, at)
            for at in range(snapshot.stage_count)
        ]

    def paintEvent(self, event: QPaintEvent) -> None:
        """Cells, and the name of the stage at work under its cell."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inks = Inks.of(self.palette())
        stages, snapshot = self.stages(), self._snapshot
        bar = QRectF(0, 2, self.width(), 11)
        if snapshot is None or not stages:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(inks.lane)
            painter.drawRoundedRect(bar, 3, 3)
            return
        cells = self._cells(bar, stages)
        for at, cell in enumerate(cells):
            self._draw_cell(painter, cell, at, stages[at], inks)
        if not self._is_over and snapshot.stage_index < len(cells):
            self._draw_name(painter, cells[snapshot.stage_index], inks)
        else:
            painter.setPen(inks.faint)
            text = f"{len(stages)} stages done" if len(stages) != 1 else "1 stage done"
            painter.drawText(QRectF(0, 15, self.width(), 18), Qt.AlignmentFlag.AlignLeft, text)

    def event(self, event: QEvent) -> bool:
        """Tool tips name the stage under the cursor."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            stages = self.stages()
            cells = self._cells(QRectF(0, 2, self.width(), 11), stages)
            names = [
                f"{at + 1}. {stage.name}"
                for at, (cell, stage) in enumerate(zip(cells, stages, strict=True))
                if cell.left() <= event.pos().x() <= cell.right()
            ]
            QToolTip.showText(event.globalPos(), "".join(names[:1]), self)
            return True
        return super().event(event)

    def _cells(self, bar: QRectF, stages: list[StageBand]) -> list[QRectF]:
        lengths = [stage.last_step - stage.first_step + 1 for stage in stages]
        spare = bar.width() - LEAST_CELL * len(stages)
        total = max(sum(lengths), 1)
        cells: list[QRectF] = []
        left = bar.left()
        for length in lengths:
            width = LEAST_CELL + spare * length / total
            cells.append(QRectF(left + 0.75, bar.top(), width - 1.5, bar.height()))
            left += width
        return cells

    def _draw_cell(
        self, painter: QPainter, cell: QRectF, at: int, stage: StageBand, inks: Inks
    ) -> None:
        snapshot = self._snapshot
        assert snapshot is not None
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(blend(inks.ground, inks.text, 0.13))
        painter.drawRoundedRect(cell, 2.5, 2.5)
        if self._is_over or at < snapshot.stage_index:
            share = 1.0
        elif at > snapshot.stage_index:
            return
        else:
            length = max(stage.last_step - stage.first_step + 1, 1)
            share = (snapshot.step - stage.first_step) / length if snapshot.bands else 0.5
        done = QColor(inks.accent)
        painter.setBrush(done)
        width = cell.width() * min(max(share, 0.0), 1.0)
        painter.drawRoundedRect(QRectF(cell.left(), cell.top(), width, cell.height()), 2.5, 2.5)
        if at == snapshot.stage_index and not self._is_over:
            painter.setPen(QPen(inks.accent, 1.3))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(cell, 2.5, 2.5)

    def _draw_name(self, painter: QPainter, cell: QRectF, inks: Inks) -> None:
        snapshot = self._snapshot
        assert snapshot is not None
        name = f"{snapshot.stage_index + 1}/{snapshot.stage_count}  {snapshot.stage}"
        width = painter.fontMetrics().horizontalAdvance(name)
        left = min(max(cell.center().x() - width / 2, 0.0), max(self.width() - width, 0.0))
        painter.setPen(inks.text)
        painter.drawText(QPointF(left, 28), name)
