"""Mouse and keys of the 3D viewport: turn, pan, zoom, select, and the gizmo in hand."""

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

from app.selection import JointRef
from app.views.gizmo import Handle
from app.views.gizmo_tool import Tool
from app.views.picking import frustum_depth, hit_frustum, nearest_body, nearest_joint
from app.workbench import Workbench
from avatarpose.body.skeleton import Joint
from avatarpose.scene.scene import Scene

if TYPE_CHECKING:
    from app.views.viewport import Viewport

CLICK_SLOP_PX = 4.0
ZOOM_PER_NOTCH = 0.88
SIDES = {  # numpad: azimuth, elevation (rad)
    Qt.Key.Key_1: (-np.pi / 2, 0.0),
    Qt.Key.Key_3: (0.0, 0.0),
    Qt.Key.Key_7: (-np.pi / 2, np.pi / 2),
}
Key, Modifier, Button = Qt.Key, Qt.KeyboardModifier, Qt.MouseButton


class ViewportHands(QObject):
    """Event filter of the viewport's canvas."""

    def __init__(self, viewport: "Viewport", bench: Workbench) -> None:
        super().__init__(viewport)
        self._viewport, self._bench = viewport, bench
        self._gizmo = viewport.gizmo
        self._pressed: tuple[Qt.MouseButton, QPointF] | None = None
        self._last = QPointF()
        self._is_dragging = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """All input goes past vispy, which would thin out the movements."""
        kind = event.type()
        if isinstance(event, QMouseEvent):
            handlers = {
                QEvent.Type.MouseButtonPress: self._press,
                QEvent.Type.MouseMove: self._move,
                QEvent.Type.MouseButtonRelease: self._release,
                QEvent.Type.MouseButtonDblClick: self._double_click,
            }
            if kind in handlers:
                handlers[kind](event)
                event.accept()
                return True
        if isinstance(event, QWheelEvent) and kind == QEvent.Type.Wheel:
            self._wheel(event)
            event.accept()
            return True
        if isinstance(event, QKeyEvent):
            if kind == QEvent.Type.ShortcutOverride and self._wants(event):
                event.accept()
                return True
            if kind == QEvent.Type.KeyPress and self._wants(event):
                self._key(event)
                event.accept()
                return True
        if kind == QEvent.Type.Leave:
            self._hover_nothing()
        return False

    def _press(self, event: QMouseEvent) -> None:
        self._last = event.position()
        if self._gizmo.is_held:
            if self._gizmo.is_typing and event.button() == Button.LeftButton:
                self._gizmo.finish()
            elif event.button() == Button.RightButton:
                self._gizmo.cancel()
                self._pressed = None
            return
        self._pressed, self._is_dragging = (event.button(), event.position()), False
        is_plain = event.button() == Button.LeftButton and not (
            event.modifiers() & Modifier.ShiftModifier
        )
        if is_plain:
            handle = self._gizmo.hit(self._viewport.viewpoint, _xy(event.position()))
            if handle is not None and handle is not Handle.BALL:
                self._gizmo.grab(self._viewport.viewpoint, handle, _xy(event.position()))

    def _move(self, event: QMouseEvent) -> None:
        here, modifiers = event.position(), event.modifiers()
        if self._gizmo.is_held and not self._gizmo.is_typing:
            self._gizmo.drag_to(
                _xy(here),
                snap=bool(modifiers & Modifier.ControlModifier),
                fine=bool(modifiers & Modifier.ShiftModifier),
            )
            self._viewport.hint_changed.emit("Ctrl: steps of 5° · Shift: fine · Esc: as it was")
            return
        if self._pressed is None:
            self._hover(here)
            return
        button, start = self._pressed
        if not self._is_dragging and _length(here - start) < CLICK_SLOP_PX:
            return
        if not self._is_dragging:
            self._is_dragging = True
            if self._grabs_ball(button, modifiers, start):
                return
        delta = _xy(here - self._last)
        self._last = here
        pans = button == Button.MiddleButton or bool(modifiers & Modifier.ShiftModifier)
        if pans or button == Button.LeftButton:
            self._viewport.steer(delta, pans=pans)

    def _grabs_ball(
        self, button: Qt.MouseButton, modifiers: Qt.KeyboardModifier, start: QPointF
    ) -> bool:
        is_plain = button == Button.LeftButton and not modifiers & Modifier.ShiftModifier
        view = self._viewport.viewpoint
        if is_plain and self._gizmo.hit(view, _xy(start)) is Handle.BALL:
            return self._gizmo.grab(view, Handle.BALL, _xy(start))
        return False

    def _release(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        if self._gizmo.is_held and not self._gizmo.is_typing:
            if event.button() == Button.LeftButton:
                self._gizmo.finish()
                self._viewport.hint_changed.emit("")
            return
        if pressed is not None and not self._is_dragging and pressed[0] == Button.LeftButton:
            self._click(event.position())
        self._is_dragging = False

    def _click(self, position: QPointF) -> None:
        """Select the joint, else the camera, else the person under the cursor."""
        scene, selection = self._bench.document.shown, self._bench.selection
        if scene is None:
            return
        joint = self._joint_at(position)
        if joint is not None:
            selection.select(joint.pid, joint.joint)
            return
        camera = self._camera_at(position)
        if camera is not None:
            selection.set_camera(camera)
            return
        pid = self._body_at(scene, position)
        if pid is None or (selection.is_solo and pid != selection.pid):
            return
        if pid != selection.pid:
            selection.select(pid)
        else:  # the second click: the part of the body
            view = self._viewport.viewpoint
            joints = self._viewport.joints()[pid]
            away = np.linalg.norm(view.project(joints) - _xy(position), axis=-1)
            selection.select(pid, int(np.nanargmin(away)))

    def _double_click(self, event: QMouseEvent) -> None:
        if event.button() != Button.LeftButton:
            return
        camera = self._camera_at(event.position())
        if camera is not None and self._joint_at(event.position()) is None:
            self._viewport.look_through(camera)
        elif self._viewport.camera is not None:
            self._viewport.leave_camera()

    def _wheel(self, event: QWheelEvent) -> None:
        factor = ZOOM_PER_NOTCH ** (event.angleDelta().y() / 120)
        self._viewport.zoom(factor, _xy(event.position()))

    def _wants(self, event: QKeyEvent) -> bool:
        """Whether a key means something here and now."""
        key, modifiers = event.key(), event.modifiers()
        on_pad = bool(modifiers & Modifier.KeypadModifier)
        if modifiers & (Modifier.AltModifier | Modifier.MetaModifier):
            return False
        if self._gizmo.is_typing:
            typed = event.text().isdigit() or event.text() in (".", "-")
            ends = (Key.Key_Return, Key.Key_Enter, Key.Key_Escape, Key.Key_Backspace)
            return typed or key in ends or key in (Key.Key_X, Key.Key_Y, Key.Key_Z)
        if key == Key.Key_Escape:
            return (
                self._gizmo.is_held
                or self._gizmo.tool is not Tool.NONE
                or bool(self._viewport.camera)
            )
        if on_pad and key in SIDES:
            return True
        if modifiers & ~Modifier.KeypadModifier:
            return False
        if key in (Key.Key_X, Key.Key_Y, Key.Key_Z):
            return self._gizmo.tool is not Tool.NONE
        return key in (Key.Key_F, Key.Key_R, Key.Key_G, Key.Key_Home)

    def _key(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in (Key.Key_X, Key.Key_Y, Key.Key_Z):
            self._gizmo.type_axis(self._viewport.viewpoint, chr(int(key)))
        elif self._gizmo.is_typing and key in (Key.Key_Return, Key.Key_Enter):
            self._gizmo.finish()
        elif key == Key.Key_Escape:
            self._escape()
        elif self._gizmo.is_typing:
            self._gizmo.type_text("\b" if key == Key.Key_Backspace else event.text())
        elif key in SIDES and event.modifiers() & Modifier.KeypadModifier:
            azimuth, elevation = SIDES[key]
            is_opposite = bool(event.modifiers() & Modifier.ControlModifier)
            turn, sign = (np.pi, -1) if is_opposite else (0.0, 1)
            self._viewport.look_from(
                azimuth + (turn if key != Key.Key_7 else 0.0), sign * elevation
            )
        elif key == Key.Key_F:
            self._viewport.frame_selection()
        elif key == Key.Key_Home:
            self._viewport.frame_all()
        elif key == Key.Key_R:
            self._viewport.toggle_tool(Tool.ROTATE)
        elif key == Key.Key_G:
            self._viewport.toggle_tool(Tool.MOVE)

    def _escape(self) -> None:
        """Drop what is in hand, else hide the gizmo, else leave the camera."""
        if self._gizmo.is_held:
            self._pressed = None
            self._gizmo.cancel()
        elif self._gizmo.tool is not Tool.NONE:
            self._gizmo.show(Tool.NONE)
        else:
            self._viewport.leave_camera()

    def _hover(self, position: QPointF) -> None:
        handle = self._gizmo.hit(self._viewport.viewpoint, _xy(position))
        self._gizmo.set_hover(None if handle is Handle.BALL else handle)
        joint = None if self._gizmo.hover is not None else self._joint_at(position)
        self._bench.selection.set_hover(joint)
        is_free = joint is None and self._gizmo.hover is None
        self._viewport.set_hovered_camera(self._camera_at(position) if is_free else None)
        if joint is not None and (scene := self._bench.document.shown) is not None:
            name = scene.person(joint.pid).name
            self._viewport.hint_changed.emit(f"{Joint(joint.joint).label}, {name}")
        elif self._viewport.hovered_camera is not None:
            text = f"Camera {self._viewport.hovered_camera} · double-click looks through it"
            self._viewport.hint_changed.emit(text)

    def _hover_nothing(self) -> None:
        self._gizmo.set_hover(None)
        self._bench.selection.set_hover(None)
        self._viewport.set_hovered_camera(None)

    def _joint_at(self, position: QPointF) -> JointRef | None:
        if not self._viewport.bar.has_skeleton:
            return None
        selection, joints = self._bench.selection, self._viewport.joints()
        if selection.is_solo and selection.pid in joints:
            joints = {selection.pid: joints[selection.pid]}
        return nearest_joint(self._viewport.viewpoint, _xy(position), joints, selection.pid)

    def _camera_at(self, position: QPointF) -> str | None:
        scene = self._bench.document.shown
        if scene is None or not self._viewport.bar.has_cameras:
            return None
        others = [c for c in scene.capture.rig if c.name != self._viewport.camera]
        depth_m = frustum_depth(scene.capture.rig)
        return hit_frustum(self._viewport.viewpoint, _xy(position), others, depth_m)

    def _body_at(self, scene: Scene, position: QPointF) -> int | None:
        if not self._viewport.bar.has_mesh:
            return None
        return nearest_body(
            self._viewport.viewpoint, _xy(position), self._viewport.vertices(), scene.body.faces
        )


def _xy(point: QPointF) -> np.ndarray:
    return np.array([point.x(), point.y()])


def _length(point: QPointF) -> float:
    return float(np.hypot(point.x(), point.y()))
