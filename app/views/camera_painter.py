"""Draws one camera view: the ground, people, evidence, the drag in hand, marks and the title."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen

from app.interactions import JointDrag
from app.selection import JointRef
from app.views import overlays
from app.views.camera_ground import DIMMED, CameraGround, Layout
from app.views.canvas import Canvas
from app.views.overlays import BodyOverlay, Style
from app.workbench import Workbench
from avatarpose.body.skeleton import SMPL_OF_SKEL19, Joint, skel19_from
from avatarpose.body.smpl import PosedBody
from avatarpose.geometry.camera import Camera
from avatarpose.scene.scene import Scene

TITLE_PX = 22
LARGEST_OUTLINE_PX = 420  # longer side of the picture a silhouette is traced in
HELD_OUTLINE_PX = 240  # the same while the person is being dragged
KEPT_OVERLAYS = 128  # so that going back and forth in time projects nothing again
LARGE_VIEW_PX = 560  # pictures at least this high have room for thicker lines
SKEL19_OF = {int(joint): int(measured) for measured, joint in SMPL_OF_SKEL19.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A person as the view shows them, in widget pixels; what the mouse can hit."""

    pid: int
    body: PosedBody
    joints: Float[np.ndarray, "24 2"]
    overlay: BodyOverlay
    arrows: dict[int, np.ndarray]


@dataclass(slots=True)
class _Layer:
    """A picture that is drawn again only when its key is another one."""

    key: object = None
    pixels: np.ndarray | None = None


