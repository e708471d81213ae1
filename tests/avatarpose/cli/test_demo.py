import json

import cv2
import pytest

from avatarpose.cli import main
from avatarpose.cli.demo import telling_camera, worst_moments
from avatarpose.formats.project import load_project


def evaluation(*curves: list[float | None]) -> dict:
    per_frame = {str(pid): {"mpjpe_world_mm": curve} for pid, curve in enumerate(curves)}
    frames = list(range(21, 21 + len(curves[0])))
    return {"frames": frames, "layers": {"initial": {"per_frame": per_frame}}}


def test_the_worst_moments_come_first_and_lie_apart():
    found = worst_moments(evaluation([1, 2, 9, 8, 1, 1, 5, 1], [1, 1, 1, 1, 1, 1, 1, 6]))
    assert found == [23, 28]


def test_frames_without_anybody_are_no_moments_of_note():
    assert worst_moments(evaluation([None, None, None, None, 3.0]))[0] == 25


def test_the_telling_camera_is_one_of_the_capture(refined):
    scene = load_project(refined[0])
    assert telling_camera(scene, "run:1", 1) in scene.capture.rig
    assert telling_camera(scene, "initial", 1) in scene.capture.rig


def test_every_camera_has_its_turn_before_one_comes_again(refined):
    scene = load_project(refined[0])
    shown: list[str] = []
    for _ in scene.capture.rig:
        shown.append(telling_camera(scene, "run:1", 1, shown))
    assert sorted(shown) == sorted(scene.capture.rig.names)
    assert telling_camera(scene, "run:1", 1, shown) == shown[0]


@pytest.mark.slow
def test_the_demo_writes_pictures_curves_and_report_and_can_be_repeated(tmp_path, capsys):
    out = tmp_path / "demo"
    words = ["demo", "--out", str(out), "--preset", "preview", "--frames", "30:31"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "joint error (world MPJPE)" in printed
    names = {path.name for path in out.iterdir()}
    assert {"report.json", "report.html", "loss-curves.png", "new-views.png"} <= names
    closeups = [name for name in names if name.startswith("before-after-camera-")]
    assert len(closeups) == 1
    assert cv2.imread(str(out / closeups[0])) is not None
    layers = json.loads((out / "report.json").read_text("utf-8"))["evaluation"]["layers"]
    assert layers["run:1"]["mpjpe_world_mm"] < layers["initial"]["mpjpe_world_mm"]
    assert "<svg" in (out / "report.html").read_text("utf-8")
    (out / "report.html").unlink()
    assert main([*words, "--reuse"]) == 0
    assert "is used again" in capsys.readouterr().out
    assert (out / "report.html").is_file()
