"""Settings of a refinement as one frozen value; presets are named values of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

PRESETS = ("preview", "standard", "full")
Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the user asks a refinement to do.

    Attributes:
        preset: "preview", "standard" or "full".
        frames: first and last frame *number*, both included; None for all.
        pids: people to refine; None for all.
        cameras: cameras whose pictures are used; None for all.
        device: "auto" picks CUDA when there is one.
        seed: of every random draw.
    """

    preset: str = "standard"
    frames: tuple[int, int] | None = None
    pids: Sequence[int] | None = None
    cameras: Sequence[str] | None = None
    device: Device = "auto"
    seed: int = 42
