"""Arguments several verbs share; light, so that --help stays fast."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

_RANGE = re.compile(r"^\s*(\d+)?\s*(:)?\s*(\d+)?\s*$")


def add_scene_argument(parser: argparse.ArgumentParser) -> None:
    """SCENE and the body model it is shown with."""
    parser.add_argument(
        "scene",
        metavar="SCENE",
        type=Path,
        help="project folder, or a capture folder (its project is then made beside it)",
    )
    add_body_argument(parser)


def add_body_argument(parser: argparse.ArgumentParser) -> None:
    """--body-model."""
    parser.add_argument(
        "--body-model",
        metavar="FILE",
        help="an SMPL .pkl or .npz, a folder that holds smpl/SMPL_NEUTRAL.pkl, or 'open' for the "
        "body that comes with the program (default: the one the project was made with, else one "
        "found in $SMPLX_MODELS, else 'open')",
    )


def add_frames_argument(parser: argparse.ArgumentParser) -> None:
    """--frames."""
    parser.add_argument(
        "--frames",
        type=parse_frames,
        metavar="A:B",
        help="frame numbers as `avatarpose info` shows them, both included (default: all)",
    )


def parse_frames(text: str) -> tuple[int, int]:
    """First and last frame number, both included, of "A:B" or of a single number "A".

    Raises:
        argparse.ArgumentTypeError: it is neither, or ends before it begins.
    """
    match = _RANGE.match(text)
    if match is None or match[1] is None or (match[2] and match[3] is None):
        raise argparse.ArgumentTypeError(f"{text!r} is not a range of frames such as 21:44")
    first = int(match[1])
    last = int(match[3]) if match[3] is not None else first
    if last < first:
        raise argparse.ArgumentTypeError(f"the range {text} ends before it begins")
    return first, last


def parse_size(text: str) -> tuple[int, int]:
    """Width and height in pixels of "320x240".

    Raises:
        argparse.ArgumentTypeError: it is no such size.
    """
    match = re.match(r"^\s*(\d+)\s*[xX×]\s*(\d+)\s*$", text)
    if match is None or int(match[1]) < 1 or int(match[2]) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 320x240")
    return int(match[1]), int(match[2])


def parse_list(text: str) -> list[str]:
    """The entries of a list separated by commas."""
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def parse_numbers(text: str) -> list[int]:
    """The whole numbers of a list separated by commas.

    Raises:
        argparse.ArgumentTypeError: an entry is no whole number.
    """
    try:
        return [int(entry) for entry in parse_list(text)]
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of numbers such as 0,1"
        ) from error


def table(rows: Sequence[tuple[str, str]]) -> str:
    """Rows of (what, value) as aligned lines."""
    width = max((len(what) for what, _ in rows), default=0)
    return "\n".join(f"{what:<{width}}  {value}".rstrip() for what, value in rows)
