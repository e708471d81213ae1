"""A refinement must not leave anybody worse than it found them."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int

from avatarpose.body.pose import PoseSequence
from avatarpose.evaluate.reprojection import reprojection_errors
from avatarpose.scene.scene import Scene

_CAP_PX_AT_1000 = 40.0
_MARGIN = 1.15
_FEWEST = 8


def worse_person_frames(
    scene: Scene,
    before: Mapping[int, PoseSequence],
    after: Mapping[int, PoseSequence],
    frames: Int[np.ndarray, " frames"],
) -> dict[int, Int[np.ndarray, " worse"]]:
    """Positions of frames in which a person agrees clearly less with the 2D keypoints than before.

    Errors are capped, so that swapped detections do not decide; frames with few detections are left
    as they are.
    """
    worse = {}
    for pid, poses in after.items():
        old = reprojection_errors(scene, pid, before[pid], indices=frames)
        new = reprojection_errors(scene, pid, poses, indices=frames)
        if old.size == 0:
            continue
        height = max(view.camera.height for view in scene.capture.views)
        cap = _CAP_PX_AT_1000 * height / 1000
        counted = np.isfinite(old) & np.isfinite(new)
        number = counted.sum((1, 2))
        total_old = np.where(counted, np.minimum(old, cap), 0).sum((1, 2))
        total_new = np.where(counted, np.minimum(new, cap), 0).sum((1, 2))
        is_worse = (number >= _FEWEST) & (total_new > _MARGIN * total_old + 0.5 * number)
        if is_worse.any():
            worse[pid] = np.asarray(frames)[is_worse]
    return worse
