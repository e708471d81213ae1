import shutil

from avatarpose.cli import main
from avatarpose.formats.detect import open_scene
from avatarpose.formats.project import save_project
from avatarpose.scene import edits
from avatarpose.scene.scene import RunRecord


def test_runs_corrections_and_what_is_shown_are_listed(capture, capsys):
    assert main(["info", str(capture)]) == 0
    assert "not saved yet" in capsys.readouterr().out
    opened = open_scene(capture)
    poses = {pid: opened.scene.person(pid).layer("initial").poses for pid in (0, 1)}
    scene = edits.set_pose(opened.scene, 0, 1, poses[0].rotvecs[1] + 0.1, poses[0].transl[1])
    record = RunRecord("run:1", "preview", (21, 22), (1,), 61.4)
    scene = edits.adopt_run(scene, record, {1: poses[1]})
    save_project(scene, opened.project_folder)
    for name in (capture, opened.project_folder):
        assert main(["info", str(name)]) == 0
        out = capsys.readouterr().out
        assert "Person 1; shows initial; 1 corrections and 0 pins on initial" in out
        assert "Person 2; shows run:1" in out
        assert "run:1         preview, frames 21:22, people 1, from initial, 61 s" in out


def test_what_is_damaged_is_told_with_the_remedy(tiny_project, tmp_path, capsys):
    project = shutil.copytree(tiny_project, tmp_path / "hug")
    (project / "layers" / "initial.npz").write_bytes(b"cut")
    assert main(["info", str(project)]) == 0
    told = capsys.readouterr().err
    assert "initial.npz is not an intact npz file" in told
    assert "what to do: " in told
