"""Scenes with known bodies and exact or spoiled keypoints."""

from collections.abc import Callable

import numpy as np
import pytest

from avatarpose.body.pose import PoseSequence
from avatarpose.body.smpl import SmplModel, load_open_body
from avatarpose.installation import resource_path
from avatarpose.scene.capture import Capture, View
from avatarpose.scene.layers import PoseLayer
from avatarpose.scene.people import Detections2D, Person
from avatarpose.scene.scene import Scene
from tests.avatarpose.estimation.scenes import FPS, body25_points, moving, ring


@pytest.fixture(scope="session")
def body() -> SmplModel:
    """The body that ships with the program."""
    return load_open_body(resource_path("body", "body_smpl24.npz"))


SceneMaker = Callable[..., Scene]


@pytest.fixture(scope="session")
def make_scene(body: SmplModel) -> SceneMaker:
    """`make_scene(people, views=…, noise_px=…, seed=…)`: people with a layer "truth" and keypoints.

    Detections stand in another order in every frame and view, and know nobody.
    """

    def make(
        people: dict[int, PoseSequence], views: int = 6, noise_px: float = 0.0, seed: int = 0
    ) -> Scene:
        random = np.random.default_rng(seed)
        cameras = ring(views)
        count = len(next(iter(people.values())))
        points = np.stack([body25_points(body, poses) for poses in people.values()], 1)
        detections = {}
        for camera in cameras:
            xyc = np.ones((count, len(people), 25, 3))
            xyc[..., :2] = camera.project(points)
            xyc[..., :2] += random.normal(0.0, noise_px, xyc[..., :2].shape)
            for frame in range(count):
                xyc[frame] = xyc[frame, random.permutation(len(people))]
            detections[camera.name] = Detections2D(
                "body25", xyc.astype(np.float32), np.full(xyc.shape[:2], -1)
            )
        capture = Capture(
            "ring", np.arange(10, 10 + count), FPS, tuple(View(camera) for camera in cameras)
        )
        everybody = tuple(
            Person(pid, f"Person {pid + 1}", (PoseLayer("truth", poses),), "truth")
            for pid, poses in people.items()
        )
        return Scene("ring", capture, body, everybody, detections)

    return make


@pytest.fixture(scope="session")
def two_people() -> dict[int, PoseSequence]:
    """Two people half a metre apart who face each other."""
    return {0: moving(-0.3, 0.5 * np.pi, 1), 1: moving(0.25, -0.5 * np.pi, 2)}
