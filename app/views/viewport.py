"""The 3D viewport: bodies, skeletons, cameras and floor in space; select, turn, look through."""

import functools

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QKeyEvent,
    QMouseEvent,
    QOffscreenSurface,
    QOpenGLContext,
    QPalette,
    QWheelEvent,
)
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QLabel, QStackedWidget, QVBoxLayout, QWidget
from vispy import app as vispy_app

from app.selection import JointRef
from app.views import look
from app.views.gizmo import Handle
from app.views.gizmo_lines import GizmoLook
from app.views.gizmo_tool import GizmoTool, Tool
from app.views.orbit_camera import LookThrough, OrbitCamera, Viewpoint
from app.views.picking import frustum_depth, hit_frustum, nearest_body, nearest_joint
from app.views.viewport_bar import ViewportBar
from app.views.viewport_painter import Backdrop, Picture, ShownBody, ViewportPainter
from app.views.viewport_photo import PhotoMaker
from app.workbench import Workbench
from avatarpose.body.skeleton import PARENTS, Joint
from avatarpose.body.smpl import PosedBody
from avatarpose.geometry.camera import Camera
from avatarpose.scene.scene import Scene

CLICK_SLOP_PX = 4.0
ZOOM_PER_NOTCH = 0.88
GL_RENDERER = 0x1F01
EMPTY_TEXT = "Nothing is open.\nBodies, cameras and floor appear here once a capture is."
SIDES = {  # numpad: azimuth, elevation (rad)
    Qt.Key.Key_1: (-np.pi / 2, 0.0),
    Qt.Key.Key_3: (0.0, 0.0),
    Qt.Key.Key_7: (-np.pi / 2, np.pi / 2),
}
Key, Modifier, Button = Qt.Key, Qt.KeyboardModifier, Qt.MouseButton


