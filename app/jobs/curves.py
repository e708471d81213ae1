"""Loss curves of a run as they grow, thinned so that a long run stays light."""

import math
from collections.abc import Iterable, Mapping

from avatarpose.optimize.snapshot import RunResult, Snapshot, StageBand

KEPT_POINTS = 1500


class LossCurves:
    """(step, value) pairs per term, the stages so far, and the best step."""

    def __init__(self) -> None:
        self._points: dict[str, list[tuple[int, float]]] = {}
        self._bands: list[StageBand] = []
        self._planned: tuple[StageBand, ...] = ()
        self.last_step = 0
        self.step_count = 0

    @property
    def terms(self) -> Mapping[str, list[tuple[int, float]]]:
        """The curves by name of the term."""
        return self._points

    @property
    def bands(self) -> tuple[StageBand, ...]:
        """The whole schedule where the run states it, else the stages seen so far."""
        return self._planned or tuple(self._bands)

    def add(self, snapshot: Snapshot) -> None:
        """Take in the losses and the stage of a snapshot."""
        self.last_step, self.step_count = snapshot.step, snapshot.step_count
        self._planned = snapshot.bands
        for term, value in snapshot.losses.items():
            points = self._points.setdefault(term, [])
            if math.isfinite(value) and (not points or points[-1][0] < snapshot.step):
                points.append((snapshot.step, float(value)))
                if len(points) > KEPT_POINTS:
                    self._points[term] = thinned(points, KEPT_POINTS // 2)
        if self._bands and len(self._bands) == snapshot.stage_index + 1:
            last = self._bands.pop()
            first = last.first_step
        else:
            first = self._bands[-1].last_step + 1 if self._bands else 0
        self._bands.append(StageBand(snapshot.stage, min(first, snapshot.step), snapshot.step))

    def replace(self, result: RunResult) -> None:
        """Take the run's own complete record instead of what was seen on the way."""
        if result.losses:
            self._points = {term: list(points) for term, points in result.losses.items()}
        if result.bands:
            self._planned = result.bands
            self.last_step = max(self.last_step, *(band.last_step for band in result.bands))

    def best(self, term: str) -> tuple[int, float] | None:
        """The lowest point of a curve."""
        points = self._points.get(term)
        return min(points, key=lambda point: point[1]) if points else None


def thinned(points: Iterable[tuple[int, float]], count: int) -> list[tuple[int, float]]:
    """About `count` of the points, evenly chosen; first, last and lowest always among them."""
    points = list(points)
    if len(points) <= count:
        return points
    stride = math.ceil(len(points) / count)
    lowest = min(range(len(points)), key=lambda at: points[at][1])
    keep = {*range(0, len(points), stride), lowest, len(points) - 1}
    return [points[at] for at in sorted(keep)]
