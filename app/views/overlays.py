"""What lies over a camera picture: geometry of bodies in pixels, and how it is painted."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPainterPath, QPen, QPolygonF

from avatarpose.body.skeleton import BONES, MIRROR, SKEL19_MIRROR, Joint, Skel19
from avatarpose.body.smpl import PosedBody, SmplModel
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rasteriser import rasterise
from avatarpose.optimize.snapshot import Preview

# From calm to alarming; told apart by lightness as well, so that hue alone never carries it.
ERROR_COLOURS = ((190, 200, 208), (240, 214, 66), (238, 68, 47))
ERROR_WIDTHS = (1.0, 1.8, 3.0)
ERROR_LIMITS_PX = (2.0, 5.0)  # at 1080 lines
REFERENCE_LINES = 1080
DOUBTFUL_CONFIDENCE = 0.5
OCCLUDED_BEHIND_M = 0.17  # joints lie inside their own body
GRID_STEP_PX = 16  # of the coarse map from recorded to ideal pixels
HALO = QColor(12, 14, 18, 170)


@dataclass(frozen=True, slots=True, eq=False)
class BodyOverlay:
    """One body as one camera sees it; pixels are recorded ones of the full-size picture.

    Attributes:
        joints: SMPL joints.
        joints_depth: along the optical axis (m).
        skel19: measured joints.
        outline: silhouette.
        depth: nearest surface (m, inf: none) in a reduced picture.
        face: index of the nearest face there (-1: none).
        reduction: reduced pixels per full-size pixel.
    """

    joints: Float[np.ndarray, "24 2"]
    joints_depth: Float[np.ndarray, " 24"]
    skel19: Float[np.ndarray, "19 2"]
    outline: QPainterPath
    depth: Float[np.ndarray, "height width"]
    face: np.ndarray
    reduction: float


def error_level(error_px: float, image_height: int) -> int:
    """0 calm, 1 noticeable, 2 large; the limits of 2 and 5 px hold at 1080 lines."""
    scale = image_height / REFERENCE_LINES
    return int(np.searchsorted(np.asarray(ERROR_LIMITS_PX) * scale, error_px))


def error_colour(error_px: float, image_height: int) -> QColor:
    """Colour of a reprojection error."""
    return QColor(*ERROR_COLOURS[error_level(error_px, image_height)])


def body_overlay(
    model: SmplModel, body: PosedBody, camera: Camera, reduction: float
) -> BodyOverlay:
    """Project a posed body (first frame) and trace its silhouette at `reduction` of full size."""
    width = max(8, round(camera.width * reduction))
    height = max(8, round(camera.height * reduction))
    vertices = body.vertices_world[0].astype(np.float64)
    pixels = camera.project(vertices)
    depth = camera.depth(vertices)
    scale = np.array([width / camera.width, height / camera.height])
    reduced = ((pixels + 0.5) * scale - 0.5).astype(np.float32)
    face, nearest, _ = rasterise(reduced, depth.astype(np.float32), model.faces, width, height)
    joints = body.joints_world[0].astype(np.float64)
    return BodyOverlay(
        joints=camera.project(joints),
        joints_depth=camera.depth(joints),
        skel19=camera.project(model.skel19(body)[0].astype(np.float64)),
        outline=_outline(face >= 0, scale),
        depth=nearest,
        face=face,
        reduction=float(scale[0]),
    )


def _outline(inside: np.ndarray, scale: np.ndarray) -> QPainterPath:
    path = QPainterPath()
    contours, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    for contour in contours:
        if len(contour) < 8:
            continue
        points = contour[:, 0].astype(np.float64)
        # A running mean takes the stairs of the raster out of the line.
        points = (np.roll(points, 1, 0) + points + np.roll(points, -1, 0)) / 3
        points = (points[::2] + 0.5) / scale - 0.5
        path.addPolygon(QPolygonF([QPointF(x, y) for x, y in points.tolist()]))
        path.closeSubpath()
    return path


def occluded(overlay: BodyOverlay, everybody: list[BodyOverlay]) -> np.ndarray:
    """Which SMPL joints lie behind some surface, with their own body's thickness allowed for."""
    hidden = np.zeros(24, bool)
    for other in everybody:
        height, width = other.depth.shape
        with np.errstate(invalid="ignore"):
            at = np.rint((overlay.joints + 0.5) * other.reduction - 0.5)
            inside = (at >= 0).all(-1) & (at[:, 0] < width) & (at[:, 1] < height)
        column, row = np.where(inside[:, None], at, 0).astype(int).T
        hidden |= inside & (other.depth[row, column] < overlay.joints_depth - OCCLUDED_BEHIND_M)
    return hidden


