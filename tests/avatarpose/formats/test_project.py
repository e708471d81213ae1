import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatarpose.errors import FormatError
from avatarpose.formats import project_document
from avatarpose.formats.project import load_project, save_project
from avatarpose.formats.project_document import (
    EDITS_FILE,
    PROJECT_FILE,
    file_name_of,
    is_project,
    recorded_body,
)
from avatarpose.formats.scene_text import edit_from, edit_value, path_from, portable_path
from avatarpose.scene import edits
from avatarpose.scene.layers import EditLayer, KeyOffset, ViewPin
from avatarpose.scene.people import Detections2D, Person
from avatarpose.scene.scene import RunRecord, Scene
from tests.avatarpose.formats.damage import only_our_errors, spoilt


@pytest.fixture
def worked_scene(small_scene, random) -> Scene:
    """The small scene with an edit, a pin, a run, a renamed person and labelled keypoints."""
    source = small_scene.person(0).layer("initial").poses
    rotvecs = source.rotvecs[1] + random.normal(0, 0.1, (24, 3)).astype(np.float32)
    pin = ViewPin("4", 1, 20, (101.25, 300.125))
    scene = edits.set_pose(
        small_scene, 0, 1, rotvecs, source.transl[1] + 0.1, ease_frames=2, hold=(1, 2), pins=(pin,),
        joints=(20,),
    )  # fmt: skip
    curve = ((0, 1.5), (10, 0.25))
    record = RunRecord("run:1", "preview", (21, 23), (0, 1), 12.5, "initial", {"colour": curve})
    scene = edits.adopt_run(scene, record, {0: source, 1: source})
    scene = edits.show_layer(scene, "initial", (1,))
    scene = edits.rename_person(scene, 1, 'Zoë "the second"\n\\')
    detections = dict(scene.detections)
    pid = np.zeros_like(detections["4"].pid)
    edited = np.zeros(detections["4"].xyc.shape[:3], bool)
    edited[0, 0, 3] = True
    detections["4"] = Detections2D("body25", detections["4"].xyc, pid, edited)
    return scene.changed(detections=detections, name="worked on")


def assert_same_scene(a: Scene, b: Scene) -> None:
    assert (a.name, a.contact_frames) == (b.name, b.contact_frames)
    assert a.capture.frames.tolist() == b.capture.frames.tolist()
    assert a.capture.fps == b.capture.fps
    for one, other in zip(a.capture.views, b.capture.views, strict=True):
        assert one.camera.name == other.camera.name
        assert (one.camera.width, one.camera.height) == (other.camera.width, other.camera.height)
        for name in ("pixel_from_camera", "camera_from_world", "distortion"):
            np.testing.assert_array_equal(getattr(one.camera, name), getattr(other.camera, name))
        assert (one.footage is None) == (other.footage is None)
        if one.footage is not None and other.footage is not None:
            assert one.footage.path.resolve() == other.footage.path.resolve()
            assert one.footage.names == other.footage.names
            np.testing.assert_array_equal(one.footage.source_frames, other.footage.source_frames)
        assert (one.masks is None) == (other.masks is None)
        if one.masks is not None and other.masks is not None:
            assert one.masks.names == other.masks.names
            assert one.masks.per_person == other.masks.per_person
    for one, other in zip(a.people, b.people, strict=True):
        assert_same_person(one, other)
    assert a.runs == b.runs or [r.losses for r in a.runs] == [r.losses for r in b.runs]
    assert [r.name for r in a.runs] == [r.name for r in b.runs]
    assert list(a.detections) == list(b.detections)
    for camera, one in a.detections.items():
        np.testing.assert_array_equal(one.xyc, b.detections[camera].xyc)
        np.testing.assert_array_equal(one.pid, b.detections[camera].pid)


def assert_same_person(a: Person, b: Person) -> None:
    assert (a.pid, a.name, a.shown, a.gender) == (b.pid, b.name, b.shown, b.gender)
    assert a.layer_names == b.layer_names
    for name in a.layer_names:
        for field in ("betas", "global_orient", "body_pose", "transl", "valid"):
            np.testing.assert_array_equal(
                getattr(a.layer(name).poses, field), getattr(b.layer(name).poses, field)
            )
        np.testing.assert_array_equal(a.poses(name).rotvecs, b.poses(name).rotvecs)
        assert_same_edit(a.edit(name), b.edit(name))


