"""The timeline's surface: ruler, lanes, range and playhead, and what the mouse does there."""

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractScrollArea,
    QFrame,
    QMenu,
    QToolTip,
    QWidget,
)

from app.jobs.center import JobCenter
from app.jobs.errors import ErrorSurvey
from app.views.lanes import ErrorLane, Lane, lanes_of
from app.views.strips import Inks, TimeScale, draw_ruler
from app.workbench import Workbench
from avatarpose.scene import edits
from avatarpose.scene.scene import Scene

LABEL_WIDTH = 168
RULER_HEIGHT = 26
HANDLE_PX = 5
ZOOM_PER_STEP = 1.25
MOST_SPARE = 54.0


class TimelineCanvas(QAbstractScrollArea):
    """The ruler and the lanes. They are drawn once into a picture; the playhead lies on top."""

    refine_requested = Signal()

    def __init__(
        self, bench: Workbench, survey: ErrorSurvey, center: JobCenter | None, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setObjectName("timeline strips")
        self.setAccessibleName("Timeline strips")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setMouseTracking(True)
        self.setMinimumHeight(RULER_HEIGHT + 46)
        self._bench, self._survey, self._center = bench, survey, center
        self._scale = TimeScale.whole(LABEL_WIDTH, 100, 1)
        self._lanes: list[Lane] = []
        self._picture: QPixmap | None = None
        self._hover: int | None = None
        self._shows_cameras = False
        self._grip: _Grip | None = None
        self._run_span: tuple[int, int] | None = None
        bench.document.scene_opened.connect(self.show_everything)
        bench.document.scene_changed.connect(self._redraw)
        bench.document.preview_changed.connect(self._redraw)
        bench.playback.frame_changed.connect(self._on_frame_changed)
        bench.playback.range_changed.connect(self.viewport().update)
        bench.selection.changed.connect(self._redraw)
        survey.changed.connect(self._redraw)
        if center is not None:
            center.state_changed.connect(self._redraw)
            center.progressed.connect(self._redraw)
        self.verticalScrollBar().valueChanged.connect(self._redraw)

    @property
    def scale(self) -> TimeScale:
        """How frames lie on the screen now."""
        return self._scale

    def point_of(self, index: int) -> QPoint:
        """A place on the ruler over the middle of a frame, in the viewport's coordinates."""
        return QPoint(round(self._scale.x(index)), RULER_HEIGHT // 2)

    def show_everything(self) -> None:
        """Zoom out until all frames are in view."""
        width = max(self.viewport().width() - LABEL_WIDTH - 10, 10)
        self._scale = TimeScale.whole(LABEL_WIDTH, width, max(self._count(), 1))
        self._redraw()

    def show_cameras(self, on: bool) -> None:
        """One lane per camera, or one for all of them."""
        self._shows_cameras = on
        self._redraw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep what is in view; a view of everything stays one."""
        width = max(self.viewport().width() - LABEL_WIDTH - 10, 10)
        old = self._scale
        whole = TimeScale.whole(LABEL_WIDTH, old.width, max(old.count, 1))
        if old.count != self._count() or old.per_frame <= whole.per_frame * 1.0001:
            self._scale = TimeScale.whole(LABEL_WIDTH, width, max(self._count(), 1))
        else:
            first, per_frame = old.first, old.per_frame
            self._scale = TimeScale(LABEL_WIDTH, width, first, per_frame, old.count).clamped()
        self._redraw()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The stored picture, then range, hover line and playhead."""
        if self._picture is None:
            self._picture = self._drawn()
        painter = QPainter(self.viewport())
        painter.drawPixmap(0, 0, self._picture)
        if self._bench.document.scene is not None:
            self._draw_labels(painter)
            self._draw_range(painter)
            self._draw_playhead(painter)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Seek, select, grip an end of the range, or pan."""
        position = event.position()
        if self._bench.document.scene is None:
            return
        if event.button() == Qt.MouseButton.MiddleButton:
            self._grip = _Pan(self, position)
        elif event.button() == Qt.MouseButton.LeftButton:
            if position.x() < LABEL_WIDTH:
                self._press_label(position)
            else:
                self._press_strips(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Carry on with what was pressed, or tell what is under the cursor."""
        if self._grip is not None:
            self._grip.move(event.position())
            return
        over = event.position()
        is_handle = self._handle_at(over) is not None
        shape = Qt.CursorShape.SizeHorCursor if is_handle else Qt.CursorShape.ArrowCursor
        self.viewport().setCursor(shape)
        hover = self._scale.index_at(over.x()) if over.x() >= LABEL_WIDTH else None
        if hover != self._hover:
            self._hover = hover
            self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._grip = None

    def leaveEvent(self, event: QEvent) -> None:
        """Nothing is under the cursor any more."""
        self._hover = None
        self.viewport().update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the cursor; sideways or with Shift, pan; with Alt or over the names, scroll."""
        turned = event.angleDelta()
        if turned.x() and not turned.y():
            self._rescale(self._scale.panned(turned.x() / 2))
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._rescale(self._scale.panned(turned.y() / 2))
        elif event.position().x() < LABEL_WIDTH:
            super().wheelEvent(event)
        else:
            factor = ZOOM_PER_STEP ** (turned.y() / 120)
            self._rescale(self._scale.zoomed(factor, event.position().x()))
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """What can be done with the range."""
        menu = self._context_menu()
        if menu is not None:
            menu.exec(event.globalPos())

    def viewportEvent(self, event: QEvent) -> bool:
        """Tool tips say the numbers under the cursor."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            text = self._text_at(event.pos())
            QToolTip.showText(event.globalPos(), text, self.viewport())
            return True
        return super().viewportEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Another theme or font draws differently."""
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._redraw()
        super().changeEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys belong to the timeline, not to scrolling."""
        event.ignore()

    def _count(self) -> int:
        scene = self._bench.document.scene
        return 0 if scene is None else scene.capture.frame_count

    def _redraw(self) -> None:
        self._picture = None
        self.viewport().update()

    def _rescale(self, scale: TimeScale) -> None:
        self._scale = scale
        self._redraw()

    def _on_frame_changed(self, index: int) -> None:
        scale = self._scale.showing(index)
        if scale != self._scale:
            self._rescale(scale)
        self.viewport().update()

    def _drawn(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        size = self.viewport().size()
        picture = QPixmap(size * ratio)
        picture.setDevicePixelRatio(ratio)
        inks = Inks.of(self.palette())
        picture.fill(inks.ground)
        scene = self._bench.document.shown
        if scene is None:
            return picture
        if self._scale.count != scene.capture.frame_count:
            width = max(size.width() - LABEL_WIDTH - 10, 10)
            self._scale = TimeScale.whole(LABEL_WIDTH, width, scene.capture.frame_count)
        self._lanes = lanes_of(
            self._bench, scene, self._survey, self._center, shows_cameras=self._shows_cameras
        )
        self._share_height(size.height() - RULER_HEIGHT)
        self._fit_scroll_bar(size.height())
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.font())
        y = RULER_HEIGHT - self.verticalScrollBar().value()
        for lane in self._lanes:
            self._draw_lane(painter, lane, y, inks)
            y += lane.height + lane.gap
        ruler = QRectF(LABEL_WIDTH, 0, size.width() - LABEL_WIDTH, RULER_HEIGHT)
        painter.fillRect(QRectF(0, 0, size.width(), RULER_HEIGHT), inks.ground)
        painter.setClipRect(ruler)
        draw_ruler(painter, ruler, self._scale, scene.capture.frames, inks)
        painter.end()
        return picture

    def _draw_lane(self, painter: QPainter, lane: Lane, y: float, inks: Inks) -> None:
        end = min(self._scale.edge(self._scale.count), LABEL_WIDTH + self._scale.width)
        rect = QRectF(LABEL_WIDTH, y, end - LABEL_WIDTH, lane.height)
        painter.setClipRect(rect)
        lane.draw(painter, rect, self._scale, inks)
        painter.setClipping(False)

    def _draw_labels(self, painter: QPainter) -> None:
        """Names, and numbers of the shown frame, which change more often than the strips."""
        inks = Inks.of(self.palette())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(QRectF(0, RULER_HEIGHT, LABEL_WIDTH, self.viewport().height()))
        y = RULER_HEIGHT - self.verticalScrollBar().value()
        for lane in self._lanes:
            lane.draw_label(painter, QRectF(0, y, LABEL_WIDTH - 8, lane.height), inks)
            y += lane.height + lane.gap
        painter.setClipping(False)

    def _share_height(self, height: int) -> None:
        """Room that is left over makes the error strips taller, within reason."""
        tall = [lane for lane in self._lanes if isinstance(lane, ErrorLane)]
        spare = height - sum(lane.height + lane.gap for lane in self._lanes)
        for lane in tall:
            lane.height += min(max(spare / len(tall), 0.0), MOST_SPARE)

    def _fit_scroll_bar(self, height: int) -> None:
        total = sum(lane.height + lane.gap for lane in self._lanes)
        bar = self.verticalScrollBar()
        bar.setRange(0, max(0, round(total - (height - RULER_HEIGHT))))
        bar.setPageStep(max(height - RULER_HEIGHT, 1))

    def _draw_range(self, painter: QPainter) -> None:
        selected = self._bench.playback.range
        if selected is None:
            return
        inks = Inks.of(self.palette())
        x0, x1 = self._scale.edge(selected[0]), self._scale.edge(selected[1] + 1)
        painter.setClipRect(
            QRectF(LABEL_WIDTH, 0, self._scale.width + 10, self.viewport().height())
        )
        veil = inks.accent
        veil.setAlpha(36)
        painter.fillRect(QRectF(x0, RULER_HEIGHT, x1 - x0, self.viewport().height()), veil)
        veil.setAlpha(120)
        painter.fillRect(QRectF(x0, RULER_HEIGHT - 5, x1 - x0, 5), veil)
        veil.setAlpha(255)
        for x in (x0, x1):
            painter.fillRect(QRectF(x - 1, RULER_HEIGHT - 9, 2, self.viewport().height()), veil)
        painter.setClipping(False)

    def _draw_playhead(self, painter: QPainter) -> None:
        inks = Inks.of(self.palette())
        height = self.viewport().height()
        painter.setClipRect(QRectF(LABEL_WIDTH - 24, 0, self._scale.width + 48, height))
        if self._hover is not None and self._grip is None:
            painter.setPen(QPen(inks.line, 1))
            x = round(self._scale.x(self._hover)) + 0.5
            painter.drawLine(QPointF(x, RULER_HEIGHT), QPointF(x, height))
        index = self._bench.playback.index
        x = round(self._scale.x(index)) + 0.5
        if not LABEL_WIDTH <= x <= LABEL_WIDTH + self._scale.width + 1:
            painter.setClipping(False)
            return
        painter.setPen(QPen(inks.accent, 2))
        painter.drawLine(QPointF(x, RULER_HEIGHT - 2), QPointF(x, height))
        scene = self._bench.document.scene
        number = "" if scene is None else str(scene.capture.frames[index])
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        width = max(painter.fontMetrics().horizontalAdvance(number) + 12, 26)
        left = min(max(x - width / 2, LABEL_WIDTH - 22), self.viewport().width() - width - 1)
        badge = QRectF(left, 2, width, RULER_HEIGHT - 6)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(inks.accent)
        painter.drawRoundedRect(badge, 4, 4)
        painter.setPen(self.palette().highlightedText().color())
        painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, number)
        painter.setClipping(False)

    def _press_label(self, position: QPointF) -> None:
        lane = self._lane_at(position.y())
        if lane is None:
            return
        if lane.pid is not None:
            self._bench.selection.select(lane.pid, self._bench.selection.joint)
        elif lane.is_cameras:
            self.show_cameras(not self._shows_cameras)

    def _press_strips(self, event: QMouseEvent) -> None:
        position, playback = event.position(), self._bench.playback
        index = self._scale.index_at(position.x())
        handle = self._handle_at(position)
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._grip = _Select(self._bench, self, index)
        elif handle is not None and playback.range is not None:
            self._grip = _Select(self._bench, self, playback.range[1 - handle])
        else:
            playback.pause()
            playback.seek(index)
            self._grip = _Seek(self._bench, self)
        lane = self._lane_at(position.y())
        if lane is not None and lane.pid is not None and self._bench.selection.pid != lane.pid:
            self._bench.selection.select(lane.pid)

    def _handle_at(self, position: QPointF) -> int | None:
        """0 or 1 for the start or end of the range when the cursor is on it in the ruler."""
        selected = self._bench.playback.range
        if selected is None or position.y() > RULER_HEIGHT:
            return None
        for at, x in enumerate((self._scale.edge(selected[0]), self._scale.edge(selected[1] + 1))):
            if abs(position.x() - x) <= HANDLE_PX:
                return at
        return None

    def _lane_at(self, y: float) -> Lane | None:
        top = RULER_HEIGHT - self.verticalScrollBar().value()
        for lane in self._lanes:
            if y >= RULER_HEIGHT and top <= y < top + lane.height:
                return lane
            top += lane.height + lane.gap
        return None

    def _text_at(self, position: QPoint) -> str:
        scene, lane = self._bench.document.shown, self._lane_at(position.y())
        if scene is None or lane is None:
            return ""
        if position.x() < LABEL_WIDTH:
            return lane.hint
        index = self._scale.index_at(position.x())
        return f"Frame {scene.capture.frames[index]}: {lane.text_at(index)}"

    def _context_menu(self) -> QMenu | None:
        scene, selected = self._bench.document.scene, self._bench.playback.range
        if scene is None:
            return None
        menu = QMenu(self)
        if selected is None:
            menu.addAction("Select all frames", self._select_all)
            hint = menu.addAction("Shift+drag selects frames to work on")
            hint.setEnabled(False)
        else:
            first, last = (int(scene.capture.frames[at]) for at in selected)
            menu.addAction(f"Refine frames {first}–{last}", self.refine_requested.emit)
            menu.addAction("Zoom to the range", lambda: self._zoom_to(selected))
            pid = self._bench.selection.pid
            if pid is not None and pid in scene.pids:
                self._add_removal(menu, scene, pid, selected)
            menu.addSeparator()
            menu.addAction("Clear the range", lambda: self._bench.playback.select_range(None))
        menu.addSeparator()
        cameras = menu.addAction("One row per camera")
        cameras.setCheckable(True)
        cameras.setChecked(self._shows_cameras)
        cameras.toggled.connect(self.show_cameras)
        return menu

    def _add_removal(self, menu: QMenu, scene: Scene, pid: int, selected: tuple[int, int]) -> None:
        person = scene.person(pid)
        count = sum(selected[0] <= key <= selected[1] for key in person.edit().keys)
        text = f"Remove {count} correction{'' if count == 1 else 's'} of {person.name} in the range"
        action = menu.addAction(text)
        action.setEnabled(count > 0)
        action.triggered.connect(
            lambda: self._bench.document.edit(
                f"Remove corrections, {person.name}", edits.remove_keys(scene, pid, *selected)
            )
        )

    def _select_all(self) -> None:
        self._bench.playback.select_range((0, self._count() - 1))

    def _zoom_to(self, selected: tuple[int, int]) -> None:
        frames = selected[1] - selected[0] + 1
        per_frame = self._scale.width / (frames * 1.1)
        first = selected[0] - 0.05 * frames
        width, count = self._scale.width, self._scale.count
        scale = TimeScale(LABEL_WIDTH, width, first, per_frame, count)
        self._rescale(scale.zoomed(1.0, LABEL_WIDTH))


class _Grip:
    """Something held with the mouse."""

    def move(self, position: QPointF) -> None:
        """The mouse moved while the button is down."""


class _Seek(_Grip):
    def __init__(self, bench: Workbench, canvas: TimelineCanvas) -> None:
        self._bench, self._canvas = bench, canvas

    def move(self, position: QPointF) -> None:
        self._bench.playback.seek(self._canvas.scale.index_at(position.x()))


class _Select(_Grip):
    def __init__(self, bench: Workbench, canvas: TimelineCanvas, anchor: int) -> None:
        self._bench, self._canvas, self._anchor = bench, canvas, anchor

    def move(self, position: QPointF) -> None:
        index = self._canvas.scale.index_at(position.x())
        self._bench.playback.select_range((self._anchor, index))


class _Pan(_Grip):
    def __init__(self, canvas: TimelineCanvas, start: QPointF) -> None:
        self._canvas, self._last = canvas, start

    def move(self, position: QPointF) -> None:
        self._canvas._rescale(self._canvas.scale.panned(position.x() - self._last.x()))
        self._last = position