class CameraPainter:
    """Keeps what it can between paintings: during a drag only the held person is drawn anew."""

    def __init__(self, bench: Workbench, camera: Camera, drag: JointDrag) -> None:
        self._bench, self._camera, self._drag = bench, camera, drag
        self._ground = CameraGround(bench, camera)
        self._overlays: dict[tuple[int, float], tuple[PosedBody, BodyOverlay]] = {}
        self._evidence: tuple[object, int, dict[int, np.ndarray]] | None = None
        self._others, self._everybody = _Layer(), _Layer()
        self._layout: Layout | None = None
        self.drawn: list[Drawn] = []

    def paint(
        self, painter: QPainter, layout: Layout, room: QRectF, *, has_focus: bool, is_hovered: bool
    ) -> None:
        """Paint the view into a widget; `room` is where the picture may go."""
        self._layout = layout
        scene, index = self._bench.document.shown, self._bench.playback.index
        self.drawn = self.people(layout, room)
        bodies = {drawn.pid: drawn.body for drawn in self.drawn}
        ground = self._ground.pixels(scene, bodies, index, layout)
        pixels = ground if scene is None else self._people_layer(ground, scene, index, layout)
        guide = self._drag.guide(self._camera) if scene is not None else None
        canvas = Canvas(pixels if guide is None else pixels.copy(), layout.ratio)
        if guide is not None and scene is not None and self._drag.pid is not None:
            colour = QColor(*scene.person(self._drag.pid).colour).lighter(125)
            points, guess = layout.place(guide.pixels), layout.place(guide.guess)
            overlays.draw_guide(canvas, points, guide.near_body, guess, colour)
        painter.drawImage(0, 0, canvas.image())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(room)
        if self._ground.words:
            painter.setPen(QColor(170, 174, 180))
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter, self._ground.words)
        if scene is not None:
            self._paint_marks(painter, scene, room, is_hovered=is_hovered)
            self._paint_drag(painter, scene, layout, room)
        painter.setClipping(False)
        errors = np.empty(0) if scene is None else self._errors(scene, index)
        self._paint_title(painter, layout, errors, has_focus=has_focus)

    def detected(self, scene: Scene, index: int, pid: int) -> np.ndarray | None:
        """A person's skel19 detections (x, y, confidence) in a frame; pid -1: nobody's."""
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

    def _people_layer(
        self, ground: np.ndarray, scene: Scene, index: int, layout: Layout
    ) -> np.ndarray:
        """Ground and everything made of lines but the epipolar guide."""
        values, selection = self._bench.settings.values, self._bench.selection
        active = [drawn for drawn in self.drawn if drawn.pid == selection.pid]
        others = [drawn for drawn in self.drawn if drawn.pid != selection.pid]
        evidence = scene.detections.get(self._camera.name)
        common = (
            self._ground.serial, layout.key, index, evidence, selection.pid, selection.is_solo,
            values.mesh, values.show_keypoints, values.show_skeleton, values.show_errors,
        )  # fmt: skip
        live = self._live_bodies(scene, index)
        behind = (common, tuple(live), tuple(drawn.body for drawn in others))
        if self._others.key != behind or self._others.pixels is None:
            canvas = Canvas(ground.copy(), layout.ratio)
            if values.show_keypoints:
                self._draw_strangers(canvas, scene, index, layout)
            for drawn in others:
                is_faint = selection.is_solo or drawn.pid in live
                self._draw_person(canvas, scene, index, drawn, layout, is_faint=is_faint)
            self._others = _Layer(behind, canvas.pixels)
        front = (
            behind,
            self._drag.is_active,
            tuple(drawn.body for drawn in active),
            tuple(live.values()),
        )
        if self._everybody.key != front or self._everybody.pixels is None:
            assert self._others.pixels is not None
            canvas = Canvas(self._others.pixels.copy(), layout.ratio)
            for drawn in active:
                is_faint = drawn.pid in live and not self._drag.is_active
                self._draw_person(canvas, scene, index, drawn, layout, is_faint=is_faint)
            for pid, body in live.items():
                self._draw_live(canvas, scene, pid, body, layout)
            self._everybody = _Layer(front, canvas.pixels)
        assert self._everybody.pixels is not None
        return self._everybody.pixels

    def _draw_person(
        self,
        canvas: Canvas,
        scene: Scene,
        index: int,
        drawn: Drawn,
        layout: Layout,
        *,
        is_faint: bool,
    ) -> None:
        """A person of the document; faint beside the newer pose of a run, and in another's solo."""
        under = canvas.pixels.copy() if is_faint else None
        values = self._bench.settings.values
        is_large = layout.scale * self._camera.height > LARGE_VIEW_PX
        is_active = drawn.pid == self._bench.selection.pid
        colour = QColor(*scene.person(drawn.pid).colour)
        style = Style(colour, self._mark_size(layout))
        if is_large:
            style = Style(colour, style.size, 2.0 if is_active else 1.0, 3.0, 2.0)
        if values.mesh in ("outline", "fill"):
            overlays.draw_outline(canvas, drawn.overlay, layout.place, style)
        self._draw_evidence(canvas, scene, index, drawn, style, layout)
        if values.show_skeleton:
            hidden = overlays.occluded(drawn.overlay, [other.overlay for other in self.drawn])
            overlays.draw_skeleton(canvas, drawn.joints, hidden, style)
        if under is not None:
            canvas.blend_with(under, DIMMED)

    def _mark_size(self, layout: Layout) -> float:
        return float(np.clip(layout.scale * self._camera.height / 170, 1.6, 5.0))

    def _draw_evidence(
        self,
        canvas: Canvas,
        scene: Scene,
        index: int,
        drawn: Drawn,
        style: Style,
        layout: Layout,
    ) -> None:
        """Detections of the person and how far the body is from them."""
        values = self._bench.settings.values
        detected = self.detected(scene, index, drawn.pid)
        if detected is None:
            return
        points = layout.place(detected[:, :2])
        if values.show_errors:
            errors = np.linalg.norm(drawn.overlay.skel19 - detected[:, :2], axis=-1)
            body = layout.place(drawn.overlay.skel19)
            overlays.draw_errors(canvas, points, body, errors, self._camera.height)
        if values.show_keypoints:
            small = Style(style.colour, max(1.2, style.size * 0.7))
            overlays.draw_keypoints(canvas, points, detected[:, 2], small)

    def _errors(self, scene: Scene, index: int) -> np.ndarray:
        """Reprojection errors (recorded px) of everybody in this view."""
        found = [np.empty(0)]
        for drawn in self.drawn:
            detected = self.detected(scene, index, drawn.pid)
            if detected is not None:
                found.append(np.linalg.norm(drawn.overlay.skel19 - detected[:, :2], axis=-1))
        errors = np.concatenate(found)
        return errors[np.isfinite(errors)]

    def _draw_strangers(self, canvas: Canvas, scene: Scene, index: int, layout: Layout) -> None:
        """Detections that belong to nobody yet."""
        rows = self.detected(scene, index, -1)
        if rows is None:
            return
        style = Style(QColor(150, 154, 160), max(1.2, self._mark_size(layout) * 0.7))
        for row in rows.reshape(-1, 19, 3):
            overlays.draw_keypoints(canvas, layout.place(row[:, :2]), row[:, 2], style)

    def _live_bodies(self, scene: Scene, index: int) -> dict[int, PosedBody]:
        found = {
            pid: self._bench.bodies.live_at(scene, pid, index)
            for pid in self._bench.bodies.live or ()
        }
        return {pid: body for pid, body in found.items() if body is not None}

    def _draw_live(
        self, canvas: Canvas, scene: Scene, pid: int, body: PosedBody, layout: Layout
    ) -> None:
        """A body of a run in progress, in a paler colour than the document's."""
        overlay = self._overlay(pid, scene, body, layout)
        colour = QColor(*scene.person(pid).colour).lighter(130)
        style = Style(colour, self._mark_size(layout) * 0.8, 1.0, 1.0)
        overlays.draw_outline(canvas, overlay, layout.place, style)
        overlays.draw_skeleton(canvas, layout.place(overlay.joints), np.zeros(24, bool), style)

    def people(self, layout: Layout, room: QRectF) -> list[Drawn]:
        """Everybody the view shows at this moment; cheap while nobody moves."""
        scene, index = self._bench.document.shown, self._bench.playback.index
        drawn: list[Drawn] = []
        if scene is None:
            return drawn
        for person in scene.people:
            if person.pid in self._bench.selection.hidden:
                continue
            body = self._bench.bodies.at(scene, person.pid, index)
            if body is not None:
                overlay = self._overlay(person.pid, scene, body, layout)
                joints = layout.place(overlay.joints)
                arrows = {}
                if person.pid == self._bench.selection.pid:
                    arrows = _arrows(joints, room)
                drawn.append(Drawn(person.pid, body, joints, overlay, arrows))
        return drawn

    def _overlay(self, pid: int, scene: Scene, body: PosedBody, layout: Layout) -> BodyOverlay:
        longest = max(self._camera.width, self._camera.height)
        is_held = self._drag.has_moved and self._drag.pid == pid
        largest = HELD_OUTLINE_PX if is_held else LARGEST_OUTLINE_PX
        reduction = min(1.0, layout.scale * layout.ratio, largest / longest)
        # The body itself is kept beside its overlay, so its id cannot be given to another one.
        key = (id(body), reduction)
        kept = self._overlays.pop(key, None)
        if kept is None:
            overlay = overlays.body_overlay(scene.body, body, self._camera, reduction)
            kept = (body, overlay)
            while len(self._overlays) >= KEPT_OVERLAYS:
                del self._overlays[next(iter(self._overlays))]
        self._overlays[key] = kept
        return kept[1]

    def _paint_marks(
        self, painter: QPainter, scene: Scene, room: QRectF, *, is_hovered: bool
    ) -> None:
        """Edge arrows, the selected joint, and what is hovered in any view."""
        selection = self._bench.selection
        for drawn in self.drawn:
            colour = QColor(*scene.person(drawn.pid).colour)
            for joint, at in drawn.arrows.items():
                overlays.draw_edge_arrow(painter, at, drawn.joints[joint] - at, colour)
        marked: list[tuple[JointRef, bool]] = []
        if selection.hover is not None:
            marked.append((selection.hover, True))
        if selection.pid is not None and selection.joint is not None:
            marked.insert(0, (JointRef(selection.pid, selection.joint), False))
        for ref, strong in marked:
            person = next((d for d in self.drawn if d.pid == ref.pid), None)
            if person is None or not np.isfinite(person.joints[ref.joint]).all():
                continue
            at = np.asarray(person.arrows.get(ref.joint, person.joints[ref.joint]))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            for pen in (QPen(QColor(10, 12, 16), 3.6), QPen(QColor(255, 255, 255), 1.8)):
                painter.setPen(pen)
                overlays.draw_mark(painter, at, 8.0 if strong else 6.5, ref.joint)
            here = is_hovered or self._bench.selection.camera == self._camera.name
            if not self._drag.is_active and (strong or here):
                text = self._joint_text(scene, ref, person)
                if strong or selection.hover is None:
                    overlays.draw_chip(painter, QPointF(*at.tolist()), text, room)

    def _joint_text(self, scene: Scene, ref: JointRef, drawn: Drawn) -> str:
        text = f"{Joint(ref.joint).label}, {scene.person(ref.pid).name}"
        error = self._joint_error(scene, ref, drawn)
        return text if error is None else f"{text}  ·  {error:.1f} px"

    def _joint_error(self, scene: Scene, ref: JointRef, drawn: Drawn) -> float | None:
        """Distance (recorded px) of a joint to its detection in this view."""
        measured = SKEL19_OF.get(ref.joint)
        if measured is None:
            return None
        detected = self.detected(scene, self._bench.playback.index, ref.pid)
        if detected is None or not np.isfinite(detected[measured]).all():
            return None
        away = drawn.overlay.joints[ref.joint] - detected[measured, :2]
        return float(np.linalg.norm(away))

    def _paint_drag(self, painter: QPainter, scene: Scene, layout: Layout, room: QRectF) -> None:
        """The read-outs of a drag: depth and what is missing here, distances elsewhere."""
        drag = self._drag
        if drag.pid is None or drag.joint is None:
            return
        ref = JointRef(drag.pid, int(drag.joint))
        drawn = next((d for d in self.drawn if d.pid == ref.pid), None)
        if drawn is None:
            return
        at = drawn.joints[ref.joint]
        if drag.camera == self._camera.name:
            text = f"{drag.joint.label}  {drag.depth_m:.2f} m"
            if drag.target_world is not None and drag.result is not None:
                wanted = layout.place(self._camera.project(drag.target_world))
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
            overlays.draw_chip(painter, QPointF(*at.tolist()), text, room)

    def _paint_rms(self, painter: QPainter, inner: QRectF, rms_px: float) -> float:
        """The view's reprojection error at the right of its title; returns where it begins."""
        text = f"{rms_px:.1f} px"
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)
        left = inner.right() - painter.fontMetrics().horizontalAdvance(text) - 11
        radius = 2.5 + 0.8 * overlays.error_level(rms_px, self._camera.height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(overlays.error_colour(rms_px, self._camera.height))
        painter.drawEllipse(QPointF(left, inner.center().y()), radius, radius)
        return left - 11

    def _paint_title(
        self, painter: QPainter, layout: Layout, errors: np.ndarray, *, has_focus: bool
    ) -> None:
        bar = QRectF(0, 0, layout.size.width(), TITLE_PX)
        is_current = self._bench.selection.camera == self._camera.name
        painter.fillRect(bar, QColor(58, 63, 72) if is_current else QColor(42, 44, 49))
        inner = bar.adjusted(8, 0, -8, 0)
        font = QFont(painter.font())
        font.setBold(is_current)
        painter.setFont(font)
        painter.setPen(QColor(236, 238, 241) if is_current else QColor(205, 208, 213))
        if len(errors):
            inner.setRight(self._paint_rms(painter, inner, float(np.sqrt(np.mean(errors**2)))))
        name = painter.fontMetrics().elidedText(
            title_of(self._camera.name), Qt.TextElideMode.ElideRight, int(inner.width())
        )
        painter.setPen(QColor(236, 238, 241) if is_current else QColor(205, 208, 213))
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, name)
        if has_focus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(110, 168, 254), 1))
            painter.drawRect(
                QRectF(QRect(QPoint(0, 0), layout.size)).adjusted(0.5, 0.5, -0.5, -0.5)
            )


def title_of(camera: str) -> str:
    """What a view is called on screen."""
    return camera if camera.lower().startswith("cam") else f"cam {camera}"


def _arrows(joints: np.ndarray, room: QRectF) -> dict[int, np.ndarray]:
    """Border positions of joints that lie outside what is visible."""
    room = room.adjusted(8, 8, -8, -8)
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