def assert_same_edit(a: EditLayer, b: EditLayer) -> None:
    np.testing.assert_array_equal(a.betas, b.betas)
    assert list(a.keys) == list(b.keys)
    for one, other in zip(a.keys.values(), b.keys.values(), strict=True):
        np.testing.assert_array_equal(one.rotvecs, other.rotvecs)
        np.testing.assert_array_equal(one.transl, other.transl)
        np.testing.assert_array_equal(one.strength, other.strength)
        assert (one.ease_frames, one.hold) == (other.ease_frames, other.hold)
    as_rows = [[(p.camera, p.frame_index, p.joint, p.pixel) for p in e.view_pins] for e in (a, b)]
    assert as_rows[0] == as_rows[1]


def test_a_saved_scene_is_the_same_scene_when_loaded(worked_scene, tmp_path, body):
    folder = tmp_path / "capture.avatarpose"
    save_project(worked_scene, folder)
    assert is_project(folder)
    loaded = load_project(folder)
    assert_same_scene(loaded, worked_scene)
    assert loaded.body.sha256 == body.sha256
    assert [issue.message for issue in loaded.issues] == [i.message for i in worked_scene.issues]


def test_saving_what_was_loaded_writes_the_same_bytes(worked_scene, tmp_path):
    folder = tmp_path / "capture.avatarpose"
    save_project(worked_scene, folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    save_project(load_project(folder), folder)
    kept = {path: path.read_bytes() for path in before}
    assert kept == before


def test_a_project_moved_with_its_capture_still_finds_the_pictures(
    worked_scene, small_capture, tmp_path
):
    save_project(worked_scene, tmp_path / "capture.avatarpose")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    small_capture.rename(elsewhere / "capture")
    (tmp_path / "capture.avatarpose").rename(elsewhere / "capture.avatarpose")
    loaded = load_project(elsewhere / "capture.avatarpose")
    footage = loaded.capture.view("4").footage
    assert footage is not None
    assert footage.path == elsewhere / "capture" / "images" / "4"
    assert not [issue for issue in loaded.issues if "gone" in issue.message]


def test_pictures_that_are_gone_are_named(worked_scene, small_capture, tmp_path):
    save_project(worked_scene, tmp_path / "p")
    small_capture.rename(tmp_path / "other")
    messages = [issue.message for issue in load_project(tmp_path / "p").issues]
    assert sum("are gone" in message for message in messages) == 4


def test_paths_are_relative_inside_and_beside_and_absolute_elsewhere(tmp_path):
    folder = tmp_path / "p"
    for path, text in (
        (folder / "images" / "4", "images/4"),
        (tmp_path / "capture", "../capture"),
        (tmp_path.parent / "far", str(tmp_path.parent / "far")),
    ):
        assert portable_path(path, folder) == text
        assert path_from(text, folder) == path


def test_a_project_opened_with_another_body_warns(worked_scene, tmp_path, body):
    save_project(worked_scene, tmp_path / "p")
    other = replace(body, name="taller", v_template=body.v_template * 1.1)
    loaded = load_project(tmp_path / "p", other)
    assert loaded.body is other
    assert any("'taller'" in issue.message and issue.remedy for issue in loaded.issues)


def test_the_body_s_file_is_remembered(worked_scene, tmp_path):
    own = tmp_path / "models" / "own.npz"
    from avatarpose.installation import resource_path

    own.parent.mkdir()
    own.write_bytes(resource_path("body", "body_smpl24.npz").read_bytes())
    save_project(worked_scene, tmp_path / "p", body_path=own)
    assert recorded_body(tmp_path / "p").path == own
    save_project(worked_scene, tmp_path / "p")
    assert recorded_body(tmp_path / "p").path == own
    own.unlink()
    loaded = load_project(tmp_path / "p")
    assert any("no body model" in issue.message for issue in loaded.issues)


def test_five_earlier_states_are_kept(worked_scene, tmp_path):
    for number in range(9):
        save_project(worked_scene.changed(name=f"state {number}"), tmp_path / "p")
    names = [
        (tmp_path / "p" / "backups" / f"{PROJECT_FILE}.{number}").read_text().splitlines()[1]
        for number in range(1, 6)
    ]
    assert names == [f'name = "state {number}"' for number in (7, 6, 5, 4, 3)]
    assert not (tmp_path / "p" / "backups" / f"{PROJECT_FILE}.6").exists()


def test_a_newer_project_is_refused_and_an_older_one_is_migrated(
    worked_scene, tmp_path, monkeypatch
):
    save_project(worked_scene, tmp_path / "p")
    path = tmp_path / "p" / PROJECT_FILE
    text = path.read_text()
    path.write_text(text.replace("schema_version = 1", "schema_version = 7"))
    with pytest.raises(FormatError, match="newer version"):
        load_project(tmp_path / "p")
    path.write_text(text)
    monkeypatch.setattr(project_document, "SCHEMA_VERSION", 2)
    monkeypatch.setattr(
        project_document, "MIGRATIONS", {1: lambda old: {**old, "name": "migrated"}}
    )
    assert load_project(tmp_path / "p").name == "migrated"


def test_a_damaged_part_is_left_out_and_the_rest_is_there(worked_scene, tmp_path):
    folder = tmp_path / "p"
    save_project(worked_scene, folder)
    (folder / "layers" / f"{file_name_of('run:1')}.npz").write_bytes(b"")
    (folder / "keypoints2d" / "4.npz").write_bytes(b"junk")
    (folder / EDITS_FILE).write_text("{")
    loaded = load_project(folder)
    assert loaded.person(0).layer_names == ("initial", "truth")
    assert loaded.person(0).shown == "initial"
    assert "16" in loaded.detections
    assert "4" not in loaded.detections
    assert sum(issue.severity == "error" for issue in loaded.issues) == 3


def test_corrections_outside_the_capture_are_left_out_and_said(worked_scene, tmp_path):
    folder = tmp_path / "p"
    save_project(worked_scene, folder)
    value = json.loads((folder / EDITS_FILE).read_text())
    edit = value["0"]["initial"]
    edit["keys"].append({**edit["keys"][0], "index": 400})
    edit["view_pins"].append({**edit["view_pins"][0], "camera": "nobody"})
    (folder / EDITS_FILE).write_text(json.dumps(value))
    loaded = load_project(folder)
    assert_same_scene(loaded, worked_scene)
    assert any(issue.message.startswith("2 corrections or pins") for issue in loaded.issues)


def test_a_write_that_fails_is_an_error_of_ours(worked_scene, tmp_path):
    (tmp_path / "p").write_text("a file where the folder should be")
    with pytest.raises(FormatError, match="cannot be written"):
        save_project(worked_scene, tmp_path / "p")


def test_two_names_never_share_a_file():
    names = ["run:1", "run_1", "a/b", "a%2Fb", "..", ".", "", " ", "cam 1", "Köln"]
    files = [file_name_of(name) for name in names]
    assert len(set(files)) == len(files)
    assert not any("/" in name or name in (".", "..") or not name for name in files)


offsets = st.floats(-3.0, 3.0, width=32)


@given(
    seed=st.integers(0, 2**32 - 1),
    ease=st.integers(0, 50),
    hold=st.none() | st.tuples(st.integers(0, 5), st.integers(5, 9)),
    pixel=st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)),
)
def test_corrections_survive_to_the_last_bit(seed, ease, hold, pixel):
    random = np.random.default_rng(seed)
    key = KeyOffset(
        random.normal(0, 1, (24, 3)), random.normal(0, 1, 3), ease, hold,
        random.integers(0, 3, 24).astype(np.uint8),
    )  # fmt: skip
    edit = EditLayer({4: key}, (ViewPin("ä", 4, 20, pixel),), random.normal(0, 1, 10))
    assert_same_edit(edit_from(json.loads(json.dumps(edit_value(edit))), "x"), edit)


