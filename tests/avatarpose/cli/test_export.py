import numpy as np
import pytest

from avatarpose.cli import main
from avatarpose.formats.amass import read_amass
from avatarpose.formats.detect import open_scene
from avatarpose.formats.project import save_project
from avatarpose.formats.smpl_params import read_smpl
from avatarpose.scene import edits
from avatarpose.scene.scene import RunRecord


@pytest.fixture
def refined(capture):
    opened = open_scene(capture)
    poses = {pid: opened.scene.person(pid).layer("initial").poses for pid in (0, 1)}
    record = RunRecord("run:1", "preview", (21, 23), (0, 1), 1.0)
    moved = {
        pid: p.with_frames(np.arange(3), p.rotvecs, p.transl + 1.0) for pid, p in poses.items()
    }
    scene = edits.adopt_run(opened.scene, record, moved)
    save_project(scene, opened.project_folder)
    return scene


def test_the_newest_run_is_written_as_a_native_file(capture, refined, tmp_path, capsys):
    out = tmp_path / "out.npz"
    assert main(["export", str(capture), "--layer", "run:latest", "--format", "npz", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    tracks = read_smpl(out)
    assert tracks.frames.tolist() == [21, 22, 23]
    for pid in (0, 1):
        np.testing.assert_array_equal(
            tracks.people[pid].transl, refined.person(pid).layer("run:1").poses.transl
        )


def test_amass_and_aitviewer_files_are_written_per_person(capture, refined, tmp_path, capsys):
    assert refined.runs
    folder = tmp_path / "motions"
    assert (
        main(["export", str(capture), "--layer", "initial", "--format", "amass", str(folder)]) == 0
    )
    written = capsys.readouterr().out.splitlines()
    assert written == [str(folder / "person_0.npz"), str(folder / "person_1.npz")]
    assert len(read_amass(folder / "person_0.npz")[0]) == 3
    assert main(["export", str(capture), "--format", "aitviewer", str(folder)]) == 0


def test_a_layer_nobody_has_is_told_with_what_there_is(capture, tmp_path, capsys):
    assert main(["export", str(capture), "--layer", "run:latest", str(tmp_path / "o.npz")]) == 2
    err = capsys.readouterr().err
    assert "error: take has not been refined yet." in err
    assert "what to do: Run `avatarpose refine` first" in err
    assert not (tmp_path / "o.npz").exists()
