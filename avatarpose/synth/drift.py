"""Smooth random curves over time: how people sway, and how errors last from frame to frame."""

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d


def drift(
    rng: np.random.Generator, frame_count: int, *channels: int, period_frames: float
) -> Float[np.ndarray, "..."]:
    """Stationary Gaussian noise of unit variance, alike over about `period_frames` frames."""
    margin = int(np.ceil(4 * period_frames)) + 1
    white = rng.standard_normal((frame_count + 2 * margin, *channels))
    smooth = gaussian_filter1d(white, period_frames, axis=0, mode="wrap")
    gain = np.sqrt(2 * period_frames * np.sqrt(np.pi))  # of a Gaussian filter on white noise
    return (smooth * gain)[margin : margin + frame_count]


def ease(share: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """From 0 at share <= 0 to 1 at share >= 1, with level ends."""
    share = np.clip(share, 0.0, 1.0)
    return share * share * (3 - 2 * share)


def segments(
    rng: np.random.Generator, frame_count: int, chance_per_frame: float, lengths: tuple[int, int]
) -> list[tuple[int, int]]:
    """Random stretches [first, end) that begin at any frame with the given chance, no overlap."""
    found: list[tuple[int, int]] = []
    frame = 0
    while frame < frame_count:
        if rng.random() < chance_per_frame:
            end = min(frame + int(rng.integers(lengths[0], lengths[1] + 1)), frame_count)
            found.append((frame, end))
            frame = end
        frame += 1
    return found
