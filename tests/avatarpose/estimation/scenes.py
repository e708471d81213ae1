"""Bodies that sway, seen by a ring of cameras with lenses."""

import numpy as np

from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import Joint
from avatarpose.body.smpl import SmplModel
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rigid import look_at
from avatarpose.geometry.rotation import compose_rotvecs

FRAMES = 6
FPS = 25.0
BODY25_VERTICES = {
    0: "nose", 15: "reye", 16: "leye", 17: "rear", 18: "lear", 19: "LBigToe",
    20: "LSmallToe", 21: "LHeel", 22: "RBigToe", 23: "RSmallToe", 24: "RHeel",
}  # fmt: skip
BODY25_JOINTS = {1: 12, 2: 17, 3: 19, 4: 21, 5: 16, 6: 18, 7: 20, 8: 0, 9: 2, 10: 5, 11: 8,
                 12: 1, 13: 4, 14: 7}  # fmt: skip


def ring(count: int) -> tuple[Camera, ...]:
    """Cameras 3.5 m around the origin that look at 1 m above the floor."""
    cameras = []
    for index in range(count):
        around = 0.4 + 2 * np.pi * index / count
        centre = np.array([3.5 * np.cos(around), 3.5 * np.sin(around), 1.2 + 0.4 * (index % 2)])
        pose = look_at(centre, np.array([0.0, 0.0, 1.0]))
        k = np.array([[600.0, 0.0, 239.5], [0.0, 600.0, 319.5], [0.0, 0.0, 1.0]])
        distortion = np.array([-0.1, 0.02, 0.001, -0.0005, 0.0, 0.0, 0.0, 0.0])
        cameras.append(Camera(f"cam{index}", 480, 640, k, pose, distortion))
    return tuple(cameras)


def moving(x_m: float, yaw_rad: float, seed: int, frame_count: int = FRAMES) -> PoseSequence:
    """Somebody upright with hanging arms and bent elbows who sways a little."""
    random = np.random.default_rng(seed)
    pose = np.zeros((frame_count, 24, 3))
    sway = np.sin(np.linspace(0.0, 1.0, frame_count))[:, None] * random.normal(0.0, 0.1, 3)
    for joint, bend in (
        (Joint.LEFT_SHOULDER, (0.1, -0.2, -1.0)), (Joint.RIGHT_SHOULDER, (0.1, 0.2, 1.0)),
        (Joint.LEFT_ELBOW, (0.0, -0.8, 0.0)), (Joint.RIGHT_ELBOW, (0.0, 1.1, 0.0)),
        (Joint.LEFT_HIP, (-0.4, 0.0, 0.1)), (Joint.RIGHT_HIP, (-0.2, 0.0, -0.1)),
        (Joint.LEFT_KNEE, (0.6, 0.0, 0.0)), (Joint.RIGHT_KNEE, (0.3, 0.0, 0.0)),
        (Joint.HEAD, (0.2, 0.2, 0.0)),
    ):  # fmt: skip
        pose[:, joint] = np.array(bend)
    pose[:, Joint.LEFT_SHOULDER] += sway
    pose[:, Joint.RIGHT_HIP] += sway
    upright = compose_rotvecs(np.array([0.0, 0.0, yaw_rad]), np.array([np.pi / 2, 0.0, 0.0]))
    drift = 0.02 * np.arange(frame_count)
    return PoseSequence(
        betas=random.normal(0.0, 0.7, 10),
        global_orient=np.tile(upright, (frame_count, 1)),
        body_pose=pose[:, 1:].reshape(frame_count, 69),
        transl=np.stack([x_m + drift, np.zeros(frame_count), np.full(frame_count, 1.0)], 1),
        valid=np.ones(frame_count, bool),
    )


def body25_points(body: SmplModel, poses: PoseSequence) -> np.ndarray:
    """BODY_25 in the world, by joints and named vertices."""
    posed = body.posed_sequence(poses)
    out = np.empty((len(poses), 25, 3))
    for row, joint in BODY25_JOINTS.items():
        out[:, row] = posed.joints_world[:, joint]
    for row, name in BODY25_VERTICES.items():
        out[:, row] = posed.vertices_world[:, body.vertex_ids[name]]
    return out
