"""A small capture on disk and a small scene in memory, both with everything a reader can meet."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from avatarpose.body.smpl import SmplModel
from avatarpose.formats.easymocap import read_easymocap
from avatarpose.formats.smpl_model import default_body
from avatarpose.installation import resource_path
from avatarpose.scene.scene import Scene

CAMERAS = ("4", "16", "28", "52")
FRAMES = (21, 22, 23, 24)


@pytest.fixture(scope="session")
def body() -> SmplModel:
    return default_body()


@pytest.fixture
def small_capture(tmp_path: Path) -> Path:
    """Four frames of four cameras of the sample, in a folder that may be spoilt."""
    source, target = resource_path("sample", "hug"), tmp_path / "capture"
    target.mkdir()
    for name in ("intri.yml", "extri.yml", "meta.json", "truth.json"):
        shutil.copy(source / name, target / name)
    for kind, ending in (
        ("images", ".jpg"),
        ("mask", ".png"),
        ("openpose", "_keypoints.json"),
    ):
        for camera in CAMERAS:
            (target / kind / camera).mkdir(parents=True)
            for frame in FRAMES:
                name = f"{frame:06d}{ending}"
                shutil.copy(source / kind / camera / name, target / kind / camera / name)
    for folder in ("smpl_init", "smpl_gt"):
        shutil.copytree(source / folder, target / folder)
    for path in target.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


@pytest.fixture
def small_scene(small_capture: Path, body: SmplModel) -> Scene:
    return read_easymocap(small_capture, body)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)
