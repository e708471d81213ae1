"""Small scenes and a workbench for widget tests."""

from pathlib import Path

import numpy as np

from app.document import Document
from app.footage import PictureLoader
from app.playback import Playback
from app.posed_scene import PosedScene
from app.selection import Selection
from app.settings import Settings
from app.workbench import Workbench
from avatarpose.body.pose import PoseSequence
from avatarpose.body.smpl import SmplModel, load_open_body
from avatarpose.geometry.camera import Camera
from avatarpose.installation import resource_path
from avatarpose.scene.capture import Capture, Footage, View
from avatarpose.scene.layers import PoseLayer
from avatarpose.scene.people import Detections2D, Person
from avatarpose.scene.scene import Scene

FIRST_FRAME = 21
FRAMES = 24
WRONG_FRAMES = (9, 10, 17)  # indices in which person 0 stands 15 cm beside its detections


def ring_camera(name: str, angle_rad: float) -> Camera:
    """A camera 4 m away at chest height, looking at the middle of the room."""
    centre = np.array([4 * np.cos(angle_rad), 4 * np.sin(angle_rad), 1.0])
    forward = -centre * (1, 1, 0) / np.linalg.norm(centre[:2])
    down = np.array([0.0, 0.0, -1.0])
    rotation = np.stack([np.cross(down, forward), down, forward])
    camera_from_world = np.eye(4)
    camera_from_world[:3, :3] = rotation
    camera_from_world[:3, 3] = -rotation @ centre
    k = np.array([[400.0, 0, 160], [0, 400, 120], [0, 0, 1]])
    return Camera(name, 320, 240, k, camera_from_world)


def walking(start_m: float) -> PoseSequence:
    """Somebody upright who glides along x."""
    poses = PoseSequence.rest(FRAMES)
    orient = np.zeros((FRAMES, 3))
    orient[:, 0] = np.pi / 2  # y up to z up
    transl = np.zeros((FRAMES, 3))
    transl[:, 0] = start_m + 0.01 * np.arange(FRAMES)
    transl[:, 2] = 0.95
    return PoseSequence(poses.betas, orient, poses.body_pose, transl, poses.valid)


def two_people(body: SmplModel | None = None) -> Scene:
    """Two people, three cameras, frames 21 to 44; detections agree with all but three frames."""
    body = body or load_open_body(resource_path("body", "body_smpl24.npz"))
    cameras = [ring_camera(name, angle) for name, angle in (("4", 0.2), ("16", 2.2), ("28", 4.3))]
    present = np.arange(FIRST_FRAME, FIRST_FRAME + FRAMES)
    with_gap = present.copy()
    with_gap[20:] = -1
    views = tuple(
        View(camera, Footage("images", Path("nowhere") / camera.name, frames))
        for camera, frames in zip(cameras, (present, with_gap, present), strict=True)
    )
    capture = Capture("walk", present, 25.0, views)
    truth = {0: walking(-0.3), 1: walking(0.4)}
    detections: dict[str, Detections2D] = {}
    for camera in cameras:
        xyc = np.ones((FRAMES, 2, 19, 3), np.float32)
        for pid, poses in truth.items():
            xyc[:, pid, :, :2] = camera.project(body.skel19(body.posed_sequence(poses)))
        detections[camera.name] = Detections2D("skel19", xyc, np.tile([0, 1], (FRAMES, 1)))
    wrong = list(WRONG_FRAMES)
    shifted = truth[0].transl[wrong] + np.array([0, 0.15, 0], np.float32)
    start = truth[0].with_frames(np.array(wrong), truth[0].rotvecs[wrong], shifted)
    people = (
        Person(0, "Ada", (PoseLayer("initial", start),), "initial"),
        Person(1, "Ben", (PoseLayer("initial", truth[1]),), "initial"),
    )
    return Scene("walk", capture, body, people, detections)


def make_bench(scene: Scene | None) -> Workbench:
    """The window's shared objects around a scene."""
    bench = Workbench(
        Document(), Selection(), Playback(), PosedScene(), PictureLoader(), Settings()
    )
    if scene is not None:
        bench.document.open(scene)
        bench.playback.reset(scene.capture.frame_count, scene.capture.fps)
        bench.selection.select(scene.pids[0])
    return bench
