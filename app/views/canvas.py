"""Fast drawing into a picture in memory: a camera view has thousands of lines to draw per turn.

OpenCV draws antialiased lines straight into the pixels several times faster than a general painter.
Positions are in widget pixels; the canvas may be finer by the screen's scale factor.
"""

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from PySide6.QtGui import QColor, QImage

_SHIFT = 4  # OpenCV takes fixed-point positions with this many fractional bits
_DIAMOND = np.array([(0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)])
_SQUARE = np.array([(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)])
HALO = (24, 20, 16)
WHITE = (245, 245, 245)

Bgr = tuple[int, int, int]


def bgr(colour: QColor) -> Bgr:
    """A colour in the canvas's channel order."""
    return colour.blue(), colour.green(), colour.red()


class Canvas:
    """A BGRA picture to draw on.

    Args:
        pixels: the ground, drawn over in place.
        ratio: canvas pixels per widget pixel.
    """

    def __init__(self, pixels: UInt8[np.ndarray, "height width 4"], ratio: float) -> None:
        self.pixels = pixels
        self._ratio = ratio

    def image(self) -> QImage:
        """The picture for a painter; shares the canvas's memory."""
        height, width = self.pixels.shape[:2]
        image = QImage(self.pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(self._ratio)
        return image

    def polylines(
        self, lines: list[np.ndarray], colour: Bgr, width: float, *, closed: bool = False
    ) -> None:
        """Lines through positions, each (points, 2); none may hold NaN."""
        if lines:
            self._lines([self._fixed(line) for line in lines], colour, width, closed=closed)

    def segments(self, ends: Float[np.ndarray, "lines 2 2"], colour: Bgr, width: float) -> None:
        """Separate straight lines; those with NaN are left out."""
        good = np.isfinite(ends).all((1, 2)) & (np.abs(ends) < 2e4).all((1, 2))
        if good.any():
            self._lines(list(self._fixed(ends[good])), colour, width, closed=False)

    def marks(
        self,
        at: Float[np.ndarray, "points 2"],
        radius: float,
        sides: np.ndarray,
        colour: Bgr,
        filled: np.ndarray,
        edge: Bgr | None = None,
    ) -> None:
        """Circles for left (1), squares for right (-1), diamonds for the middle (0).

        Hollow ones are drawn as a line of their colour; filled ones may have an edge.
        """
        good = np.isfinite(at).all(-1) & (np.abs(at) < 2e4).all(-1)
        for hollow in (False, True):
            chosen = good & (filled != hollow)
            if hollow:
                self._shapes(at[chosen], radius + 0.4, sides[chosen], HALO, -1)
                self._shapes(at[chosen], radius, sides[chosen], colour, 1)
            else:
                if edge is not None:
                    self._shapes(at[chosen], radius + 0.9, sides[chosen], edge, -1)
                self._shapes(at[chosen], radius, sides[chosen], colour, -1)

    def blend_with(self, under: np.ndarray, share: float) -> None:
        """Let what was there before shine through: `share` of the drawing stays."""
        cv2.addWeighted(self.pixels, share, under, 1.0 - share, 0.0, self.pixels)

    def _lines(self, fixed: list[np.ndarray], colour: Bgr, width: float, *, closed: bool) -> None:
        thickness = max(1, round(width * self._ratio))
        cv2.polylines(self.pixels, fixed, closed, (*colour, 255), thickness, cv2.LINE_AA, _SHIFT)

    def _shapes(
        self, at: np.ndarray, radius: float, sides: np.ndarray, colour: Bgr, thickness: int
    ) -> None:
        full = (*colour, 255)
        size = round(radius * self._ratio * 2**_SHIFT)
        for x, y in self._fixed(at[sides > 0]).tolist():
            cv2.circle(self.pixels, (x, y), size, full, thickness, cv2.LINE_AA, _SHIFT)
        for side, corners in ((-1, _SQUARE), (0, _DIAMOND)):
            polygons = self._fixed(at[sides == side][:, None] + corners * radius)
            if thickness < 0:
                for polygon in polygons:  # one by one: overlapping ones must not cancel
                    cv2.fillConvexPoly(self.pixels, polygon, full, cv2.LINE_AA, _SHIFT)
            elif len(polygons):
                closed = list(polygons)
                cv2.polylines(self.pixels, closed, True, full, thickness, cv2.LINE_AA, _SHIFT)

    def _fixed(self, points: np.ndarray) -> np.ndarray:
        return np.rint((points * self._ratio - 0.5) * 2**_SHIFT).astype(np.int32)
