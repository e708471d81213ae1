import shutil

import numpy as np
import pytest

from avatarpose.errors import FormatError
from avatarpose.formats.detect import kind_of, open_scene, read_capture, recognise, stated_body
from avatarpose.formats.export import LATEST, layer_poses, resolve_layer, write_layer_npz
from avatarpose.formats.places import project_folder_of
from avatarpose.formats.project import save_project
from avatarpose.formats.smpl_params import read_smpl
from avatarpose.installation import resource_path
from avatarpose.scene import edits
from avatarpose.scene.scene import RunRecord


def snapshot(folder):
    return {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(folder.rglob("*"))}


def test_the_project_of_a_capture_lies_beside_it_and_is_found_again(small_capture):
    before = snapshot(small_capture)
    first = open_scene(small_capture)
    assert first.is_new
    assert first.project_folder == small_capture.with_name("capture.avatarpose")
    assert not first.project_folder.exists()
    renamed = edits.rename_person(first.scene, 0, "Ada")
    save_project(renamed, first.project_folder)
    again = open_scene(small_capture)
    assert not again.is_new
    assert again.project_folder == first.project_folder
    assert again.scene.person(0).name == "Ada"
    direct = open_scene(first.project_folder / "avatarpose.toml")
    assert direct.project_folder == first.project_folder
    assert snapshot(small_capture) == before


def test_projects_of_unwritable_places_and_of_the_sample_lie_among_the_user_s_data(
    small_capture, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    sample = project_folder_of(resource_path("sample", "hug"))
    assert sample.is_relative_to(tmp_path / "home")
    small_capture.parent.chmod(0o555)
    try:
        aside = project_folder_of(small_capture)
    finally:
        small_capture.parent.chmod(0o755)
    assert aside.is_relative_to(tmp_path / "home")
    assert aside != sample
    assert project_folder_of(small_capture, tmp_path / "given").parent == tmp_path / "given"


def test_two_captures_of_one_name_have_two_projects(tmp_path):
    for place in ("a", "b"):
        (tmp_path / place / "take").mkdir(parents=True)
    folders = {project_folder_of(tmp_path / p / "take", tmp_path / "all") for p in ("a", "b")}
    assert len(folders) == 2


def test_every_kind_of_folder_is_told_apart(small_capture, small_scene, tmp_path):
    assert kind_of(small_capture) == "easymocap"
    save_project(small_scene, tmp_path / "p")
    assert kind_of(tmp_path / "p") == "project"
    (tmp_path / "empty").mkdir()
    assert kind_of(tmp_path / "empty") == "unknown"


def test_recognition_sums_up_what_is_there(small_capture):
    found = recognise(small_capture)
    rows = dict(found.summary)
    assert found.kind == "easymocap"
    assert rows["cameras"] == "8 (4, 16, 28, 40, 52, 64, 76, 88)"
    assert rows["frames"] == "4 (21 to 24) at 25 per second"
    assert rows["masks"] == "4 cameras, by person"
    assert rows["keypoints"] == "4 cameras, body25"


@pytest.mark.parametrize("kind", ["missing", "file", "empty", "broken project", "broken yaml"])
def test_what_is_no_capture_is_an_issue_with_a_remedy(tmp_path, kind):
    path = tmp_path / "x"
    if kind == "file":
        path.write_text("hello")
    elif kind != "missing":
        path.mkdir()
    if kind == "broken project":
        (path / "avatarpose.toml").write_text("schema_version = ")
    if kind == "broken yaml":
        (path / "intri.yml").write_text("???")
        (path / "extri.yml").write_bytes(b"\xff")
    found = recognise(path)
    assert found.scene is None
    (issue,) = found.issues
    assert issue.severity == "error"
    assert issue.remedy
    with pytest.raises(FormatError):
        open_scene(path)


def test_a_capture_says_which_body_it_was_made_with(small_capture, body):
    assert stated_body(small_capture) == body.sha256
    (small_capture / "truth.json").write_text("[]")
    assert stated_body(small_capture) == ""


def test_a_capture_opened_with_a_body_of_a_file_uses_it(small_capture, tmp_path):
    own = tmp_path / "own.npz"
    shutil.copy(resource_path("body", "body_smpl24.npz"), own)
    opened = open_scene(small_capture, body_path=own)
    assert opened.body_path == own


def test_the_newest_run_is_meant_by_run_latest(small_scene):
    poses = {pid: small_scene.person(pid).layer("initial").poses for pid in (0, 1)}
    with pytest.raises(Exception, match="not been refined"):
        resolve_layer(small_scene, LATEST)
    scene = small_scene
    for number in range(1, 12):
        record = RunRecord(f"run:{number}", "preview", (21, 24), (0, 1), 1.0)
        scene = edits.adopt_run(scene, record, poses)
    assert resolve_layer(scene, LATEST) == "run:11"
    with pytest.raises(Exception, match="no layer 'run:12'"):
        resolve_layer(scene, "run:12")


def test_an_exported_layer_has_the_corrections_unless_told_otherwise(small_scene, tmp_path):
    source = small_scene.person(0).layer("initial").poses
    scene = edits.set_pose(small_scene, 0, 1, source.rotvecs[1] + 0.1, source.transl[1] + 1.0)
    edited = write_layer_npz(scene, layer_poses(scene, "initial"), tmp_path / "a.npz")
    bare = write_layer_npz(
        scene, layer_poses(scene, "initial", with_edits=False), tmp_path / "folder"
    )
    assert bare == tmp_path / "folder" / "smpl.npz"
    tracks = read_smpl(edited)
    assert tracks.frames.tolist() == [21, 22, 23, 24]
    np.testing.assert_array_equal(tracks.people[0].transl, scene.person(0).poses().transl)
    np.testing.assert_array_equal(read_smpl(bare).people[0].transl, source.transl)


def test_the_sample_is_opened_with_nothing_wrong(tmp_path):
    opened = open_scene(resource_path("sample", "hug"), projects_folder=tmp_path)
    assert opened.scene.issues == ()
    assert read_capture(resource_path("sample", "hug")).capture.frame_count == 24
