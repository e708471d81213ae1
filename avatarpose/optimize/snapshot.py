"""What a running refinement shows of itself: plain values that may cross threads and processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from avatarpose.body.pose import PoseSequence, frozen, rebuild


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """A rendered picture of the avatars from one camera.

    Attributes:
        camera: camera name.
        frame_index: position on the time base.
        rgba: straight (not premultiplied) colour with opacity, in the undistorted image, reduced.
    """

    camera: str
    frame_index: int
    rgba: UInt8[np.ndarray, "height width 4"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "rgba", frozen(self.rgba, np.uint8))

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild(self)


@dataclass(frozen=True, slots=True, eq=False)
class StageBand:
    """Where a stage lies in the run, for plots."""

    name: str
    first_step: int
    last_step: int


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The state of a run after a step.

    Attributes:
        step: steps done over the whole schedule.
        step_count: steps of the whole schedule.
        stage: name of the stage in work.
        stage_index: its position.
        stage_count: number of stages.
        elapsed_s: running time, pauses left out.
        remaining_s: estimate for the rest; NaN when unknown.
        steps_per_s: recent speed.
        losses: latest value of each term.
        revision: revision of the scene the run has taken in last.
        poses: current poses per person, over the whole time base of the capture.
        previews: newly rendered pictures (often none).
        message: a sentence for the status line, "" when there is nothing to say.
        bands: the whole schedule, where it is known; the window draws the stages from it.
    """

    step: int
    step_count: int
    stage: str
    stage_index: int
    stage_count: int
    elapsed_s: float
    remaining_s: float
    steps_per_s: float
    losses: Mapping[str, float]
    revision: int
    poses: Mapping[int, PoseSequence]
    previews: tuple[Preview, ...] = ()
    message: str = ""
    bands: tuple[StageBand, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild(self)


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """What a finished or stopped run leaves behind.

    Attributes:
        poses: refined poses per person over the whole time base; outside the range as before.
        frames: first and last frame number refined.
        seconds: running time.
        losses: per term, (step, value) pairs.
        bands: the stages.
        is_complete: False when it was stopped early.
        restored_frames: per person, frame numbers that were put back because they got worse.
    """

    poses: Mapping[int, PoseSequence]
    frames: tuple[int, int]
    seconds: float
    losses: Mapping[str, tuple[tuple[int, float], ...]]
    bands: tuple[StageBand, ...]
    is_complete: bool
    restored_frames: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    uncertainty_m: Mapping[int, Float[np.ndarray, "frames joints=24"]] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuild(self)
