"""What lies over a camera picture: geometry of bodies in pixels, and how it is drawn."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from app.views.canvas import HALO, WHITE, Canvas, bgr
from avatarpose.body.skeleton import BONES, MIRROR, SKEL19_MIRROR, Joint, Skel19
from avatarpose.body.smpl import PosedBody, SmplModel
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rasteriser import rasterise
from avatarpose.geometry.silhouette import project_surface, rough_depth, silhouette
from avatarpose.optimize.snapshot import Preview

# From calm to alarming; told apart by lightness as well, so that hue alone never carries it.
ERROR_COLOURS = ((190, 200, 208), (240, 214, 66), (238, 68, 47))
ERROR_WIDTHS = (1.0, 1.8, 3.0)
ERROR_LIMITS_PX = (2.0, 5.0)  # at 1080 lines
REFERENCE_LINES = 1080
DOUBTFUL_CONFIDENCE = 0.5
OCCLUDED_BEHIND_M = 0.17  # joints lie inside their own body
GRID_STEP_PX = 16  # of the coarse map from recorded to ideal pixels
OUTLINE_TOLERANCE_PX = 0.3  # on the screen
DEPTH_PX = 96  # longer side of the picture that occlusion is judged in


@dataclass(frozen=True, slots=True, eq=False)
class BodyOverlay:
    """One body as one camera sees it; pixels are recorded ones of the full-size picture.

    Attributes:
        joints: SMPL joints.
        joints_depth: along the optical axis (m).
        skel19: measured joints.
        outline: closed lines around the silhouette.
        depth: nearest surface (m, inf: none) in a small picture.
        depth_scale: pixels of that picture per full-size pixel.
    """

    joints: Float[np.ndarray, "24 2"]
    joints_depth: Float[np.ndarray, " 24"]
    skel19: Float[np.ndarray, "19 2"]
    outline: tuple[np.ndarray, ...]
    depth: Float[np.ndarray, "height width"]
    depth_scale: float


def error_levels(errors_px: np.ndarray, image_height: int) -> np.ndarray:
    """0 calm, 1 noticeable, 2 large; the limits of 2 and 5 px hold at 1080 lines."""
    limits = np.asarray(ERROR_LIMITS_PX) * image_height / REFERENCE_LINES
    return np.searchsorted(limits, errors_px)


def error_level(error_px: float, image_height: int) -> int:
    """The level of one error."""
    return int(error_levels(np.array([error_px]), image_height)[0])


def error_colour(error_px: float, image_height: int) -> QColor:
    """Colour of a reprojection error."""
    return QColor(*ERROR_COLOURS[error_level(error_px, image_height)])


def body_overlay(
    model: SmplModel, body: PosedBody, camera: Camera, reduction: float
) -> BodyOverlay:
    """Project a posed body (first frame) and trace its silhouette at `reduction` of full size."""
    pixels, depth = project_surface(camera, body.vertices_world[0])
    small_scale = DEPTH_PX / max(camera.width, camera.height)
    small = _resized(pixels, small_scale)
    joints, joints_depth = project_surface(camera, body.joints_world[0])
    skel19, _ = project_surface(camera, model.skel19(body)[0])
    return BodyOverlay(
        joints=joints.astype(np.float64),
        joints_depth=joints_depth,
        skel19=skel19.astype(np.float64),
        outline=_outline(model, pixels, camera, reduction),
        depth=rough_depth(small, depth, *_size(camera, small_scale)),
        depth_scale=small_scale,
    )


def _resized(pixels: np.ndarray, scale: float) -> np.ndarray:
    return ((pixels + np.float32(0.5)) * np.float32(scale) - np.float32(0.5)).astype(np.float32)


def _size(camera: Camera, scale: float) -> tuple[int, int]:
    return max(2, round(camera.width * scale)), max(2, round(camera.height * scale))


def _outline(
    model: SmplModel, pixels: np.ndarray, camera: Camera, reduction: float
) -> tuple[np.ndarray, ...]:
    """Closed lines around the body; a running mean takes the stairs of the raster out of them."""
    mask = silhouette(_resized(pixels, reduction), model.faces, *_size(camera, reduction))
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    lines = []
    for contour in contours:
        if len(contour) < 8:
            continue
        points = contour[:, 0].astype(np.float64)
        wrapped = np.concatenate([points[-2:], points, points[:2]])
        smooth = (wrapped[:-4] + wrapped[1:-3] + wrapped[2:-2] + wrapped[3:-1] + wrapped[4:]) / 5
        spare = cv2.approxPolyDP(smooth.astype(np.float32)[:, None], OUTLINE_TOLERANCE_PX, True)
        lines.append((spare[:, 0].astype(np.float64) + 0.5) / reduction - 0.5)
    return tuple(lines)


def occluded(overlay: BodyOverlay, everybody: list[BodyOverlay]) -> np.ndarray:
    """Which SMPL joints lie behind some surface, with their own body's thickness allowed for."""
    hidden = np.zeros(24, bool)
    for other in everybody:
        height, width = other.depth.shape
        at = np.nan_to_num((overlay.joints + 0.5) * other.depth_scale - 0.5, nan=-9.0)
        at = np.clip(np.rint(at), -9, 9999).astype(int)
        inside = (at >= 0).all(-1) & (at[:, 0] < width) & (at[:, 1] < height)
        column, row = np.where(inside[:, None], at, 0).T
        hidden |= inside & (other.depth[row, column] < overlay.joints_depth - OCCLUDED_BEHIND_M)
    return hidden


