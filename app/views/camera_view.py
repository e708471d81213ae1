"""One camera's picture with everything drawn over it, and the mouse and keys that edit in it."""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from jaxtyping import Float
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from app.footage import Picture
from app.interactions import JointDrag
from app.selection import JointRef
from app.views import overlays
from app.views.canvas import Canvas
from app.views.overlays import BodyOverlay, LensMap, Placement, Style
from app.workbench import Workbench
from avatarpose.body.skeleton import PARENTS, SMPL_OF_SKEL19, Joint, skel19_from
from avatarpose.body.smpl import PosedBody
from avatarpose.geometry.camera import Camera
from avatarpose.optimize.snapshot import Preview
from avatarpose.scene.scene import Scene

TITLE_PX = 22
HIT_RADIUS_PX = 10.0
ACTIVE_BONUS_PX = 4.0  # the active person wins ties
CLICK_SLOP_PX = 3
ZOOM_PER_NOTCH = 1.2
SMALLEST_ZOOM, LARGEST_ZOOM = 0.25, 64.0
DEPTH_STEP_M = 0.01
LARGEST_OUTLINE_PX = 420  # longer side of the picture a silhouette is traced in
DIMMED = 0.25
MESH_OPACITY = 0.6
LARGE_VIEW_PX = 560  # pictures at least this high have room for thicker lines
GROUND_BGRA = (28, 25, 24, 255)
BLANK_BGRA = (42, 38, 36, 255)
SKEL19_OF = {int(joint): int(measured) for measured, joint in SMPL_OF_SKEL19.items()}


