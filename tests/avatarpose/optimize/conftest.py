from collections.abc import Iterator

import pytest
import torch

from avatarpose.body.smpl import SmplModel
from avatarpose.formats.native import write_native
from avatarpose.scene.scene import Scene
from avatarpose.synth.capture import SyntheticCapture, make_capture
from avatarpose.synth.toy_body import toy_body


@pytest.fixture(autouse=True)
def single_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def body() -> SmplModel:
    return toy_body()


@pytest.fixture(scope="session")
def tiny_capture(body) -> SyntheticCapture:
    """Two toy people hug in 4 frames, seen by 4 cameras."""
    return make_capture(
        "hug", people=2, views=4, frames=4, size=(64, 48), seed=3, init_error_mm=40.0, body=body
    )


@pytest.fixture(scope="session")
def tiny_scene(tiny_capture, tmp_path_factory) -> Scene:
    """The tiny capture with its pictures and masks on the disk."""
    folder = tmp_path_factory.mktemp("tiny")
    return write_native(
        folder, tiny_capture.scene, tiny_capture.images(), tiny_capture.masks(), image_format="png"
    )
