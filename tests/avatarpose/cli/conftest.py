import shutil
from pathlib import Path

import pytest

from avatarpose.installation import resource_path

CAMERAS = ("4", "28", "52")
FRAMES = (21, 22, 23)


@pytest.fixture
def capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small capture in a folder of its own, and a home of its own for what the program keeps."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SMPLX_MODELS", raising=False)
    source, target = resource_path("sample", "hug"), tmp_path / "take"
    for name in ("intri.yml", "extri.yml", "meta.json", "truth.json", "smpl_init/smpl.npz"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)
    for camera in CAMERAS:
        for frame in FRAMES:
            for name in (
                f"images/{camera}/{frame:06d}.jpg",
                f"mask/{camera}/{frame:06d}.png",
                f"openpose/{camera}/{frame:06d}_keypoints.json",
            ):
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / name, target / name)
    return target
