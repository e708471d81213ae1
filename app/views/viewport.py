"""The 3D viewport: bodies, skeletons, cameras and floor in space; select, turn, look through."""

import functools

import numpy as np
from PySide6.QtCore import QElapsedTimer, Qt, QTimer, Signal
from PySide6.QtGui import (
    QImage,
    QOffscreenSurface,
    QOpenGLContext,
    QPalette,
    QResizeEvent,
)
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QLabel, QStackedWidget, QVBoxLayout, QWidget
from vispy import app as vispy_app

from app.views import look
from app.views.gizmo_lines import GizmoLook
from app.views.gizmo_tool import GizmoTool, Tool
from app.views.orbit_camera import LookThrough, OrbitCamera, Viewpoint
from app.views.picking import frustum_depth
from app.views.viewport_bar import ViewportBar
from app.views.viewport_hands import ViewportHands
from app.views.viewport_painter import Backdrop, Picture, ShownBody, ViewportPainter
from app.views.viewport_photo import PhotoMaker
from app.workbench import Workbench
from avatarpose.body.skeleton import PARENTS
from avatarpose.body.smpl import PosedBody
from avatarpose.scene.scene import Scene

GL_RENDERER = 0x1F01
BESIDE_MS = 100  # between paintings while something is dragged in another view
EMPTY_TEXT = "Nothing is open.\nBodies, cameras and floor appear here once a capture is."


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
        self._since_paint = QElapsedTimer()
        self._later = QTimer(self, singleShot=True)
        self._later.timeout.connect(self.repaint_later)
        self.setObjectName("viewport")
        self._bench = bench
        self._orbit = OrbitCamera()
        self._through: LookThrough | None = None
        self._painter = ViewportPainter()
        self._photos = PhotoMaker()
        self.gizmo = GizmoTool(bench, self)
        self._hovered_camera: str | None = None
        self._frames_itself = True  # until somebody turns or moves the view
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
        self._hands = ViewportHands(self, bench)
        self.canvas.installEventFilter(self._hands)
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
        self.bar.tool_asked.connect(self.toggle_tool)
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

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep everybody in view as long as nobody has chosen another view."""
        super().resizeEvent(event)
        if self._frames_itself and self._through is None and self._bench.document.shown is not None:
            self.frame_people()

    def repaint_later(self, *_: object) -> None:
        """Draw again with the next turn of the event loop (once, however often it is asked).

        While something is dragged in another view, or a run takes its share of the machine, what
        is in hand comes first: then at most 10 Hz here.
        """
        is_busy = self._bench.document.has_preview or self._bench.bodies.live is not None
        is_beside = is_busy and not self.underMouse()
        if is_beside and self._since_paint.isValid() and self._since_paint.elapsed() < BESIDE_MS:
            if not self._later.isActive():
                self._later.start(BESIDE_MS - self._since_paint.elapsed())
            return
        self._since_paint.restart()
        self.canvas.update()

    def frame_selection(self) -> None:
        """Bring the selected joint, else the active person, into the middle."""
        joint, pid = self._bench.selection.joint, self._bench.selection.pid
        self._frames_itself = False
        joints = self.joints()
        if pid in joints and joint is not None:
            near = [joint, *(i for i, parent in enumerate(PARENTS) if parent == joint)]
            near += [PARENTS[joint]] if PARENTS[joint] >= 0 else []
            around = joints[pid][near] - joints[pid][joint]
            self._frame(joints[pid][joint] + np.concatenate([around, -around]))
        elif pid in joints:
            self._frame(self.vertices()[pid])
        else:
            self.frame_people()

    def frame_people(self) -> None:
        """Bring everybody into view; the cameras when there is nobody."""
        vertices = list(self.vertices().values())
        self._frame(np.concatenate(vertices)) if vertices else self.frame_all()

    def frame_all(self) -> None:
        """Bring people and cameras into view."""
        scene = self._bench.document.shown
        self._frames_itself = False
        if scene is not None:
            points = [vertices[::50] for vertices in self.vertices().values()]
            points += [camera.centre_world[None] for camera in scene.capture.rig]
            self._frame(np.concatenate([*points, np.zeros((1, 3))]))

    def look_from(self, azimuth_rad: float, elevation_rad: float) -> None:
        """See the scene from a side."""
        self.leave_camera()
        self._frames_itself = False
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
        self.set_hovered_camera(None)
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

    @property
    def hovered_camera(self) -> str | None:
        """The camera under the cursor."""
        return self._hovered_camera

    def steer(self, delta_px: np.ndarray, *, pans: bool) -> None:
        """Turn around the target, or shift the view; a camera's picture is shifted."""
        self._frames_itself = False
        if self._through is not None:
            self._through = self._through.panned(delta_px)
        elif pans:
            self._orbit = self._orbit.panned(delta_px, self.canvas.height())
        else:
            self._orbit = self._orbit.orbited(delta_px)
        self.repaint_later()

    def zoom(self, factor: float, pixel: np.ndarray) -> None:
        """Closer (factor below 1) or farther, towards a position on the canvas."""
        width, height = self.canvas.width(), self.canvas.height()
        self._frames_itself = False
        if self._through is not None:
            self._through = self._through.zoomed(factor, pixel, width, height)
        else:
            self._orbit = self._orbit.zoomed(factor, pixel, width, height)
        self.repaint_later()

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
            if person.pid in selection.hidden:
                continue
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
            self.gizmo.twist,
        )

    def _look(self) -> look.Look:
        window = self.palette().color(QPalette.ColorRole.Window)
        return look.DARK if window.lightness() < 128 else look.LIGHT

    # Answers about the scene

    def _bodies(self) -> dict[int, PosedBody]:
        scene, index = self._bench.document.shown, self._bench.playback.index
        if scene is None:
            return {}
        pids = [pid for pid in scene.pids if pid not in self._bench.selection.hidden]
        bodies = {pid: self._bench.bodies.at(scene, pid, index) for pid in pids}
        return {pid: body for pid, body in bodies.items() if body is not None}

    def joints(self) -> dict[int, np.ndarray]:
        """Joints (m) of everybody who is present at the shown frame."""
        return {pid: body.joints_world[0] for pid, body in self._bodies().items()}

    def vertices(self) -> dict[int, np.ndarray]:
        """Surfaces (m) of everybody who is present at the shown frame."""
        return {pid: body.vertices_world[0] for pid, body in self._bodies().items()}

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
        self._frames_itself = True
        if scene is not None:
            self.frame_people()

    def _picture_arrived(self, camera: str, index: int) -> None:
        if camera == self.camera and index == self._bench.playback.index:
            self.repaint_later()

    def toggle_tool(self, tool: Tool) -> None:
        """Show a gizmo, or hide it when it is the one shown."""
        self.gizmo.show(Tool.NONE if tool is self.gizmo.tool else tool)
        if self.gizmo.tool is not Tool.NONE:
            self.canvas.setFocus()  # an axis and a number may be typed next
        if self.gizmo.tool is Tool.ROTATE and self._bench.selection.joint is None:
            self.hint_changed.emit("Click a joint: the rings appear on it")

    def _show_tool(self) -> None:
        self.bar.show_tool(self.gizmo.tool, self.gizmo.axes)

    def set_hovered_camera(self, name: str | None) -> None:
        """Light the camera under the cursor."""
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
