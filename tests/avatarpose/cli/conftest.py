import contextlib
import io
import shutil
from pathlib import Path

import pytest

from avatarpose.cli import main
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


@pytest.fixture(scope="session")
def tiny_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic project: 2 people, 3 cameras, 4 frames of 64 x 48; not to be changed."""
    project = tmp_path_factory.mktemp("tiny") / "hug"
    words = ["synth", str(project), "--views", "3", "--frames", "4", "--size", "64x48"]
    assert main([*words, "--seed", "1"]) == 0
    return project


@pytest.fixture(scope="session")
def refined(tiny_project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The same project with one run, and what refining it printed; not to be changed."""
    project = tmp_path_factory.mktemp("refined") / "hug"
    shutil.copytree(tiny_project, project)
    out = project.parent / "out"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["refine", str(project), "--preset", "preview", "--out", str(out)]) == 0
    return project, printed.getvalue()
