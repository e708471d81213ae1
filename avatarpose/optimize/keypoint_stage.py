"""The keypoint alignment as a stage: its steps are handed out one by one while it runs."""

from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import Int

from avatarpose.body.pose import PoseSequence
from avatarpose.estimation.keypoint_alignment import align_to_keypoints
from avatarpose.scene.scene import Scene


class KeypointAlignment:
    """Works in a thread of its own, because `align_to_keypoints` returns only at its end.

    Attributes:
        poses: where everybody is so far; after `run` has ended, early or not, the result.
    """

    def __init__(
        self,
        scene: Scene,
        start: Mapping[int, PoseSequence],
        frames: Int[np.ndarray, " frames"],
        steps: int,
        device: torch.device,
    ) -> None:
        self._scene, self._start, self._frames = scene, start, frames
        self._steps, self._device = steps, device
        self._news: list[dict[str, float]] = []
        self._is_wanted = True
        self.poses: Mapping[int, PoseSequence] = start

    def run(self) -> Generator[Mapping[str, float], None, None]:
        """Do the steps; yields the terms of each. Closing it early keeps what was reached."""
        with ThreadPoolExecutor(1, thread_name_prefix="keypoints") as pool:
            job = pool.submit(
                align_to_keypoints, self._scene, self._start,
                frames=self._frames, steps=self._steps, device=self._device, on_step=self._note,
            )  # fmt: skip
            seen = 0
            try:
                while not job.done():
                    wait_a_little(job)
                    while seen < len(self._news):
                        yield self._news[seen]
                        seen += 1
                yield from self._news[seen:]
            finally:
                self._is_wanted = False
            self.poses = job.result()

    def _note(self, step: int, cost: float, poses: Mapping[int, PoseSequence]) -> bool:
        del step
        self._news.append({"keypoints": cost})
        self.poses = poses
        return self._is_wanted


def wait_a_little(job: Future) -> None:
    """Until the job is done, but at most a twentieth of a second."""
    try:
        job.result(timeout=0.05)
    except TimeoutError:
        return
    except Exception:  # noqa: BLE001  # raised again by the caller's own job.result()
        return
