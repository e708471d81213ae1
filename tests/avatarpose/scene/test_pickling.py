"""Scenes, snapshots and results cross to another process and come back as they were."""

import pickle
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avatarpose.body.pose import PoseSequence
from avatarpose.body.smpl import load_open_body
from avatarpose.geometry.camera import Camera
from avatarpose.installation import resource_path
from avatarpose.optimize.snapshot import Preview, RunResult, Snapshot, StageBand
from avatarpose.scene import edits
from avatarpose.scene.capture import Capture, Footage, MaskFolder, View
from avatarpose.scene.issues import Issue, Severity
from avatarpose.scene.layers import PoseLayer, Strength, ViewPin
from avatarpose.scene.people import Detections2D, Person
from avatarpose.scene.scene import RunRecord, Scene

FRAMES = 4


def make_scene() -> Scene:
    """A scene in which every kind of thing occurs."""
    camera = Camera("4", 64, 48, np.diag([50.0, 50.0, 1.0]), np.eye(4))
    footage = Footage("images", Path("images/4"), np.arange(FRAMES), ("a", "b", "c", "d"))
    masks = MaskFolder(Path("mask/4"), ("a", "b", "c", "d"))
    capture = Capture("hug", np.arange(21, 21 + FRAMES), 25.0, (View(camera, footage, masks),))
    body = load_open_body(resource_path("body", "body_smpl24.npz"))
    person = Person(0, "A", (PoseLayer("initial", PoseSequence.rest(FRAMES)),), "initial")
    xyc = np.random.default_rng(1).random((FRAMES, 1, 19, 3)).astype(np.float32)
    detections = {"4": Detections2D("skel19", xyc, np.zeros((FRAMES, 1), np.int32))}
    issue = Issue(Severity.WARNING, "A picture is missing.", camera="4")
    scene = Scene(
        "hug", capture, body, (person,), detections, contact_frames=(22,), issues=(issue,)
    )
    pin = ViewPin("4", 2, 20, (3.0, 4.0))
    scene = edits.set_pose(
        scene, 0, 2, np.full((24, 3), 0.1, np.float32), np.zeros(3, np.float32),
        ease_frames=1, pins=(pin,), joints=(20,),
    )  # fmt: skip
    scene = edits.set_strength(scene, 0, 2, 20, Strength.LOCKED)
    record = RunRecord("run:1", "preview", (21, 24), (0,), 3.5, losses={"colour": ((0, 1.0),)})
    return edits.adopt_run(scene, record, {0: PoseSequence.rest(FRAMES)})


def leaves(value: Any, name: str = "") -> dict[str, Any]:
    """Every array and plain value inside, by a path that names it."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: getattr(value, field.name) for field in fields(value)}
    elif hasattr(value, "items"):
        parts = dict(value.items())
    elif isinstance(value, tuple | list):
        parts = dict(enumerate(value))
    else:
        return {name: value}
    found: dict[str, Any] = {}
    for key, part in parts.items():
        found.update(leaves(part, f"{name}.{key}"))
    return found


def assert_same(back: Any, sent: Any) -> None:
    expected, found = leaves(sent), leaves(back)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(found[name], value, err_msg=name)
            assert found[name].dtype == value.dtype, name
        else:
            assert found[name] == value, name


@pytest.mark.parametrize("protocol", [pickle.DEFAULT_PROTOCOL, pickle.HIGHEST_PROTOCOL])
def test_a_scene_comes_back_as_it_was_and_read_only(protocol: int) -> None:
    scene = make_scene()
    back = pickle.loads(pickle.dumps(scene, protocol))
    assert_same(back, scene)
    for name, value in leaves(back).items():
        if isinstance(value, np.ndarray):
            assert not value.flags.writeable, name
    with pytest.raises(TypeError):
        back.person(0).edits["initial"] = None


def test_a_scene_that_came_back_can_be_edited() -> None:
    back = pickle.loads(pickle.dumps(make_scene()))
    edited = edits.rename_person(back, 0, "Ada")
    assert edited.person(0).name == "Ada"
    assert edited.person(0).edit("initial").keys[2].strength[20] == Strength.LOCKED


def test_a_snapshot_comes_back_as_it_was() -> None:
    poses = {0: PoseSequence.rest(FRAMES), 1: PoseSequence.rest(FRAMES)}
    picture = Preview("4", 1, np.full((2, 3, 4), 7, np.uint8))
    band = StageBand("first poses", 0, 99)
    sent = Snapshot(
        10,
        100,
        "first poses",
        0,
        1,
        2.0,
        18.0,
        5.0,
        {"colour": 0.5},
        7,
        poses,
        (picture,),
        "",
        (band,),
    )
    back = pickle.loads(pickle.dumps(sent))
    assert_same(back, sent)
    assert not back.previews[0].rgba.flags.writeable
    assert not back.poses[1].transl.flags.writeable


def test_a_result_comes_back_as_it_was() -> None:
    sent = RunResult(
        {0: PoseSequence.rest(FRAMES)}, (21, 24), 3.0, {"colour": ((0, 1.0), (10, 0.5))},
        (StageBand("first poses", 0, 99),), True, {0: (22,)},
    )  # fmt: skip
    assert_same(pickle.loads(pickle.dumps(sent)), sent)