@dataclass(slots=True)
class _Cached:
    """An overlay and the body it was made from."""

    body: PosedBody
    reduction: float
    overlay: BodyOverlay
    mesh: QImage | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """A person as drawn in the last painting, in widget pixels; what the mouse can hit."""

    pid: int
    joints: Float[np.ndarray, "24 2"]
    overlay: BodyOverlay
    arrows: dict[int, np.ndarray]


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
        self._picture: Picture | None = None
        self._ground: tuple[object, np.ndarray] | None = None
        self._evidence: tuple[object, int, dict[int, np.ndarray]] | None = None
        self._cache: dict[tuple[str, int], _Cached] = {}
        self._lens = LensMap(camera)
        self._preview: tuple[object, QImage] | None = None
        self._drawn: list[_Drawn] = []
        self._press: QPoint | None = None
        self._pan_from: QPointF | None = None
        self._last_cursor = QPointF()
        self._cycle: tuple[QPoint, int] | None = None
        self._depth_key = False
        self._words = ""
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
        drawn = next((d for d in self._drawn if d.pid == self._bench.selection.pid), None)
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

    # --- painting -----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        scene, index = self._bench.document.shown, self._bench.playback.index
        self._drawn = [] if scene is None else self._visible_people(scene, index)
        ratio = self.devicePixelRatioF()
        canvas = Canvas(self._ground_with_bodies(scene, index, ratio).copy(), ratio)
        errors = np.empty(0)
        if scene is not None:
            errors = self._draw_scene(canvas, scene, index)
        painter = QPainter(self)
        painter.drawImage(0, 0, canvas.image())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(self._room())
        if self._words:
            painter.setPen(QColor(170, 174, 180))
            painter.drawText(self._room(), Qt.AlignmentFlag.AlignCenter, self._words)
        if scene is not None:
            self._paint_marks(painter, scene)
            self._paint_drag(painter, scene)
        painter.setClipping(False)
        self._paint_title(painter, errors)
        painter.end()

    def _ground_with_bodies(self, scene: Scene | None, index: int, ratio: float) -> np.ndarray:
        """Picture, rendered avatars and filled meshes in widget size, kept until they change."""
        values = self._bench.settings.values
        picture = self._picture_now(index) if values.show_photo else None
        preview = self._bench.bodies.preview(self._camera.name, index)
        preview = preview if values.show_avatar else None
        meshes: list[_Cached] = []
        if scene is not None and values.mesh == "fill":
            meshes = [self._cache["shown", drawn.pid] for drawn in self._drawn]
        key = (
            self.size(), ratio, self._scale, self._offset.x(), self._offset.y(), picture, preview,
            values.avatar_opacity, values.photo_opacity, tuple(mesh.body for mesh in meshes),
            self._bench.selection.pid if self._bench.selection.is_solo else None,
        )  # fmt: skip
        if self._ground is not None and self._ground[0] == key:
            return self._ground[1]
        ground = self._photo_ground(picture, ratio)
        if scene is not None and (preview is not None or meshes):
            ground = self._with_pictures(ground, scene, preview, ratio)
        self._ground = (key, ground)
        return ground

    def _picture_now(self, index: int) -> Picture | None:
        """The frame's picture, or the last one until it arrives."""
        footage = self._bench.footage
        self._words = ""
        found = footage.picture(self._camera.name, index, self._reduction())
        if found is not None:
            self._picture = found
        if not footage.has_picture(self._camera.name, index):
            self._words = "No picture in this frame"
            return None
        if self._picture is None:
            self._words = "Loading…"
        return self._picture

    def _reduction(self) -> int:
        """The coarsest picture that still has a pixel for every pixel of the screen."""
        needed = self._scale * self.devicePixelRatioF()
        for reduction in (8, 4, 2):
            if needed * reduction <= 1.0:
                return reduction
        return 1

    def _size_on_screen(self) -> QSizeF:
        return QSizeF(self._camera.width * self._scale, self._camera.height * self._scale)

    def _photo_ground(self, picture: Picture | None, ratio: float) -> np.ndarray:
        """The photo where it belongs in a picture of the widget's size."""
        wide, high = max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))
        ground = np.empty((high, wide, 4), np.uint8)
        ground[:] = GROUND_BGRA
        left, top = self._offset.x() * ratio, self._offset.y() * ratio
        size = self._size_on_screen() * ratio
        if picture is None:
            x, y = max(0, round(left)), max(0, round(top))
            right, bottom = round(left + size.width()), round(top + size.height())
            ground[y : max(y, bottom), x : max(x, right)] = BLANK_BGRA
            return ground
        rows, columns = picture.bgra.shape[:2]
        scale_x, scale_y = size.width() / columns, size.height() / rows
        if self._is_fit:
            target = (max(1, round(size.width())), max(1, round(size.height())))
            how = cv2.INTER_AREA if scale_x < 1 else cv2.INTER_LINEAR
            x, y = round(left), round(top)
            part = ground[y : y + target[1], x : x + target[0]]
            fitted = cv2.resize(picture.bgra, target, interpolation=how)
            part[:] = fitted[: part.shape[0], : part.shape[1]]
        else:
            place = np.array(
                [
                    [scale_x, 0.0, left + 0.5 * scale_x - 0.5],
                    [0.0, scale_y, top + 0.5 * scale_y - 0.5],
                ]
            )
            how = cv2.INTER_NEAREST if scale_x > 6 * picture.reduction else cv2.INTER_LINEAR
            cv2.warpAffine(picture.bgra, place, (wide, high), ground, how, cv2.BORDER_TRANSPARENT)
        opacity = self._bench.settings.values.photo_opacity
        if opacity < 1.0:
            plain = np.empty_like(ground)
            plain[:] = GROUND_BGRA
            ground = cv2.addWeighted(ground, opacity, plain, 1.0 - opacity, 0.0)
        return ground

    def _with_pictures(
        self, ground: np.ndarray, scene: Scene, preview: Preview | None, ratio: float
    ) -> np.ndarray:
        """Rendered avatars and translucent meshes over the photo."""
        values, selection = self._bench.settings.values, self._bench.selection
        image = Canvas(ground, ratio).image().copy()
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        target = QRectF(self._offset, self._size_on_screen())
        if preview is not None:
            if self._preview is None or self._preview[0] is not preview:
                self._preview = (preview, self._lens.distorted(preview))
            painter.setOpacity(values.avatar_opacity)
            painter.drawImage(target, self._preview[1])
        for drawn in self._drawn if values.mesh == "fill" else ():
            cached = self._cache["shown", drawn.pid]
            if cached.mesh is None:
                colour = QColor(*scene.person(drawn.pid).colour)
                cached.mesh = overlays.shaded_mesh(
                    scene.body, cached.body, self._camera, cached.reduction, colour
                )
            dimmed = selection.is_solo and drawn.pid != selection.pid
            painter.setOpacity(MESH_OPACITY * (DIMMED if dimmed else 1.0))
            painter.drawImage(target, cached.mesh)
        painter.end()
        height, width = ground.shape[:2]
        return np.frombuffer(image.constBits(), np.uint8).reshape(height, width, 4)

    def _draw_scene(self, canvas: Canvas, scene: Scene, index: int) -> np.ndarray:
        """Everything made of lines; returns the reprojection errors (px)."""
        values, selection, place = self._bench.settings.values, self._bench.selection, self._place()
        size = float(np.clip(self._scale * self._camera.height / 170, 1.6, 5.0))
        is_large = self._scale * self._camera.height > LARGE_VIEW_PX
        everybody = [drawn.overlay for drawn in self._drawn]
        collected: list[np.ndarray] = []
        for drawn in sorted(self._drawn, key=lambda d: d.pid == selection.pid):
            is_active = drawn.pid == selection.pid
            under = canvas.pixels.copy() if selection.is_solo and not is_active else None
            style = Style(
                QColor(*scene.person(drawn.pid).colour),
                size,
                2.0 if is_active and is_large else 1.0,
            )
            if values.mesh in ("outline", "fill"):
                overlays.draw_outline(canvas, drawn.overlay, place, style)
            collected.append(self._draw_evidence(canvas, scene, index, drawn, style))
            if values.show_skeleton:
                hidden = overlays.occluded(drawn.overlay, everybody)
                bones = Style(style.colour, size, style.width + 1.0)
                overlays.draw_skeleton(canvas, drawn.joints, hidden, bones)
            if under is not None:
                canvas.blend_with(under, DIMMED)
        if values.show_keypoints:
            self._draw_strangers(canvas, scene, index, size)
        self._draw_live(canvas, scene, index, size)
        self._draw_guide(canvas, scene)
        return np.concatenate(collected) if collected else np.empty(0)

    def _visible_people(self, scene: Scene, index: int) -> list[_Drawn]:
        drawn = []
        for person in scene.people:
            body = self._bench.bodies.at(scene, person.pid, index)
            if body is not None:
                overlay = self._overlay("shown", person.pid, scene, body).overlay
                joints = self.to_widget(overlay.joints)
                arrows = {}
                if person.pid == self._bench.selection.pid:
                    arrows = self._arrows(joints)
                drawn.append(_Drawn(person.pid, joints, overlay, arrows))
        return drawn

    def _overlay(self, kind: str, pid: int, scene: Scene, body: PosedBody) -> _Cached:
        longest = max(self._camera.width, self._camera.height)
        reduction = min(1.0, self._fit_scale(), LARGEST_OUTLINE_PX / longest)
        cached = self._cache.get((kind, pid))
        if cached is None or cached.body is not body or cached.reduction != reduction:
            overlay = overlays.body_overlay(scene.body, body, self._camera, reduction)
            cached = _Cached(body, reduction, overlay)
            self._cache[kind, pid] = cached
        return cached

    def _arrows(self, joints: np.ndarray) -> dict[int, np.ndarray]:
        """Border positions of joints that lie outside what is visible."""
        room = self._room().adjusted(8, 8, -8, -8)
        found = {}
        for joint in range(24):
            at = joints[joint]
            if np.isfinite(at).all() and not room.contains(QPointF(*at.tolist())):
                found[joint] = np.array(
                    [
                        np.clip(at[0], room.left(), room.right()),
                        np.clip(at[1], room.top(), room.bottom()),
                    ]
                )
        return found

    def _draw_evidence(
        self, canvas: Canvas, scene: Scene, index: int, drawn: _Drawn, style: Style
    ) -> np.ndarray:
        """Detections of the person and how far the body is from them; returns the errors (px)."""
        values = self._bench.settings.values
        detected = self._detected(scene, index, drawn.pid)
        if detected is None:
            return np.empty(0)
        errors = np.linalg.norm(drawn.overlay.skel19 - detected[:, :2], axis=-1)
        points = self.to_widget(detected[:, :2])
        if values.show_errors:
            body = self.to_widget(drawn.overlay.skel19)
            overlays.draw_errors(canvas, points, body, errors, self._camera.height)
        if values.show_keypoints:
            small = Style(style.colour, max(1.2, style.size * 0.7), style.width)
            overlays.draw_keypoints(canvas, points, detected[:, 2], small)
        return errors[np.isfinite(errors)]

    def _detected(self, scene: Scene, index: int, pid: int) -> np.ndarray | None:
        """A person's skel19 detections (x, y, confidence) in this view and frame; -1: nobody's."""
        found = scene.detections.get(self._camera.name)
        if found is None or index >= len(found.xyc):
            return None
        kept = self._evidence
        if kept is None or kept[0] is not found or kept[1] != index:
            rows = skel19_from(found.xyc[index], found.keypoint_set).astype(np.float64)
            by_pid: dict[int, np.ndarray] = {}
            for owner, row in zip(found.pid[index].tolist(), rows, strict=True):
                if owner < 0 and owner in by_pid:
                    by_pid[owner] = np.concatenate([by_pid[owner], row])
                else:
                    by_pid.setdefault(owner, row)
            kept = self._evidence = (found, index, by_pid)
        return kept[2].get(pid)

    def _draw_strangers(self, canvas: Canvas, scene: Scene, index: int, size: float) -> None:
        """Detections that belong to nobody yet."""
        rows = self._detected(scene, index, -1)
        if rows is None:
            return
        style = Style(QColor(150, 154, 160), max(1.2, size * 0.7), 1.0)
        for row in rows.reshape(-1, 19, 3):
            overlays.draw_keypoints(canvas, self.to_widget(row[:, :2]), row[:, 2], style)

    def _draw_live(self, canvas: Canvas, scene: Scene, index: int, size: float) -> None:
        """Bodies of a run in progress, paler than the document's."""
        for pid in self._bench.bodies.live or ():
            body = self._bench.bodies.live_at(scene, pid, index)
            if body is None:
                continue
            overlay = self._overlay("live", pid, scene, body).overlay
            style = Style(QColor(*scene.person(pid).colour).lighter(160), size * 0.8, 1.0)
            overlays.draw_outline(canvas, overlay, self._place(), style)
            nobody_hidden = np.zeros(24, bool)
            overlays.draw_skeleton(canvas, self.to_widget(overlay.joints), nobody_hidden, style)

    def _draw_guide(self, canvas: Canvas, scene: Scene) -> None:
        """Where the cursor's ray runs in this view, while a joint is held in another one."""
        guide = self._drag.guide(self._camera)
        if guide is None or self._drag.pid is None:
            return
        colour = QColor(*scene.person(self._drag.pid).colour).lighter(125)
        points, guess = self.to_widget(guide.pixels), self.to_widget(guide.guess)
        overlays.draw_guide(canvas, points, guide.near_body, guess, colour)

    def _paint_marks(self, painter: QPainter, scene: Scene) -> None:
        """Edge arrows, the selected joint, and what is hovered in any view."""
        selection = self._bench.selection
        for drawn in self._drawn:
            colour = QColor(*scene.person(drawn.pid).colour)
            for joint, at in drawn.arrows.items():
                overlays.draw_edge_arrow(painter, at, drawn.joints[joint] - at, colour)
        for ref, strong in (
            (JointRef(selection.pid, selection.joint), False)
            if selection.pid is not None and selection.joint is not None
            else (None, False),
            (selection.hover, True),
        ):
            if ref is None:
                continue
            drawn = next((d for d in self._drawn if d.pid == ref.pid), None)
            if drawn is None or not np.isfinite(drawn.joints[ref.joint]).all():
                continue
            at = drawn.arrows.get(ref.joint, drawn.joints[ref.joint])
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for pen in (QPen(QColor(10, 12, 16), 3.6), QPen(QColor(255, 255, 255), 1.8)):
                painter.setPen(pen)
                overlays.draw_mark(painter, at, 8.0 if strong else 6.5, ref.joint)
            here = self.underMouse() or self._bench.selection.camera == self._camera.name
            if not self._drag.is_active and (strong or here):
                text = self._joint_text(scene, ref, drawn)
                if strong or selection.hover is None:
                    overlays.draw_chip(painter, QPointF(*at.tolist()), text, self._room())

    def _joint_text(self, scene: Scene, ref: JointRef, drawn: _Drawn) -> str:
        text = f"{Joint(ref.joint).label}, {scene.person(ref.pid).name}"
        error = self._joint_error(scene, ref, drawn)
        return text if error is None else f"{text}  ·  {error:.1f} px"

    def _joint_error(self, scene: Scene, ref: JointRef, drawn: _Drawn) -> float | None:
        """Distance (recorded px) of a joint to its detection in this view."""
        measured = SKEL19_OF.get(ref.joint)
        if measured is None:
            return None
        detected = self._detected(scene, self._bench.playback.index, ref.pid)
        if detected is None or not np.isfinite(detected[measured]).all():
            return None
        away = drawn.overlay.joints[ref.joint] - detected[measured, :2]
        return float(np.linalg.norm(away))

    def _paint_drag(self, painter: QPainter, scene: Scene) -> None:
        """The read-outs of a drag: depth and what is missing here, distances elsewhere."""
        drag = self._drag
        if drag.pid is None or drag.joint is None:
            return
        ref = JointRef(drag.pid, int(drag.joint))
        drawn = next((d for d in self._drawn if d.pid == ref.pid), None)
        if drawn is None:
            return
        at = drawn.joints[ref.joint]
        if drag.camera == self._camera.name:
            text = f"{drag.joint.label}  {drag.depth_m:.2f} m"
            if drag.target_world is not None and drag.result is not None:
                wanted = self.to_widget(self._camera.project(drag.target_world))
                if drag.result.missing_m > 2e-3 and np.isfinite(wanted).all():
                    painter.setPen(QPen(QColor(255, 190, 60), 1.6, Qt.PenStyle.DashLine))
                    painter.drawLine(QPointF(*at.tolist()), QPointF(*wanted.tolist()))
                    text += f"  ·  {drag.result.missing_m * 100:.1f} cm missing"
        else:
            error = self._joint_error(scene, ref, drawn)
            text = "no detection" if error is None else f"{error:.1f} px"
            residual = drag.residuals_px.get(self._camera.name)
            if residual is not None:
                text += f"  ·  pin {residual:.1f} px"
        if np.isfinite(at).all():
            overlays.draw_chip(painter, QPointF(*at.tolist()), text, self._room())

    def _paint_title(self, painter: QPainter, errors: np.ndarray) -> None:
        bar = QRectF(0, 0, self.width(), TITLE_PX)
        is_current = self._bench.selection.camera == self._camera.name
        painter.fillRect(bar, QColor(58, 63, 72) if is_current else QColor(42, 44, 49))
        inner = bar.adjusted(8, 0, -8, 0)
        font = QFont(self.font())
        font.setBold(is_current)
        painter.setFont(font)
        painter.setPen(QColor(236, 238, 241) if is_current else QColor(205, 208, 213))
        painter.drawText(
            inner,
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            title_of(self._camera.name),
        )
        if len(errors):
            rms = float(np.sqrt(np.mean(errors**2)))
            text = f"{rms:.1f} px"
            painter.setFont(self.font())
            painter.drawText(
                inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text
            )
            left = inner.right() - painter.fontMetrics().horizontalAdvance(text) - 11
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(overlays.error_colour(rms, self._camera.height))
            radius = 2.5 + 0.8 * overlays.error_level(rms, self._camera.height)
            painter.drawEllipse(QPointF(left, TITLE_PX / 2), radius, radius)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(110, 168, 254), 1))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))

    # --- mouse --------------------------------------------------------------------------------

    def candidates_at(self, position: QPointF) -> list[JointRef]:
        """Joints within reach of the cursor, the best first."""
        selection = self._bench.selection
        found: list[tuple[float, JointRef]] = []
        at = np.array([position.x(), position.y()])
        for drawn in self._drawn:
            is_active = drawn.pid == selection.pid
            if selection.is_solo and not is_active:
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
        for drawn in self._drawn:
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


def title_of(camera: str) -> str:
    """What a view is called on screen."""
    return camera if camera.lower().startswith("cam") else f"cam {camera}"


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