def shaded_mesh(
    model: SmplModel, body: PosedBody, camera: Camera, reduction: float, colour: QColor
) -> QImage:
    """The body as a matt picture on nothing, at `reduction` of full size."""
    pixels, depth = project_surface(camera, body.vertices_world[0])
    face, _, _ = rasterise(
        _resized(pixels, reduction), depth, model.faces, *_size(camera, reduction)
    )
    corners = body.vertices_world[0][model.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    light = camera.camera_from_world[2, :3] * -0.8 + np.array([0.0, 0.0, 0.6])
    light = light / np.linalg.norm(light)
    shade = (0.45 + 0.55 * np.clip(normals @ light, 0.0, 1.0)).astype(np.float32)
    seen = face >= 0
    lit = np.where(seen, shade[face], 0.0)
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
    """How a person is drawn.

    Attributes:
        colour: the person's.
        size: marker radius in widget pixels.
        outline_px: line width of the silhouette.
        bone_px: line width of the skeleton.
        halo_px: by how much dark edges are wider; 0 draws none.
    """

    colour: QColor
    size: float
    outline_px: float = 1.0
    bone_px: float = 2.0
    halo_px: float = 1.0


@dataclass(frozen=True, slots=True)
class Placement:
    """Where recorded pixels lie in the widget: scale and offset."""

    scale: float
    x: float
    y: float

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Widget positions of recorded pixels."""
        return (pixels + 0.5) * self.scale + np.array([self.x, self.y])


_BONE_ENDS = np.array(BONES)
SIDES = np.array(
    [0 if MIRROR[j] == j else 1 if Joint(j).name.startswith("LEFT") else -1 for j in range(24)]
)
_SKEL19_SIDES = np.array(
    [
        0 if SKEL19_MIRROR[j] == j else 1 if Skel19(j).name.startswith("LEFT") else -1
        for j in range(19)
    ]
)


def draw_outline(canvas: Canvas, overlay: BodyOverlay, place: Placement, style: Style) -> None:
    """The silhouette as a line with a dark edge, so that it shows on any picture."""
    lines = [place(line) for line in overlay.outline]
    if style.halo_px > 1:
        canvas.polylines(lines, HALO, style.outline_px + style.halo_px, closed=True)
    canvas.polylines(lines, bgr(style.colour), style.outline_px, closed=True)


def draw_skeleton(canvas: Canvas, joints: np.ndarray, hidden: np.ndarray, style: Style) -> None:
    """Bones and joints at widget positions; left joints are round, right ones square.

    Joints behind a surface are hollow, never left out.
    """
    ends = joints[_BONE_ENDS]
    canvas.segments(ends, HALO, style.bone_px + style.halo_px)
    canvas.segments(ends, bgr(style.colour), style.bone_px)
    canvas.marks(joints, style.size, SIDES, bgr(style.colour), ~hidden, edge=HALO)


def draw_keypoints(
    canvas: Canvas, points: np.ndarray, confidence: np.ndarray, style: Style
) -> None:
    """Detected keypoints (skel19) at widget positions, hollow where the detector is in doubt."""
    at = np.where((confidence > 0)[:, None], points, np.nan)
    sure = confidence >= DOUBTFUL_CONFIDENCE
    tint = bgr(style.colour.lighter(150))
    canvas.marks(at, style.size, _SKEL19_SIDES, tint, sure, edge=WHITE)


def draw_errors(
    canvas: Canvas, detected: np.ndarray, body: np.ndarray, errors_px: np.ndarray, image_height: int
) -> None:
    """Lines from detections to the body's joints; colour and thickness grow with the error."""
    ends = np.stack([detected, body], axis=1)
    levels = error_levels(errors_px, image_height)
    for level in (1, 2):
        chosen = ends[(levels == level) & np.isfinite(errors_px)]
        red, green, blue = ERROR_COLOURS[level]
        canvas.segments(chosen, HALO, ERROR_WIDTHS[level] + 2)
        canvas.segments(chosen, (blue, green, red), ERROR_WIDTHS[level])


def draw_guide(
    canvas: Canvas, points: np.ndarray, near_body: np.ndarray, guess: np.ndarray, colour: QColor
) -> None:
    """The epipolar line, solid where the body is, and a cross at the wanted place."""
    ends = np.stack([points[:-1], points[1:]], axis=1)
    solid = near_body[:-1] & near_body[1:]
    dotted = ends[~solid][::2]
    canvas.segments(dotted, HALO, 3)
    canvas.segments(dotted, bgr(colour), 1)
    canvas.segments(ends[solid], HALO, 4)
    canvas.segments(ends[solid], bgr(colour), 2)
    arms = np.array([[(-7, -7), (7, 7)], [(-7, 7), (7, -7)]], float) + guess
    canvas.segments(arms, HALO, 4)
    canvas.segments(arms, WHITE, 2)


def draw_mark(painter: QPainter, at: np.ndarray, radius: float, joint: int) -> None:
    """A ring around a joint: round for left, square for right, a diamond in the middle."""
    x, y, side = float(at[0]), float(at[1]), SIDES[joint]
    if side > 0:
        painter.drawEllipse(QPointF(x, y), radius, radius)
    elif side < 0:
        painter.drawRect(QRectF(x - radius * 0.9, y - radius * 0.9, 1.8 * radius, 1.8 * radius))
    else:
        r = radius * 1.15
        corners = [QPointF(x, y - r), QPointF(x + r, y), QPointF(x, y + r), QPointF(x - r, y)]
        painter.drawPolygon(QPolygonF(corners))


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
