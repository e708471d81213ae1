"""One camera's picture with everything drawn over it, and the mouse and keys that edit in it."""

from typing import cast

import numpy as np
from jaxtyping import Float
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from app.interactions import JointDrag
from app.selection import JointRef
from app.views.camera_ground import Layout
from app.views.camera_painter import TITLE_PX, CameraPainter, Drawn
from app.views.overlays import Placement
from app.workbench import Workbench
from avatarpose.body.skeleton import PARENTS, Joint
from avatarpose.geometry.camera import Camera

HIT_RADIUS_PX = 10.0
ACTIVE_BONUS_PX = 4.0  # the active person wins ties
CLICK_SLOP_PX = 3
ZOOM_PER_NOTCH = 1.2
SMALLEST_ZOOM, LARGEST_ZOOM = 0.25, 64.0
DEPTH_STEP_M = 0.01


class CameraView(QWidget):
    """A synchronised view. The wheel zooms at the cursor, the middle button pans, F and Home fit.

    Joints are dragged with the left button; the right button and Esc put them back. Enter picks the
    selected joint up for the arrow keys.
    """

    maximise_asked = Signal(str)
    hint_changed = Signal(str)

    def __init__(
        self, bench: Workbench, camera: Camera, drag: JointDrag, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._bench, self._camera, self._drag = bench, camera, drag
        self._scale, self._offset, self._is_fit = 1.0, QPointF(), True
        self._painter = CameraPainter(bench, camera, drag)
        self._press: QPoint | None = None
        self._pan_from: QPointF | None = None
        self._last_cursor = QPointF()
        self._cycle: tuple[QPoint, int] | None = None
        self._depth_key = False
        self.setObjectName(f"camera {camera.name}")
        self.setAccessibleName(f"Camera view {camera.name}")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(90, 80)
        bench.footage.arrived.connect(self._on_picture)

    # --- geometry -----------------------------------------------------------------------------

    @property
    def camera(self) -> Camera:
        """The camera whose picture this is."""
        return self._camera

    @property
    def scale(self) -> float:
        """Widget pixels per recorded pixel."""
        return self._scale

    def sizeHint(self) -> QSize:
        return QSize(320, round(320 * self._camera.height / self._camera.width) + TITLE_PX)

    def to_widget(self, pixels: np.ndarray) -> np.ndarray:
        """Widget positions of recorded pixels."""
        return self._place()(pixels)

    def _layout(self) -> Layout:
        return Layout(
            self.size(), self.devicePixelRatioF(), self._scale, QPointF(self._offset), self._is_fit
        )

    def _people(self) -> list[Drawn]:
        """Who is seen here now, and where."""
        return self._painter.people(self._layout(), self._room())

    def _place(self) -> Placement:
        return Placement(self._scale, self._offset.x(), self._offset.y())

    def to_pixel(self, position: QPointF | QPoint) -> Float[np.ndarray, "2"]:
        """The recorded pixel at a widget position."""
        return (
            np.array([position.x() - self._offset.x(), position.y() - self._offset.y()])
            / self._scale
            - 0.5
        )

    def joint_position(self, pid: int, joint: int) -> QPointF | None:
        """Where a person's joint lies in the widget; None when it is not before the camera."""
        scene = self._bench.document.shown
        if scene is None:
            return None
        body = self._bench.bodies.at(scene, pid, self._bench.playback.index)
        if body is None:
            return None
        at = self.to_widget(self._camera.project(body.joints_world[0, joint].astype(np.float64)))
        return QPointF(*at.tolist()) if np.isfinite(at).all() else None

    def fit(self) -> None:
        """Show the whole picture."""
        self._is_fit = True
        self._apply_fit()
        self.update()

    def frame_person(self) -> None:
        """Zoom to the active person; fit again when that is how it is already."""
        drawn = next((d for d in self._people() if d.pid == self._bench.selection.pid), None)
        if drawn is None or not self._is_fit:
            self.fit()
            return
        pixels = drawn.overlay.joints[np.isfinite(drawn.overlay.joints).all(-1)]
        if len(pixels) == 0:
            return
        low, high = pixels.min(0), pixels.max(0)
        room, span = self._room(), np.maximum(high - low, 40.0) * 1.35
        self._is_fit = False
        self._scale = float(min(room.width() / span[0], room.height() / span[1]))
        middle = room.center()
        centre = (low + high) / 2
        self._offset = QPointF(
            middle.x() - (centre[0] + 0.5) * self._scale,
            middle.y() - (centre[1] + 0.5) * self._scale,
        )
        self.update()

    def zoom_at(self, position: QPointF, factor: float) -> None:
        """Scale by a factor; the recorded pixel under `position` stays where it is."""
        fit = self._fit_scale()
        scale = float(np.clip(self._scale * factor, fit * SMALLEST_ZOOM, fit * LARGEST_ZOOM))
        share = scale / self._scale
        self._offset = position - (position - self._offset) * share
        self._scale = scale
        self._is_fit = False
        self.update()

    def _room(self) -> QRectF:
        return QRectF(0, TITLE_PX, self.width(), max(1, self.height() - TITLE_PX))

    def _fit_scale(self) -> float:
        room = self._room()
        return min(room.width() / self._camera.width, room.height() / self._camera.height)

    def _apply_fit(self) -> None:
        room = self._room()
        self._scale = self._fit_scale()
        self._offset = QPointF(
            round(room.center().x() - self._camera.width * self._scale / 2),
            round(room.center().y() - self._camera.height * self._scale / 2),
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._is_fit or not event.oldSize().isValid():
            self._apply_fit()
        else:
            old = event.oldSize()
            before = QPointF(old.width() / 2, (old.height() + TITLE_PX) / 2)
            self._offset += self._room().center() - before

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._painter.paint(
            painter, self._layout(), self._room(),
            has_focus=self.hasFocus(), is_hovered=self.underMouse(),
        )  # fmt: skip
        painter.end()

    # --- mouse --------------------------------------------------------------------------------

    def candidates_at(self, position: QPointF) -> list[JointRef]:
        """Joints within reach of the cursor, the best first."""
        selection = self._bench.selection
        found: list[tuple[float, JointRef]] = []
        at = np.array([position.x(), position.y()])
        for drawn in self._people():
            is_active = drawn.pid == selection.pid
            if drawn.pid in selection.locked or (selection.is_solo and not is_active):
                continue
            places = drawn.joints.copy()
            for joint, arrow in drawn.arrows.items():
                places[joint] = arrow
            away = np.linalg.norm(places - at, axis=-1)
            for joint in np.flatnonzero(away <= HIT_RADIUS_PX).tolist():
                distance = away[joint] - (ACTIVE_BONUS_PX if is_active else 0.0)
                found.append((float(distance), JointRef(drawn.pid, joint)))
        return [ref for _, ref in sorted(found, key=lambda entry: entry[0])]

    def _person_at(self, position: QPointF) -> int | None:
        """Whose body is nearest to the camera under the cursor."""
        nearest, found = np.inf, None
        pixel = self.to_pixel(position)
        for drawn in self._people():
            overlay = drawn.overlay
            column, row = np.rint((pixel + 0.5) * overlay.depth_scale - 0.5).astype(int)
            height, width = overlay.depth.shape
            if 0 <= row < height and 0 <= column < width and overlay.depth[row, column] < nearest:
                nearest, found = overlay.depth[row, column], drawn.pid
        return found

    def mousePressEvent(self, event: QMouseEvent) -> None:
        position = event.position()
        self._last_cursor = position
        self._bench.selection.set_camera(self._camera.name)
        if self._drag.is_active:
            if event.button() == Qt.MouseButton.RightButton:
                self._drag.cancel()
            elif self._drag.is_by_keyboard and event.button() == Qt.MouseButton.LeftButton:
                self._drag.finish()
            return
        if event.button() == Qt.MouseButton.MiddleButton:
            self._pan_from = position
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() == Qt.MouseButton.LeftButton:
            self._press_left(position)

    def _press_left(self, position: QPointF) -> None:
        here = position.toPoint()
        self._press = here
        found = self.candidates_at(position)
        if not found:
            self._cycle = None
            pid = self._person_at(position)
            if pid is not None:
                self._bench.selection.select(pid)
            return
        turn = 0
        if self._cycle is not None and (self._cycle[0] - here).manhattanLength() <= CLICK_SLOP_PX:
            turn = self._cycle[1] + 1
        ref = found[turn % len(found)]
        self._cycle = (here, turn)
        self._bench.selection.select(ref.pid, ref.joint)
        self._bench.selection.set_hover(ref)
        self._drag.begin(self._camera, ref.pid, ref.joint)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position()
        moved = position - self._last_cursor
        if self._pan_from is not None:
            self._offset += moved
            self._is_fit = False
            self._last_cursor = position
            self.update()
        elif self._drag.is_active and self._drag.camera == self._camera.name:
            self._drag_to(position, event.modifiers())
        elif not event.buttons():
            self._last_cursor = position
            found = self.candidates_at(position)
            self._bench.selection.set_hover(found[0] if found else None)
            self._tell_hint(found)

    def _drag_to(self, position: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if self._drag.is_by_keyboard:
            return
        if not self._drag.has_moved and self._press is not None:
            away = (position.toPoint() - self._press).manhattanLength()
            if away < CLICK_SLOP_PX:
                return
        self._cycle = None
        moved = position - self._last_cursor
        self._last_cursor = position
        share = 0.2 if modifiers & Qt.KeyboardModifier.ShiftModifier else 1.0
        if self._depth_key:
            metres = -moved.y() / self._scale * self._drag.metres_per_pixel() * share
            self._drag.push_depth(metres)
        else:
            self._drag.move_by((moved.x() / self._scale * share, moved.y() / self._scale * share))
        self.hint_changed.emit(self._drag_hint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.MiddleButton and self._pan_from is not None:
            self._pan_from = None
            self.unsetCursor()
        elif event.button() == Qt.MouseButton.LeftButton:
            mine = self._drag.camera == self._camera.name and not self._drag.is_by_keyboard
            if self._drag.is_active and mine:
                self._drag_to(event.position(), event.modifiers())
                self._drag.finish()
            self._press = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if self.candidates_at(event.position()) and event.position().y() > TITLE_PX:
            self.mousePressEvent(event)  # a quick second click on a joint cycles, as slow ones do
        else:
            self.maximise_asked.emit(self._camera.name)

    def wheelEvent(self, event: QWheelEvent) -> None:
        notches = event.angleDelta().y() / 120
        if self._drag.is_active:
            fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._drag.push_depth(notches * DEPTH_STEP_M * (0.2 if fine else 1.0))
        elif notches:
            self.zoom_at(event.position(), ZOOM_PER_NOTCH**notches)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        if not self._drag.is_active:
            self._bench.selection.set_hover(None)
            self.hint_changed.emit("")

    # --- keys ---------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        # Tab walks the joints here, and keys that steer a held joint must not reach the menus.
        if event.type() == QEvent.Type.ShortcutOverride and self._takes(cast(QKeyEvent, event)):
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress:
            key = cast(QKeyEvent, event).key()
            if key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
                self._walk(1 if key == Qt.Key.Key_Tab else -1)
                return True
        return super().event(event)

    def _takes(self, event: QKeyEvent) -> bool:
        key = event.key()
        plain = not event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if self._drag.is_active:
            steering = {
                Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down,
                Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Return, Qt.Key.Key_Enter,
                Qt.Key.Key_Escape, Qt.Key.Key_D,
            }  # fmt: skip
            return plain and key in steering
        return plain and key in (Qt.Key.Key_Home, Qt.Key.Key_F, Qt.Key.Key_Return, Qt.Key.Key_Enter)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, drag = event.key(), self._drag
        coarse = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        arrows = {
            Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1),
        }  # fmt: skip
        if drag.is_active and key == Qt.Key.Key_Escape:
            drag.cancel()
        elif drag.is_active and key == Qt.Key.Key_D:
            self._depth_key = True
        elif drag.is_active and key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            sign = 1 if key == Qt.Key.Key_PageUp else -1
            drag.push_depth(sign * DEPTH_STEP_M * (5 if coarse else 1))
        elif drag.is_by_keyboard and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            drag.finish()
        elif drag.is_by_keyboard and key in arrows:
            step = 10 if coarse else 1
            x, y = arrows[Qt.Key(key)]
            drag.move_by((x * step, y * step))
            self.hint_changed.emit(self._drag_hint())
        elif not drag.is_active and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._pick_up()
        elif not drag.is_active and key == Qt.Key.Key_Home:
            self.fit()
        elif not drag.is_active and key == Qt.Key.Key_F:
            self.frame_person()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_D and not event.isAutoRepeat():
            self._depth_key = False
        super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._bench.selection.set_camera(self._camera.name)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._depth_key = False
        if self._drag.is_by_keyboard:
            self._drag.cancel()
        self.update()

    def _pick_up(self) -> None:
        selection = self._bench.selection
        if selection.pid is None or selection.joint is None:
            self.hint_changed.emit("Choose a joint first: click one, or press Tab")
        elif self._drag.begin(self._camera, selection.pid, selection.joint, by_keyboard=True):
            self.hint_changed.emit(self._drag_hint())

    def _walk(self, by: int) -> None:
        """Select the next joint along the body's tree."""
        selection, scene = self._bench.selection, self._bench.document.scene
        if scene is None or not scene.people or self._drag.is_active:
            return
        pid = selection.pid if selection.pid is not None else scene.people[0].pid
        order = chain_order()
        if selection.joint is None:
            joint = order[0 if by > 0 else -1]
        else:
            joint = order[(order.index(selection.joint) + by) % len(order)]
        selection.select(pid, joint)

    # --- the rest -----------------------------------------------------------------------------

    def _on_picture(self, camera: str, index: int) -> None:
        if camera == self._camera.name and index == self._bench.playback.index:
            self.update()

    def _tell_hint(self, found: list[JointRef]) -> None:
        if not found:
            self.hint_changed.emit("Wheel zooms, middle button pans, double-click maximises")
            return
        text = f"Drag to move the {Joint(found[0].joint).label}"
        if len(found) > 1:
            text += f"; click again for the {Joint(found[1].joint).label}"
        self.hint_changed.emit(text)

    def _drag_hint(self) -> str:
        if self._drag.note:
            return self._drag.note
        if self._drag.is_by_keyboard:
            return "Arrows move (Shift: 10 px), Page Up/Down: depth, Enter keeps, Esc puts back"
        return "Wheel or D: depth along the ray, Shift: fine, Esc: put back"


def chain_order() -> list[int]:
    """The joints in the order Tab visits them: down each limb before the next one."""
    order: list[int] = []

    def visit(joint: int) -> None:
        order.append(joint)
        for child, parent in enumerate(PARENTS):
            if parent == joint:
                visit(child)

    visit(0)
    return order