class Viewport(QWidget):
    """Looks at the shown scene from anywhere, or through one of its cameras.

    Left drag turns, middle drag (or Shift and left) pans, the wheel zooms at the cursor. A click
    selects a joint or a person, a double click on a camera looks through it. R shows rotation
    rings on the selected joint, G arrows that move the person.
    """

    hint_changed = Signal(str)
    look_changed = Signal()

    def __init__(self, bench: Workbench, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewport")
        self._bench = bench
        self._orbit = OrbitCamera()
        self._through: LookThrough | None = None
        self._painter = ViewportPainter()
        self._photos = PhotoMaker()
        self.gizmo = GizmoTool(bench, self)
        self._hovered_camera: str | None = None
        self._pressed: tuple[Qt.MouseButton, QPointF] | None = None
        self._last = QPointF()
        self._is_dragging = False

        self.bar = ViewportBar(self)
        self._canvas = vispy_app.Canvas(
            app=vispy_app.use_app("pyside6"),
            parent=self,
            keys=None,
            config={"depth_size": 24, "samples": 0 if draws_in_software() else 4},
            autoswap=False,
            show=False,
        )
        self.canvas: QWidget = self._canvas.native
        self.canvas.setObjectName("viewport canvas")
        self.canvas.setAccessibleName("3D viewport")
        self.canvas.setAttribute(Qt.WidgetAttribute.WA_NativeWindow)
        self.canvas.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.canvas.setMinimumSize(120, 90)
        self.canvas.installEventFilter(self)
        self._canvas.connect(self.on_draw)
        self._empty = QLabel(EMPTY_TEXT, alignment=Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._empty.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.canvas)
        self._pages.addWidget(self._empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.bar)
        layout.addWidget(self._pages, 1)
        self._connect()
        self._opened()

    def _connect(self) -> None:
        document, selection = self._bench.document, self._bench.selection
        document.scene_opened.connect(self._opened)
        for signal in (
            document.scene_changed,
            document.preview_changed,
            selection.changed,
            selection.hover_changed,
            selection.camera_changed,
            self._bench.playback.frame_changed,
            self._bench.bodies.live_changed,
            self._bench.settings.changed,
            self.gizmo.changed,
            self.bar.changed,
        ):
            signal.connect(self.repaint_later)
        self._bench.footage.arrived.connect(self._picture_arrived)
        self.gizmo.changed.connect(self._show_tool)
        self.bar.tool_asked.connect(self._toggle_tool)
        self.bar.axes_asked.connect(self.gizmo.set_axes)
        self.bar.leave_asked.connect(self.leave_camera)

    # What may be asked from outside

    @property
    def camera(self) -> str | None:
        """Name of the camera that is looked through."""
        return None if self._through is None else self._through.camera.name

    @property
    def viewpoint(self) -> Viewpoint:
        """What everything is seen through now."""
        width, height = self.canvas.width(), self.canvas.height()
        seen = self._orbit if self._through is None else self._through
        return seen.viewpoint(width, height)

    def repaint_later(self, *_: object) -> None:
        """Draw again with the next turn of the event loop (once, however often it is asked)."""
        self.canvas.update()

    def frame_selection(self) -> None:
        """Bring the selected joint, else the active person, into the middle."""
        joint, pid = self._bench.selection.joint, self._bench.selection.pid
        joints = self._joints()
        if pid in joints and joint is not None:
            near = [joint, *(i for i, parent in enumerate(PARENTS) if parent == joint)]
            near += [PARENTS[joint]] if PARENTS[joint] >= 0 else []
            around = joints[pid][near] - joints[pid][joint]
            self._frame(joints[pid][joint] + np.concatenate([around, -around]))
        elif pid in joints:
            self._frame(self._vertices()[pid])
        else:
            self.frame_people()

    def frame_people(self) -> None:
        """Bring everybody into view; the cameras when there is nobody."""
        vertices = list(self._vertices().values())
        self._frame(np.concatenate(vertices)) if vertices else self.frame_all()

    def frame_all(self) -> None:
        """Bring people and cameras into view."""
        scene = self._bench.document.shown
        if scene is not None:
            points = [vertices[::50] for vertices in self._vertices().values()]
            points += [camera.centre_world[None] for camera in scene.capture.rig]
            self._frame(np.concatenate([*points, np.zeros((1, 3))]))

    def look_from(self, azimuth_rad: float, elevation_rad: float) -> None:
        """See the scene from a side."""
        self.leave_camera()
        self._orbit = self._orbit.facing(azimuth_rad, elevation_rad)
        self.repaint_later()

    def look_through(self, name: str) -> None:
        """See the scene as a camera does, with its photo behind."""
        scene = self._bench.document.shown
        if scene is None or name not in scene.capture.rig:
            return
        self._through = LookThrough(scene.capture.rig[name])
        self._bench.selection.set_camera(name)
        self.bar.show_camera(name)
        self._set_hovered_camera(None)
        self.hint_changed.emit(f"Looking through camera {name} · Esc leaves it")
        self.look_changed.emit()
        self.repaint_later()

    def leave_camera(self) -> None:
        """Back to the free view."""
        if self._through is not None:
            self._through = None
            self.bar.show_camera(None)
            self.hint_changed.emit("")
            self.look_changed.emit()
            self.repaint_later()

    def show_tool(self, tool: Tool) -> None:
        """Show the rotation rings, the move arrows, or neither."""
        self.gizmo.show(tool)

    def screenshot(self) -> np.ndarray:
        """What the canvas shows, drawn anew; RGB of device pixels."""
        assert isinstance(self.canvas, QOpenGLWidget)
        image = self.canvas.grabFramebuffer().convertToFormat(QImage.Format.Format_RGB888)
        packed = np.frombuffer(image.constBits(), np.uint8)
        rows = packed.reshape(image.height(), image.bytesPerLine())
        return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()

    # Drawing

    def on_draw(self, _event: object) -> None:
        """Called by vispy when the canvas is to be painted."""
        scene = self._bench.document.shown
        if scene is None:
            return
        self._painter.set_model(scene.body)
        view, ratio = self.viewpoint, self.canvas.devicePixelRatioF()
        self._painter.draw(view, ratio, self._picture(scene, view), self._look())

    def _picture(self, scene: Scene, view: Viewpoint) -> Picture:
        selection, bar = self._bench.selection, self.bar
        hover, is_held = selection.hover, self.gizmo.is_held
        chosen = None
        if selection.pid is not None and selection.joint is not None:
            chosen = (selection.pid, selection.joint)
        rig = [camera for camera in scene.capture.rig if camera.name != self.camera]
        return Picture(
            bodies=self._shown_bodies(scene),
            cameras=tuple(rig) if bar.has_cameras else (),
            active_camera=selection.camera,
            hovered_camera=self._hovered_camera,
            selected=chosen,
            hovered=None if hover is None or is_held else (hover.pid, hover.joint),
            frustum_m=frustum_depth(scene.capture.rig),
            has_floor=bar.has_floor,
            backdrops=self._backdrops(view),
            gizmo=self._gizmo_look(view),
        )

    def _shown_bodies(self, scene: Scene) -> tuple[ShownBody, ...]:
        index, selection = self._bench.playback.index, self._bench.selection
        found = []
        for person in scene.people:
            body = self._bench.bodies.at(scene, person.pid, index)
            live = self._bench.bodies.live_at(scene, person.pid, index)
            surface = live if live is not None else body
            if surface is None:
                continue
            r, g, b = person.colour
            skeleton = body if body is not None else surface
            found.append(
                ShownBody(
                    pid=person.pid,
                    colour=(r / 255, g / 255, b / 255),
                    vertices=surface.vertices_world[0] if self.bar.has_mesh else None,
                    joints=skeleton.joints_world[0] if self.bar.has_skeleton else None,
                    opacity=self.bar.mesh_opacity,
                    is_active=person.pid == selection.pid,
                    is_dimmed=selection.is_solo and person.pid != selection.pid,
                    is_live=live is not None,
                )
            )
        return tuple(found)

    def _backdrops(self, view: Viewpoint) -> tuple[Backdrop, ...]:
        through, index = self._through, self._bench.playback.index
        if through is None:
            return ()
        camera, found = through.camera, []
        rectangle = through.picture_rectangle(view.width, view.height)
        ratio = self.canvas.devicePixelRatioF()
        reduction = 1 if rectangle[2] * ratio > 0.6 * camera.width else 2
        photo = self._bench.footage.picture(camera.name, index, reduction)
        if photo is not None:
            pixels = self._photos.undistorted(camera, photo)
            found.append(Backdrop(pixels, rectangle, self.bar.photo_opacity))
        rendered = self._bench.bodies.preview(camera.name, index)
        values = self._bench.settings.values
        if rendered is not None and values.show_avatar:
            found.append(Backdrop(rendered.rgba, rectangle, values.avatar_opacity))
        return tuple(found)

    def _gizmo_look(self, view: Viewpoint) -> GizmoLook | None:
        place = self.gizmo.held_place if self.gizmo.is_held else self.gizmo.place(view)
        if place is None or not np.isfinite(view.project(place.centre_world)).all():
            return None
        is_rotation = self.gizmo.tool is Tool.ROTATE
        if self.gizmo.is_held and not is_rotation:
            place = self.gizmo.place(view) or place
        return GizmoLook(
            place,
            is_rotation,
            self.gizmo.handle,
            self.gizmo.angle_rad,
            self.gizmo.readout,
            self.gizmo.is_held,
        )

    def _look(self) -> look.Look:
        window = self.palette().color(QPalette.ColorRole.Window)
        return look.DARK if window.lightness() < 128 else look.LIGHT

    # Mouse and keys of the canvas

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """All input goes past vispy, which would thin out the movements."""
        if watched is not self.canvas:
            return False
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
        if self.gizmo.is_held:
            if self.gizmo.is_typing and event.button() == Button.LeftButton:
                self.gizmo.finish()
            elif event.button() == Button.RightButton:
                self.gizmo.cancel()
                self._pressed = None
            return
        self._pressed, self._is_dragging = (event.button(), event.position()), False
        is_plain = event.button() == Button.LeftButton and not (
            event.modifiers() & Modifier.ShiftModifier
        )
        if is_plain:
            handle = self.gizmo.hit(self.viewpoint, _xy(event.position()))
            if handle is not None and handle is not Handle.BALL:
                self.gizmo.grab(self.viewpoint, handle, _xy(event.position()))

    def _move(self, event: QMouseEvent) -> None:
        here, modifiers = event.position(), event.modifiers()
        if self.gizmo.is_held and not self.gizmo.is_typing:
            self.gizmo.drag_to(
                _xy(here),
                snap=bool(modifiers & Modifier.ControlModifier),
                fine=bool(modifiers & Modifier.ShiftModifier),
            )
            self.hint_changed.emit("Ctrl: steps of 5° · Shift: fine · Esc: as it was")
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
        self._steer(button, modifiers, delta)

    def _grabs_ball(
        self, button: Qt.MouseButton, modifiers: Qt.KeyboardModifier, start: QPointF
    ) -> bool:
        is_plain = button == Button.LeftButton and not modifiers & Modifier.ShiftModifier
        view = self.viewpoint
        if is_plain and self.gizmo.hit(view, _xy(start)) is Handle.BALL:
            return self.gizmo.grab(view, Handle.BALL, _xy(start))
        return False

    def _steer(
        self, button: Qt.MouseButton, modifiers: Qt.KeyboardModifier, delta: np.ndarray
    ) -> None:
        is_pan = button == Button.MiddleButton or bool(modifiers & Modifier.ShiftModifier)
        if self._through is not None:
            self._through = self._through.panned(delta)
        elif is_pan:
            self._orbit = self._orbit.panned(delta, self.canvas.height())
        elif button == Button.LeftButton:
            self._orbit = self._orbit.orbited(delta)
        self.repaint_later()

    def _release(self, event: QMouseEvent) -> None:
        pressed, self._pressed = self._pressed, None
        if self.gizmo.is_held and not self.gizmo.is_typing:
            if event.button() == Button.LeftButton:
                self.gizmo.finish()
                self.hint_changed.emit("")
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
            view = self.viewpoint
            joints = self._joints()[pid]
            away = np.linalg.norm(view.project(joints) - _xy(position), axis=-1)
            selection.select(pid, int(np.nanargmin(away)))

    def _double_click(self, event: QMouseEvent) -> None:
        if event.button() != Button.LeftButton:
            return
        camera = self._camera_at(event.position())
        if camera is not None and self._joint_at(event.position()) is None:
            self.look_through(camera)
        elif self._through is not None:
            self.leave_camera()

    def _wheel(self, event: QWheelEvent) -> None:
        factor = ZOOM_PER_NOTCH ** (event.angleDelta().y() / 120)
        width, height = self.canvas.width(), self.canvas.height()
        at = _xy(event.position())
        if self._through is not None:
            self._through = self._through.zoomed(factor, at, width, height)
        else:
            self._orbit = self._orbit.zoomed(factor, at, width, height)
        self.repaint_later()

    def _wants(self, event: QKeyEvent) -> bool:
        """Whether a key means something here and now."""
        key, modifiers = event.key(), event.modifiers()
        on_pad = bool(modifiers & Modifier.KeypadModifier)
        if modifiers & (Modifier.AltModifier | Modifier.MetaModifier):
            return False
        if self.gizmo.is_typing:
            typed = event.text().isdigit() or event.text() in (".", "-")
            ends = (Key.Key_Return, Key.Key_Enter, Key.Key_Escape, Key.Key_Backspace)
            return typed or key in ends or key in (Key.Key_X, Key.Key_Y, Key.Key_Z)
        if key == Key.Key_Escape:
            return self.gizmo.is_held or self.gizmo.tool is not Tool.NONE or bool(self.camera)
        if on_pad and key in SIDES:
            return True
        if modifiers & ~Modifier.KeypadModifier:
            return False
        if key in (Key.Key_X, Key.Key_Y, Key.Key_Z):
            return self.gizmo.tool is not Tool.NONE
        return key in (Key.Key_F, Key.Key_R, Key.Key_G, Key.Key_Home)

    def _key(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in (Key.Key_X, Key.Key_Y, Key.Key_Z):
            self.gizmo.type_axis(self.viewpoint, chr(int(key)))
        elif self.gizmo.is_typing and key in (Key.Key_Return, Key.Key_Enter):
            self.gizmo.finish()
        elif key == Key.Key_Escape:
            self._escape()
        elif self.gizmo.is_typing:
            self.gizmo.type_text("\b" if key == Key.Key_Backspace else event.text())
        elif key in SIDES and event.modifiers() & Modifier.KeypadModifier:
            azimuth, elevation = SIDES[key]
            is_opposite = bool(event.modifiers() & Modifier.ControlModifier)
            turn, sign = (np.pi, -1) if is_opposite else (0.0, 1)
            self.look_from(azimuth + (turn if key != Key.Key_7 else 0.0), sign * elevation)
        elif key == Key.Key_F:
            self.frame_selection()
        elif key == Key.Key_Home:
            self.frame_all()
        elif key == Key.Key_R:
            self._toggle_tool(Tool.ROTATE)
        elif key == Key.Key_G:
            self._toggle_tool(Tool.MOVE)

    def _escape(self) -> None:
        """Drop what is in hand, else hide the gizmo, else leave the camera."""
        if self.gizmo.is_held:
            self._pressed = None
            self.gizmo.cancel()
        elif self.gizmo.tool is not Tool.NONE:
            self.gizmo.show(Tool.NONE)
        else:
            self.leave_camera()

    def _hover(self, position: QPointF) -> None:
        handle = self.gizmo.hit(self.viewpoint, _xy(position))
        self.gizmo.set_hover(None if handle is Handle.BALL else handle)
        joint = None if self.gizmo.hover is not None else self._joint_at(position)
        self._bench.selection.set_hover(joint)
        is_free = joint is None and self.gizmo.hover is None
        self._set_hovered_camera(self._camera_at(position) if is_free else None)
        if joint is not None and (scene := self._bench.document.shown) is not None:
            name = scene.person(joint.pid).name
            self.hint_changed.emit(f"{Joint(joint.joint).label}, {name}")
        elif self._hovered_camera is not None:
            text = f"Camera {self._hovered_camera} · double-click looks through it"
            self.hint_changed.emit(text)

    def _hover_nothing(self) -> None:
        self.gizmo.set_hover(None)
        self._bench.selection.set_hover(None)
        self._set_hovered_camera(None)

    # Answers about the scene

    def _bodies(self) -> dict[int, PosedBody]:
        scene, index = self._bench.document.shown, self._bench.playback.index
        if scene is None:
            return {}
        bodies = {pid: self._bench.bodies.at(scene, pid, index) for pid in scene.pids}
        return {pid: body for pid, body in bodies.items() if body is not None}

    def _joints(self) -> dict[int, np.ndarray]:
        return {pid: body.joints_world[0] for pid, body in self._bodies().items()}

    def _vertices(self) -> dict[int, np.ndarray]:
        return {pid: body.vertices_world[0] for pid, body in self._bodies().items()}

    def _joint_at(self, position: QPointF) -> JointRef | None:
        if not self.bar.has_skeleton:
            return None
        selection, joints = self._bench.selection, self._joints()
        if selection.is_solo and selection.pid in joints:
            joints = {selection.pid: joints[selection.pid]}
        return nearest_joint(self.viewpoint, _xy(position), joints, selection.pid)

    def _camera_at(self, position: QPointF) -> str | None:
        scene = self._bench.document.shown
        if scene is None or not self.bar.has_cameras:
            return None
        rig: list[Camera] = [c for c in scene.capture.rig if c.name != self.camera]
        return hit_frustum(self.viewpoint, _xy(position), rig, frustum_depth(scene.capture.rig))

    def _body_at(self, scene: Scene, position: QPointF) -> int | None:
        if not self.bar.has_mesh:
            return None
        return nearest_body(self.viewpoint, _xy(position), self._vertices(), scene.body.faces)

    def _frame(self, points_world: np.ndarray) -> None:
        self.leave_camera()
        self._orbit = self._orbit.framing(
            np.asarray(points_world, np.float64), self.canvas.width(), self.canvas.height()
        )
        self.repaint_later()

    # Small answers to signals

    def _opened(self) -> None:
        scene = self._bench.document.shown
        self._through = None
        self.bar.show_camera(None)
        self._pages.setCurrentWidget(self._empty if scene is None else self.canvas)
        self.bar.setEnabled(scene is not None)
        if scene is not None:
            self.frame_people()

    def _picture_arrived(self, camera: str, index: int) -> None:
        if camera == self.camera and index == self._bench.playback.index:
            self.repaint_later()

    def _toggle_tool(self, tool: Tool) -> None:
        self.gizmo.show(Tool.NONE if tool is self.gizmo.tool else tool)
        if self.gizmo.tool is Tool.ROTATE and self._bench.selection.joint is None:
            self.hint_changed.emit("Click a joint: the rings appear on it")

    def _show_tool(self) -> None:
        self.bar.show_tool(self.gizmo.tool, self.gizmo.axes)

    def _set_hovered_camera(self, name: str | None) -> None:
        if name != self._hovered_camera:
            self._hovered_camera = name
            self.repaint_later()


@functools.cache
def draws_in_software() -> bool:
    """Whether OpenGL runs on the processor, where smooth edges would cost most of the time."""
    surface = QOffscreenSurface()
    surface.create()
    context = QOpenGLContext()
    if not context.create() or not context.makeCurrent(surface):
        return True
    name = str(context.functions().glGetString(GL_RENDERER)).lower()
    context.doneCurrent()
    return any(word in name for word in ("llvmpipe", "softpipe", "swiftshader", "swrast", "gdi"))


def _xy(point: QPointF) -> np.ndarray:
    return np.array([point.x(), point.y()])


def _length(point: QPointF) -> float:
    return float(np.hypot(point.x(), point.y()))