@settings(max_examples=40)
@given(data=st.data())
def test_any_damage_to_a_project_is_an_issue_or_an_error_of_ours(data, tmp_path_factory, body):
    folder = tmp_path_factory.mktemp("project") / "p"
    save_project(_tiny(body), folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    victim = data.draw(st.sampled_from(files))
    victim.write_bytes(data.draw(spoilt(victim.read_bytes())))
    with only_our_errors():
        load_project(folder, body)


def _tiny(body) -> Scene:
    from avatarpose.body.pose import PoseSequence
    from avatarpose.geometry.camera import Camera
    from avatarpose.scene.capture import Capture, View
    from avatarpose.scene.layers import PoseLayer

    camera = Camera("c", 64, 48, np.diag([50.0, 50.0, 1.0]), np.eye(4))
    rest = PoseSequence.rest(2)
    person = Person(0, "P", (PoseLayer("initial", rest),), "initial")
    detections = {"c": Detections2D("skel19", np.zeros((2, 1, 19, 3)), np.zeros((2, 1), int))}
    record = RunRecord("run:1", "preview", (1, 2), (0,), 1.0)
    scene = Scene(
        "tiny", Capture("tiny", np.array([1, 2]), 25.0, (View(camera),)), body, (person,),
        detections, (record,), (1,),
    )  # fmt: skip
    pin = ViewPin("c", 0, 3, (1.0, 2.0))
    return edits.set_pose(scene, 0, 0, np.zeros((24, 3)), np.ones(3), pins=(pin,))
