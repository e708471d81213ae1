"""OpenCV's FileStorage dialect of YAML, which general parsers reject, as calibrations use it.

Nothing in such a file can name a type or run code.
"""

import re

import numpy as np

from avatarpose.errors import FormatError

_LARGEST_MATRIX = 10_000
Value = str | list[str] | np.ndarray
_REMEDY = "Write the file with OpenCV's FileStorage, or export the calibration again."


def parse_opencv_yaml(text: str, where: str) -> dict[str, Value]:
    """The entries of an OpenCV FileStorage text: strings, lists of strings, and matrices.

    Raises:
        FormatError: a line is none of these, naming the line.
    """
    lines = [_without_comment(line) for line in text.replace("\r\n", "\n").split("\n")]
    found: dict[str, Value] = {}
    number = 0
    while number < len(lines):
        line = lines[number]
        if not line.strip() or line.startswith(("%", "---", "...")):
            number += 1
            continue
        key, colon, value = line.partition(":")
        if not colon or line[0] in " \t-" or (value and value[0] not in " \t"):
            raise _bad_line(where, number)
        key, value = _unquoted(key), value.strip()
        if key in found:
            raise FormatError(f"{where}, line {number + 1}: {key} occurs twice.", remedy=_REMEDY)
        block = [value]
        start = number
        number += 1
        still_open = value.count("[") - value.count("]")
        while number < len(lines) and (still_open > 0 or _belongs(lines[number])):
            block.append(lines[number].strip())
            still_open += block[-1].count("[") - block[-1].count("]")
            number += 1
        found[key] = _value(block, where, start)
    return found


def _bad_line(where: str, number: int) -> FormatError:
    return FormatError(f"{where}, line {number + 1} cannot be understood.", remedy=_REMEDY)


def _without_comment(line: str) -> str:
    if "#" not in line:
        return line
    quote = ""
    for position, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == "#" and (position == 0 or line[position - 1] in " \t"):
            return line[:position]
    return line


def _belongs(line: str) -> bool:
    """True when a line continues the entry begun above it."""
    return not line.strip() or line[0] in " \t" or line.startswith("- ") or line.strip() == "-"


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    return text


def _value(block: list[str], where: str, number: int) -> Value:
    parts = [part for part in block if part]
    if not parts:
        return ""
    if parts[0].startswith("!!opencv-matrix"):
        rest = parts[0][len("!!opencv-matrix") :].strip()
        return _matrix(([rest] if rest else []) + parts[1:], where, number)
    if parts[0].startswith("!!"):
        raise FormatError(
            f"{where}, line {number + 1}: the tag {parts[0].split()[0]} is not opened.",
            remedy=_REMEDY,
        )
    joined = " ".join(parts)
    if joined.startswith("["):
        if not joined.endswith("]"):
            raise _bad_line(where, number)
        return [_unquoted(part) for part in joined[1:-1].split(",") if part.strip()]
    if all(part == "-" or part.startswith("- ") for part in parts):
        return [_unquoted(part[1:]) for part in parts]
    if len(parts) == 1:
        return _unquoted(parts[0])
    raise _bad_line(where, number)


def _matrix(parts: list[str], where: str, number: int) -> np.ndarray:
    text = " ".join(parts)
    rows = re.search(r"\brows\s*:\s*(\d+)", text)
    columns = re.search(r"\bcols\s*:\s*(\d+)", text)
    data = re.search(r"\bdata\s*:\s*\[([^\]]*)\]", text)
    if rows is None or columns is None or data is None:
        raise FormatError(
            f"{where}, line {number + 1}: a matrix lacks its rows, cols or data.", remedy=_REMEDY
        )
    shape = int(rows[1]), int(columns[1])
    try:
        values = [float(part) for part in data[1].replace(".Nan", "nan").split(",") if part.strip()]
    except ValueError as error:
        raise FormatError(
            f"{where}, line {number + 1}: a matrix holds something that is no number.",
            remedy=_REMEDY,
        ) from error
    if shape[0] * shape[1] != len(values) or len(values) > _LARGEST_MATRIX:
        raise FormatError(
            f"{where}, line {number + 1}: {len(values)} numbers are not {shape[0]} x {shape[1]}.",
            remedy=_REMEDY,
        )
    return np.array(values).reshape(shape)


def matrix_lines(key: str, matrix: np.ndarray) -> list[str]:
    """The lines of one matrix entry, with all digits."""
    numbers = ", ".join(repr(float(value)) for value in matrix.ravel())
    rows, columns = matrix.shape
    return [
        f"{key}: !!opencv-matrix",
        f"   rows: {rows}",
        f"   cols: {columns}",
        "   dt: d",
        f"   data: [ {numbers} ]",
    ]
