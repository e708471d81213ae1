import argparse
import shutil

import pytest

from avatarpose.cli.scenes import chosen_body, open_for_cli
from avatarpose.errors import BodyModelError
from avatarpose.installation import resource_path


def arguments(scene, body_model=None) -> argparse.Namespace:
    return argparse.Namespace(scene=scene, body_model=body_model)


def test_a_project_is_made_beside_the_capture_printed_and_found_again(capture, capsys):
    before = {path: path.stat().st_mtime_ns for path in capture.rglob("*")}
    scene, folder = open_for_cli(arguments(capture))
    assert folder == capture.with_name("take.avatarpose")
    assert (folder / "avatarpose.toml").is_file()
    streams = capsys.readouterr()
    assert f"project: {folder}\n" in streams.err
    assert "warning: Camera 16 has no pictures." in streams.err
    assert streams.out == ""
    assert all((found.pid >= 0).any() for found in scene.detections.values())
    again, same_folder = open_for_cli(arguments(capture))
    assert same_folder == folder
    assert (again.detections["4"].pid == scene.detections["4"].pid).all()
    assert open_for_cli(arguments(folder))[1] == folder
    assert {path: path.stat().st_mtime_ns for path in capture.rglob("*")} == before


def test_the_body_is_chosen_in_the_documented_order(capture, tmp_path, monkeypatch):
    own = tmp_path / "models" / "SMPL_NEUTRAL.npz"
    own.parent.mkdir()
    shutil.copy(resource_path("body", "body_smpl24.npz"), own)
    assert chosen_body(None, capture) is None
    monkeypatch.setenv("SMPLX_MODELS", str(own.parent))
    assert chosen_body(None, capture) is None  # the capture says it was made with the open body
    (capture / "truth.json").unlink()
    assert chosen_body(None, capture) == own
    assert chosen_body("open", capture) == resource_path("body", "body_smpl24.npz")
    assert chosen_body(str(own.parent), capture) == own
    open_for_cli(arguments(capture, "open"))
    assert chosen_body(None, capture) is None  # the project knows its body now
    with pytest.raises(BodyModelError, match="no body model"):
        chosen_body("nowhere.pkl", capture)
