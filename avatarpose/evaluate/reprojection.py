"""How well poses explain the 2D keypoints: reprojection errors in recorded pixels."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import keypoint_set
from avatarpose.scene.scene import Scene


def reprojection_errors(
    scene: Scene,
    pid: int,
    poses: PoseSequence,
    indices: Int[np.ndarray, " frames"] | None = None,
) -> Float[np.ndarray, "frames cameras joints=19"]:
    """Pixels between the person's detected and projected skel19 joints in the recorded pictures.

    NaN where a joint was not detected, or the person is absent. Cameras are in the order of the
    rig; the frames are `indices` on the time base, or all of them.
    """
    joints, seen = reprojections(scene, pid, poses, indices)
    return np.linalg.norm(joints - seen, axis=-1)


def reprojections(
    scene: Scene,
    pid: int,
    poses: PoseSequence,
    indices: Int[np.ndarray, " frames"] | None = None,
) -> tuple[
    Float[np.ndarray, "frames cameras joints=19 2"], Float[np.ndarray, "frames cameras joints=19 2"]
]:
    """Projected and detected skel19 joints (recorded pixels); NaN where there are none.

    Joints a keypoint set only has as means of others (COCO's neck and mid hip) count as undetected:
    such a middle is not the body's joint.
    """
    picked = np.arange(len(poses)) if indices is None else np.asarray(indices)
    rig = scene.capture.rig
    joints = scene.body.skel19_sequence(poses, picked).astype(np.float64)
    joints[~poses.valid[picked]] = np.nan
    projected = np.full((len(picked), len(rig), 19, 2), np.nan)
    seen = np.full((len(picked), len(rig), 19, 2), np.nan)
    for column, camera in enumerate(rig):
        projected[:, column] = camera.project(joints)
        if camera.name in scene.detections:
            found = scene.detections[camera.name]
            found = replace(found, xyc=found.xyc[picked], pid=found.pid[picked], edited=None)
            seen[:, column] = found.skel19(pid)[..., :2]
            sources = keypoint_set(found.keypoint_set).skel19
            means = [joint for joint, indices in enumerate(sources) if len(indices) > 1]
            seen[:, column, means] = np.nan
    return projected, seen


def median_error_px(scene: Scene, pid: int, poses: PoseSequence) -> float:
    """Median over everything detected of the person; NaN when nothing was."""
    errors = reprojection_errors(scene, pid, poses)
    errors = errors[np.isfinite(errors)]
    return float(np.median(errors)) if len(errors) else float("nan")
