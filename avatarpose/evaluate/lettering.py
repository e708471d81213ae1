"""Text and sheets for pictures: captions inside a picture, several pictures side by side."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8

FONT = cv2.FONT_HERSHEY_DUPLEX
_LETTER_PX = 15.0  # height of a line of text at 480 lines
_INK = (255, 255, 255)
_GROUND = 0.62  # how much the ground under text is darkened
GAP_COLOUR = (24, 27, 33)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text.

    Attributes:
        text: what it says; letters the font lacks are written without their accents.
        colour: of a square before the text; None for no square.
    """

    text: str
    colour: tuple[int, int, int] | None = None


def write_lines(
    canvas: UInt8[np.ndarray, "height width 3"],
    lines: Sequence[Line],
    unit: float,
    *,
    at_bottom: bool,
) -> None:
    """Write onto the picture itself, on a darkened ground in a left corner.

    Args:
        canvas: changed in place.
        lines: from top to bottom.
        unit: pixels of a hair line; letters are a multiple of it.
        at_bottom: the lower corner instead of the upper one.
    """
    lines = [line for line in lines if line.text]
    if not lines:
        return
    step = _LETTER_PX * unit
    scale = cv2.getFontScaleFromHeight(FONT, round(0.62 * step), 1)
    stroke = max(1, round(0.55 * unit))
    inset = 0.45 * step
    chip = 0.62 * step
    widths = []
    for line in lines:
        (width, _), _ = cv2.getTextSize(plain_text(line.text), FONT, scale, stroke)
        widths.append(width + (chip + 0.4 * step if line.colour else 0))
    box_width = round(max(widths) + 2 * inset)
    box_height = round(step * 1.25 * len(lines) + inset)
    top = max(0, canvas.shape[0] - box_height) if at_bottom else 0
    ground = canvas[top : top + box_height, :box_width]
    ground[:] = np.round(ground * (1 - _GROUND)).astype(np.uint8)
    for number, line in enumerate(lines):
        middle = top + inset / 2 + step * 1.25 * (number + 0.5)
        x = inset
        if line.colour:
            corner = (round(x), round(middle - chip / 2))
            cv2.rectangle(
                canvas, corner, (round(x + chip), round(middle + chip / 2)), line.colour, -1
            )
            x += chip + 0.4 * step
        place = (round(x), round(middle + 0.31 * step))
        cv2.putText(canvas, plain_text(line.text), place, FONT, scale, _INK, stroke, cv2.LINE_AA)


def plain_text(text: str) -> str:
    """The text in the letters the font has."""
    spread = unicodedata.normalize("NFKD", text)
    bare = "".join(letter for letter in spread if not unicodedata.combining(letter))
    return bare.encode("ascii", "replace").decode("ascii")


def sheet(
    pictures: Sequence[UInt8[np.ndarray, "_ _ 3"]], columns: int, gap_px: int = 4
) -> UInt8[np.ndarray, "height width 3"]:
    """Pictures in rows of `columns`, each in the middle of a cell of the largest size."""
    cell_height = max(picture.shape[0] for picture in pictures)
    cell_width = max(picture.shape[1] for picture in pictures)
    columns = max(1, min(columns, len(pictures)))
    rows = -(-len(pictures) // columns)
    height = rows * (cell_height + gap_px) - gap_px
    width = columns * (cell_width + gap_px) - gap_px
    out = np.full((height, width, 3), GAP_COLOUR, np.uint8)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        top = row * (cell_height + gap_px) + (cell_height - picture.shape[0]) // 2
        left = column * (cell_width + gap_px) + (cell_width - picture.shape[1]) // 2
        out[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return out


def columns_for(count: int, width: int, height: int) -> int:
    """Columns under which `count` pictures of one size make a sheet nearest to 16:9."""
    shapes = range(1, count + 1)

    def strangeness(columns: int) -> float:
        rows = -(-count // columns)
        empty = rows * columns - count
        return abs(np.log(columns * width / (rows * height) / (16 / 9))) + 0.3 * empty / count

    return min(shapes, key=strangeness)
