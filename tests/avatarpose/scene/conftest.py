import numpy as np
import pytest

from avatarpose.body.smpl import SmplModel, load_open_body
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rigid import look_at
from avatarpose.installation import resource_path
from avatarpose.scene.capture import Capture, View
from avatarpose.scene.layers import INITIAL, PoseLayer
from avatarpose.scene.people import Person
from avatarpose.scene.scene import Scene
from tests.strategies import random_poses

FRAME_COUNT = 12


@pytest.fixture(scope="session")
def open_body() -> SmplModel:
    return load_open_body(resource_path("body", "body_smpl24.npz"))


@pytest.fixture
def scene(open_body) -> Scene:
    """Two people, two cameras, frames 21 to 32, any poses."""
    random = np.random.default_rng(4)
    views = tuple(
        View(Camera(name, 64, 48, np.eye(3), look_at(np.array([3.0, 1.0, 1.0]), np.zeros(3))))
        for name in ("16", "4")
    )
    capture = Capture("two", np.arange(21, 21 + FRAME_COUNT), 25.0, views)
    people = tuple(
        Person(pid, name, (PoseLayer(INITIAL, random_poses(random, FRAME_COUNT, 0.4)),), INITIAL)
        for pid, name in ((0, "A"), (1, "B"))
    )
    return Scene("two", capture, open_body, people)