def shaded_mesh(
    model: SmplModel, body: PosedBody, overlay: BodyOverlay, camera: Camera, colour: QColor
) -> QImage:
    """The body as a matt picture with transparency, in the overlay's reduced size."""
    vertices = body.vertices_world[0]
    corners = vertices[model.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    light = camera.camera_from_world[2, :3] * -0.8 + np.array([0.0, 0.0, 0.6])
    light = light / np.linalg.norm(light)
    shade = (0.45 + 0.55 * np.clip(normals @ light, 0.0, 1.0)).astype(np.float32)
    seen = overlay.face >= 0
    lit = np.where(seen, shade[overlay.face], 0.0)
    rgba = np.empty((*lit.shape, 4), np.uint8)
    for channel, value in enumerate((colour.red(), colour.green(), colour.blue())):
        rgba[..., channel] = lit * value
    rgba[..., 3] = seen * 255
    return _image_of(rgba)


def _image_of(rgba: np.ndarray) -> QImage:
    rgba = np.ascontiguousarray(rgba)
    height, width = rgba.shape[:2]
    image = QImage(rgba.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


class LensMap:
    """Brings pictures of the ideal camera into the recorded, distorted picture."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._maps: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}

    def distorted(self, preview: Preview) -> QImage:
        """A rendered picture (ideal pixels, any size) as it lies over the photo, at that size."""
        if not self._camera.has_distortion:
            return _image_of(preview.rgba)
        height, width = preview.rgba.shape[:2]
        if (width, height) not in self._maps:
            self._maps[width, height] = self._map(width, height)
        premultiplied = preview.rgba.astype(np.float32)
        premultiplied[..., :3] *= premultiplied[..., 3:] / 255
        x, y = self._maps[width, height]
        warped = cv2.remap(premultiplied, x, y, cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0))
        rgba = np.ascontiguousarray(np.rint(warped).astype(np.uint8))
        image = QImage(
            rgba.data, width, height, 4 * width, QImage.Format.Format_RGBA8888_Premultiplied
        )
        return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)

    def _map(self, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """For each pixel of the reduced recorded picture, the pixel of the reduced ideal one.

        The lens bends slowly: it is evaluated on a coarse grid and interpolated.
        """
        small = self._camera.resized(width, height)
        columns = max(2, width // GRID_STEP_PX + 1)
        rows = max(2, height // GRID_STEP_PX + 1)
        x, y = np.meshgrid(np.linspace(0, width - 1, columns), np.linspace(0, height - 1, rows))
        shift = small.undistort(np.stack([x, y], -1)) - np.stack([x, y], -1)
        grid_x, grid_y = np.meshgrid(
            np.linspace(0, columns - 1, width), np.linspace(0, rows - 1, height)
        )
        fine = cv2.remap(
            shift.astype(np.float32), grid_x.astype(np.float32), grid_y.astype(np.float32),
            cv2.INTER_LINEAR,
        )  # fmt: skip
        column, row = np.meshgrid(np.arange(width), np.arange(height))
        return (
            (fine[..., 0] + column).astype(np.float32),
            (fine[..., 1] + row).astype(np.float32),
        )


@dataclass(frozen=True, slots=True)
class Style:
    """How strongly a person is drawn.

    Attributes:
        colour: the person's.
        opacity: 0 to 1; dimmed people are fainter.
        size: marker radius in widget pixels.
        width: line width in widget pixels.
    """

    colour: QColor
    opacity: float
    size: float
    width: float


def draw_outline(
    painter: QPainter, overlay: BodyOverlay, scale: float, offset: QPointF, style: Style
) -> None:
    """The silhouette as a line with a dark edge, so that it shows on any picture."""
    painter.save()
    painter.translate(offset)
    painter.scale(scale, scale)
    painter.setOpacity(style.opacity)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width in ((HALO, style.width + 1.6), (style.colour, style.width)):
        pen = QPen(colour, width)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.drawPath(overlay.outline)
    painter.restore()


def draw_skeleton(painter: QPainter, joints: np.ndarray, hidden: np.ndarray, style: Style) -> None:
    """Bones and joints at widget positions; left joints are round, right ones square.

    Joints behind a surface are hollow, never left out.
    """
    painter.save()
    painter.setOpacity(style.opacity)
    finite = np.isfinite(joints).all(-1)
    lines = [
        QLineF(*joints[parent].tolist(), *joints[child].tolist())
        for parent, child in BONES
        if finite[parent] and finite[child]
    ]
    for colour, width in ((HALO, style.width + 1.8), (style.colour, style.width)):
        pen = QPen(colour, width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawLines(lines)
    outline = QPen(QColor(10, 12, 16), 1.0)
    hollow = QPen(style.colour, 1.4)
    for joint in np.flatnonzero(finite).tolist():
        painter.setPen(hollow if hidden[joint] else outline)
        painter.setBrush(QColor(16, 18, 22, 200) if hidden[joint] else style.colour)
        draw_mark(painter, joints[joint], style.size, side_of(joint))
    painter.restore()


def side_of(joint: int) -> int:
    """-1 for a right joint, 1 for a left one, 0 in the middle."""
    if MIRROR[joint] == joint:
        return 0
    return 1 if Joint(joint).name.startswith("LEFT") else -1


def _skel19_side(joint: int) -> int:
    if SKEL19_MIRROR[joint] == joint:
        return 0
    return 1 if Skel19(joint).name.startswith("LEFT") else -1


def draw_mark(painter: QPainter, at: np.ndarray, radius: float, side: int) -> None:
    """A circle for left, a square for right, a diamond in the middle."""
    x, y = float(at[0]), float(at[1])
    if side > 0:
        painter.drawEllipse(QPointF(x, y), radius, radius)
    elif side < 0:
        painter.drawRect(QRectF(x - radius * 0.9, y - radius * 0.9, 1.8 * radius, 1.8 * radius))
    else:
        r = radius * 1.15
        corners = [QPointF(x, y - r), QPointF(x + r, y), QPointF(x, y + r), QPointF(x - r, y)]
        painter.drawPolygon(QPolygonF(corners))


def draw_keypoints(
    painter: QPainter, points: np.ndarray, confidence: np.ndarray, style: Style
) -> None:
    """Detected keypoints (skel19) at widget positions, hollow where the detector is in doubt."""
    painter.save()
    painter.setOpacity(style.opacity)
    tint = QColor(style.colour).lighter(135)
    for joint in np.flatnonzero(np.isfinite(points).all(-1) & (confidence > 0)).tolist():
        sure = confidence[joint] >= DOUBTFUL_CONFIDENCE
        painter.setPen(QPen(QColor(255, 255, 255, 235) if sure else tint, 1.1))
        painter.setBrush(QBrush(tint) if sure else Qt.BrushStyle.NoBrush)
        draw_mark(painter, points[joint], style.size, _skel19_side(joint))
    painter.restore()


def draw_errors(
    painter: QPainter,
    detected: np.ndarray,
    body: np.ndarray,
    errors_px: np.ndarray,
    image_height: int,
    opacity: float,
) -> None:
    """Lines from detections to the body's joints; colour and thickness grow with the error."""
    painter.save()
    painter.setOpacity(opacity)
    drawn = np.isfinite(detected).all(-1) & np.isfinite(body).all(-1) & np.isfinite(errors_px)
    by_level: dict[int, list[QLineF]] = {}
    for joint in np.flatnonzero(drawn).tolist():
        line = QLineF(*detected[joint].tolist(), *body[joint].tolist())
        by_level.setdefault(error_level(errors_px[joint], image_height), []).append(line)
    for level in sorted(by_level):
        if level == 0:
            continue
        for colour, more in ((HALO, 1.4), (QColor(*ERROR_COLOURS[level]), 0.0)):
            painter.setPen(QPen(colour, ERROR_WIDTHS[level] + more))
            painter.drawLines(by_level[level])
    painter.restore()


def draw_guide(
    painter: QPainter, points: np.ndarray, near_body: np.ndarray, guess: np.ndarray, colour: QColor
) -> None:
    """The epipolar line, solid where the body is, and a cross at the wanted place."""
    painter.save()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    finite = np.isfinite(points).all(-1) & (np.abs(points) < 1e5).all(-1)
    for solid in (False, True):
        lines = [
            QLineF(*points[i].tolist(), *points[i + 1].tolist())
            for i in range(len(points) - 1)
            if finite[i] and finite[i + 1] and bool(near_body[i] and near_body[i + 1]) == solid
        ]
        pen = QPen(colour, 1.6 if solid else 1.0)
        if not solid:
            pen.setStyle(Qt.PenStyle.DotLine)
        painter.setPen(QPen(HALO, pen.widthF() + 1.4))
        if solid:
            painter.drawLines(lines)
        painter.setPen(pen)
        painter.drawLines(lines)
    if np.isfinite(guess).all():
        x, y = guess.tolist()
        cross = [QLineF(x - 7, y - 7, x + 7, y + 7), QLineF(x - 7, y + 7, x + 7, y - 7)]
        for pen in (QPen(HALO, 3.6), QPen(QColor(255, 255, 255), 1.6)):
            painter.setPen(pen)
            painter.drawLines(cross)
    painter.restore()


def draw_chip(
    painter: QPainter, at: QPointF, text: str, bounds: QRectF, colour: QColor | None = None
) -> None:
    """A small label beside a point, kept inside the view."""
    painter.save()
    metrics = painter.fontMetrics()
    width, height = metrics.horizontalAdvance(text) + 14.0, metrics.height() + 5.0
    box = QRectF(at.x() + 12, at.y() - height - 8, width, height)
    if box.right() > bounds.right() - 4:
        box.moveRight(at.x() - 12)
    box.moveLeft(max(box.left(), bounds.left() + 4))
    box.moveTop(min(max(box.top(), bounds.top() + 4), bounds.bottom() - height - 4))
    painter.setPen(QPen(colour, 1.2) if colour is not None else Qt.PenStyle.NoPen)
    painter.setBrush(QColor(16, 18, 22, 225))
    painter.drawRoundedRect(box, 4, 4)
    painter.setPen(QColor(240, 242, 245))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()


def draw_edge_arrow(
    painter: QPainter, at: np.ndarray, direction: np.ndarray, colour: QColor
) -> None:
    """A small arrow at the border that points to a joint outside the picture."""
    painter.save()
    forward = direction / max(float(np.linalg.norm(direction)), 1e-9)
    side = np.array([-forward[1], forward[0]])
    tip, back = at, at - forward * 9
    corners = [tip, back + side * 5, back - side * 5]
    painter.setPen(QPen(QColor(10, 12, 16), 1.0))
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([QPointF(*corner.tolist()) for corner in corners]))
    painter.restore()
