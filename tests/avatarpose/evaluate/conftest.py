import pytest

from avatarpose.body.smpl import SmplModel, load_open_body
from avatarpose.formats.detect import read_capture
from avatarpose.installation import resource_path
from avatarpose.scene.scene import Scene


@pytest.fixture(scope="session")
def body() -> SmplModel:
    return load_open_body(resource_path("body", "body_smpl24.npz"))


@pytest.fixture(scope="session")
def hug() -> Scene:
    """The sample, detections unlabelled."""
    return read_capture(resource_path("sample", "hug"))
