"""Progress on standard error: a line that changes on a terminal, now and then one elsewhere."""

import math
import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from avatarpose.optimize.snapshot import Snapshot

_BAR = 24
_PLAIN_EVERY_S = 5.0


class ProgressLine:
    """Tells how far something is.

    Args:
        stream: where to; standard error when None.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._topic, self._told_s, self._width = "", -math.inf, 0

    def show(self, share: float, topic: str, details: str = "") -> None:
        """Show the state; outside a terminal only when the topic is new, or after some seconds.

        Args:
            share: done so far, 0 to 1.
            topic: what is being done.
            details: numbers.
        """
        share = min(max(share, 0.0), 1.0)
        now = time.monotonic()
        if self._is_terminal:
            filled = round(share * _BAR)
            text = f"[{'#' * filled}{'-' * (_BAR - filled)}] {share:4.0%}  {topic}  {details}"
            text = text.rstrip()
            self._stream.write("\r" + text.ljust(self._width))
            self._width = len(text)
        elif topic != self._topic or now - self._told_s >= _PLAIN_EVERY_S:
            self._stream.write(f"{share:4.0%}  {topic}  {details}".rstrip() + "\n")
            self._told_s = now
        self._topic = topic
        self._stream.flush()

    def say(self, text: str) -> None:
        """A line of its own; the progress goes on below it."""
        self.close()
        self._stream.write(text + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Leave the last state standing."""
        if self._is_terminal and self._width:
            self._stream.write("\n")
            self._stream.flush()
        self._width = 0


def snapshot_details(snapshot: "Snapshot") -> str:
    """Steps, pace and time left of a refinement."""
    parts = [f"step {snapshot.step}/{snapshot.step_count}"]
    if snapshot.steps_per_s > 0:
        parts.append(f"{snapshot.steps_per_s:.1f} it/s")
    if math.isfinite(snapshot.remaining_s) and snapshot.remaining_s > 0:
        parts.append(f"{duration(snapshot.remaining_s)} left")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Seconds as 0:42, 3:07 or 1:02:30."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
