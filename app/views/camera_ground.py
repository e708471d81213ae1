"""The ground of a camera view: the photo, rendered avatars and filled meshes, in widget size."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8
from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF
from PySide6.QtGui import QColor, QImage, QPainter

from app.footage import Picture
from app.views import overlays
from app.views.canvas import Canvas
from app.views.overlays import LensMap, Placement
from app.workbench import Workbench
from avatarpose.body.smpl import PosedBody
from avatarpose.geometry.camera import Camera
from avatarpose.optimize.snapshot import Preview
from avatarpose.scene.scene import Scene

DIMMED = 0.25
MESH_OPACITY = 0.6
KEPT_BYTES = 12 << 20  # of photos at screen size, per view
GROUND_BGRA = (28, 25, 24, 255)
BLANK_BGRA = (42, 38, 36, 255)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the picture lies in the widget.

    Attributes:
        size: of the widget.
        ratio: device pixels per widget pixel.
        scale: widget pixels per recorded pixel.
        offset: widget position of the picture's corner.
        is_fit: True when the whole picture is shown as large as it goes.
    """

    size: QSize
    ratio: float
    scale: float
    offset: QPointF
    is_fit: bool

    @property
    def place(self) -> Placement:
        """Maps recorded pixels to widget positions."""
        return Placement(self.scale, self.offset.x(), self.offset.y())

    @property
    def key(self) -> tuple[float, ...]:
        """Equal for equal layouts."""
        return (
            self.size.width(), self.size.height(), self.ratio, self.scale,
            self.offset.x(), self.offset.y(),
        )  # fmt: skip


class CameraGround:
    """Makes and keeps the ground of one view; `words` says why there is no picture."""

    def __init__(self, bench: Workbench, camera: Camera) -> None:
        self._bench, self._camera = bench, camera
        self._lens = LensMap(camera)
        self._picture: Picture | None = None
        self._kept: tuple[object, np.ndarray] | None = None
        self._photos: dict[object, tuple[Picture, np.ndarray]] = {}
        self._preview: tuple[Preview, QImage] | None = None
        self._meshes: dict[int, tuple[PosedBody, float, QImage]] = {}
        self.words = ""
        self.serial = 0

    def pixels(
        self, scene: Scene | None, bodies: dict[int, PosedBody], index: int, layout: Layout
    ) -> UInt8[np.ndarray, "height width 4"]:
        """The ground (not to be drawn on); `serial` grows when it is another one."""
        values, selection = self._bench.settings.values, self._bench.selection
        self.words = ""
        picture = self._picture_now(index, layout) if values.show_photo else None
        preview = self._bench.bodies.preview(self._camera.name, index)
        preview = preview if values.show_avatar else None
        meshes = bodies if scene is not None and values.mesh == "fill" else {}
        key = (
            layout.key, picture, preview, values.avatar_opacity, values.photo_opacity,
            tuple(meshes.values()), selection.pid if selection.is_solo else None,
        )  # fmt: skip
        if self._kept is not None and self._kept[0] == key:
            return self._kept[1]
        ground = self._kept_photo(picture, layout)
        if scene is not None and (preview is not None or meshes):
            ground = self._with_pictures(ground, scene, meshes, preview, layout)
        self._kept = (key, ground)
        self.serial += 1
        return ground

    def _picture_now(self, index: int, layout: Layout) -> Picture | None:
        """The frame's picture, or the last one until it arrives."""
        footage = self._bench.footage
        found = footage.picture(self._camera.name, index, _reduction(layout))
        if found is not None:
            self._picture = found
        if not footage.has_picture(self._camera.name, index):
            self.words = "No picture in this frame"
            return None
        if self._picture is None:
            self.words = "Loading…"
        return self._picture

    def _kept_photo(self, picture: Picture | None, layout: Layout) -> np.ndarray:
        """The photo ground, kept for going back and forth in time."""
        if picture is None:
            return self._photo_ground(None, layout)
        # The picture itself is kept beside its ground, so its id cannot be given to another one.
        key = (layout.key, id(picture), self._bench.settings.values.photo_opacity)
        kept = self._photos.pop(key, None)
        if kept is None:
            kept = (picture, self._photo_ground(picture, layout))
            while self._photos and (len(self._photos) + 1) * kept[1].nbytes > KEPT_BYTES:
                del self._photos[next(iter(self._photos))]
        self._photos[key] = kept
        return kept[1]

    def _photo_ground(self, picture: Picture | None, layout: Layout) -> np.ndarray:
        """The photo where it belongs in a picture of the widget's size."""
        ratio = layout.ratio
        wide = max(1, round(layout.size.width() * ratio))
        high = max(1, round(layout.size.height() * ratio))
        ground = np.empty((high, wide, 4), np.uint8)
        ground[:] = GROUND_BGRA
        left, top = layout.offset.x() * ratio, layout.offset.y() * ratio
        size = self._size_on_screen(layout) * ratio
        if picture is None:
            x, y = max(0, round(left)), max(0, round(top))
            right, bottom = round(left + size.width()), round(top + size.height())
            ground[y : max(y, bottom), x : max(x, right)] = BLANK_BGRA
            return ground
        rows, columns = picture.bgra.shape[:2]
        scale_x, scale_y = size.width() / columns, size.height() / rows
        if layout.is_fit:
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
        self,
        ground: np.ndarray,
        scene: Scene,
        meshes: dict[int, PosedBody],
        preview: Preview | None,
        layout: Layout,
    ) -> np.ndarray:
        """Rendered avatars and translucent meshes over the photo."""
        values, selection = self._bench.settings.values, self._bench.selection
        image = Canvas(ground, layout.ratio).image().copy()
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        target = QRectF(layout.offset, self._size_on_screen(layout))
        if preview is not None:
            if self._preview is None or self._preview[0] is not preview:
                self._preview = (preview, self._lens.distorted(preview))
            painter.setOpacity(values.avatar_opacity)
            painter.drawImage(target, self._preview[1])
        depth = self._camera.depth
        furthest_first = sorted(
            meshes.items(), key=lambda item: -float(depth(item[1].joints_world[0].mean(0)))
        )
        for pid, body in furthest_first:
            dimmed = selection.is_solo and pid != selection.pid
            painter.setOpacity(MESH_OPACITY * (DIMMED if dimmed else 1.0))
            painter.drawImage(target, self._mesh(scene, pid, body, layout))
        painter.end()
        height, width = ground.shape[:2]
        # A copy: the image's memory goes with the image.
        return np.array(image.constBits(), np.uint8).reshape(height, width, 4)

    def _mesh(self, scene: Scene, pid: int, body: PosedBody, layout: Layout) -> QImage:
        reduction = min(1.0, layout.scale * layout.ratio)
        kept = self._meshes.get(pid)
        if kept is None or kept[0] is not body or kept[1] != reduction:
            colour = QColor(*scene.person(pid).colour)
            image = overlays.shaded_mesh(scene.body, body, self._camera, reduction, colour)
            kept = self._meshes[pid] = (body, reduction, image)
        return kept[2]

    def _size_on_screen(self, layout: Layout) -> QSizeF:
        return QSizeF(self._camera.width * layout.scale, self._camera.height * layout.scale)


def _reduction(layout: Layout) -> int:
    """The coarsest picture that still has a pixel for every pixel of the screen."""
    needed = layout.scale * layout.ratio
    for reduction in (8, 4, 2):
        if needed * reduction <= 1.0:
            return reduction
    return 1
