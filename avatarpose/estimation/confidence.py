"""How far each joint of each frame can be trusted: evidence, conditioning, doubt."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from avatarpose.body.pose import PoseSequence
from avatarpose.estimation.evidence import gather_evidence
from avatarpose.estimation.triangulated import INLIER_SHARE
from avatarpose.scene.scene import Scene

_DETECTOR_SHARE = 0.004  # noise of a sure detection, of the focal length (3 pixels at 743)
_DOUBTFUL_M = 0.1  # a joint known no better than this is not known
_UNSEEN_M = np.inf


@dataclass(frozen=True, slots=True, eq=False)
class JointConfidence:
    """What the 2D keypoints say about given joints.

    Attributes:
        agreeing_views: views whose detection lies near the joint.
        spread_m: standard deviation of the joint along its least certain direction, from the
            agreeing views alone; infinite with fewer than two.
        doubt: 0 (many views agree) to 1 (none does, or all contradict); NaN where absent.
    """

    agreeing_views: Int[np.ndarray, "frames joints=19"]
    spread_m: Float[np.ndarray, "frames joints=19"]
    doubt: Float[np.ndarray, "frames joints=19"]


def joint_confidence(
    scene: Scene,
    pid: int,
    poses: PoseSequence,
    indices: Int[np.ndarray, " frames"] | None = None,
) -> JointConfidence:
    """Confidence in the skel19 joints of `poses` from the person's labelled keypoints.

    Args:
        scene: cameras and labelled detections.
        pid: the person.
        poses: the poses in question.
        indices: positions on the time base; all when None.
    """
    picked = np.arange(len(poses)) if indices is None else np.asarray(indices)
    joints = scene.body.skel19_sequence(poses, picked).astype(np.float64)
    evidence = gather_evidence(scene, (pid,), picked)
    weight = evidence.confidence[0, :, :, :19]
    shape = (len(picked), 19)
    agreeing = np.zeros(shape, np.int64)
    information = np.zeros((*shape, 3, 3))
    agreed, total = np.zeros(shape), np.zeros(shape)
    for column, name in enumerate(evidence.cameras):
        camera = scene.capture.rig[name]
        k, rotation = camera.pixel_from_camera, camera.camera_from_world[:3, :3]
        focal = float(np.sqrt(k[0, 0] * k[1, 1]))
        projected = camera.project_ideal(joints)
        error = np.linalg.norm(projected - evidence.pixels[0, :, column, :19], axis=-1)
        near = error < INLIER_SHARE * focal  # False for NaN
        seen = weight[:, column]
        used = np.where(near, seen, 0.0)
        agreeing += near & (seen > 0)
        agreed += used
        total += seen
        depth = np.maximum(camera.depth(joints), 0.1)
        flat = np.where(near[..., None], projected, 0.0)
        slope = (k[:2] - flat[..., None] * k[2]) @ rotation / depth[..., None, None]
        noise_px = _DETECTOR_SHARE * focal
        information += (used / noise_px**2)[..., None, None] * (slope.swapaxes(-1, -2) @ slope)
    least = np.linalg.eigvalsh(information)[..., 0]
    enough = (agreeing >= 2) & (least > 1e-6)
    spread_m = np.where(enough, 1.0 / np.sqrt(np.maximum(least, 1e-6)), _UNSEEN_M)
    contradicted = 1.0 - agreed / np.maximum(total, 1e-9)
    doubt = np.maximum(contradicted, np.minimum(spread_m / _DOUBTFUL_M, 1.0))
    doubt[~poses.valid[picked]] = np.nan
    return JointConfidence(agreeing, spread_m, doubt)
