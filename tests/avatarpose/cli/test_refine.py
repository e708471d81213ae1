import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avatarpose.cli import main
from avatarpose.evaluate.pose_metrics import world_errors_mm
from avatarpose.formats.journal import ProjectLock
from avatarpose.formats.project import load_project, save_project
from avatarpose.formats.smpl_params import read_smpl
from avatarpose.optimize.run_folder import load_request, save_request
from avatarpose.optimize.settings import RunRequest
from avatarpose.scene.scene import Scene


@pytest.fixture
def project(tiny_project: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_project, tmp_path / "hug")


def errors_mm(scene: Scene, layer: str) -> np.ndarray:
    """World errors per person."""
    out = []
    for person in scene.people:
        poses, truth = person.layer(layer).poses, person.layer("truth").poses
        joints = scene.body.skel19_sequence(poses), scene.body.skel19_sequence(truth)
        out.append(world_errors_mm(*joints).mean())
    return np.array(out)


def test_the_run_becomes_a_shown_layer_of_everybody(refined):
    scene = load_project(refined[0])
    assert [record.name for record in scene.runs] == ["run:1"]
    assert scene.runs[0].preset == "preview"
    assert scene.runs[0].source == "initial"
    assert scene.runs[0].frames == (0, 3)
    assert all(person.shown == "run:1" for person in scene.people)
    assert all(person.has_layer("initial") for person in scene.people)


def test_everybody_is_nearer_to_the_truth_than_before(refined):
    scene = load_project(refined[0])
    assert (errors_mm(scene, "run:1") < errors_mm(scene, "initial")).all()


def test_the_outcome_is_printed_as_before_and_after(refined):
    project, printed = refined
    scene = load_project(project)
    assert re.search(r"^run:1: preview, frames 0:3, 2 people, \d+:\d\d$", printed, re.MULTILINE)
    assert re.search(r"reprojection error, median: \d+\.\d -> \d+\.\d px", printed)
    found = re.search(r"world MPJPE: (\S+) -> (\S+) mm", printed)
    assert found is not None
    for text, layer in zip(found.groups(), ("initial", "run:1"), strict=True):
        assert float(text) == pytest.approx(errors_mm(scene, layer).mean(), abs=0.06)


def test_out_holds_the_refined_poses(refined):
    project, printed = refined
    path = project.parent / "out" / "smpl.npz"
    assert str(path) in printed
    tracks = read_smpl(path)
    scene = load_project(project)
    for person in scene.people:
        assert np.array_equal(tracks.people[person.pid].transl, person.poses("run:1").transl)


def test_the_run_folder_keeps_avatars_exposures_and_the_request(refined):
    names = {path.name for path in (refined[0] / "runs" / "run-001").iterdir()}
    assert {"avatar-0.pt", "avatar-1.pt", "exposure.json", "request.json"} <= names


def test_people_without_poses_are_sent_to_fit(project, capsys):
    scene = load_project(project)
    bare = tuple(replace(person, layers=(), shown="") for person in scene.people)
    save_project(scene.changed(people=bare), project)
    assert main(["refine", str(project)]) == 2
    told = capsys.readouterr().err
    assert "no poses of Person 1 and Person 2" in told
    assert "avatarpose fit" in told


def test_a_project_that_is_open_elsewhere_is_left_alone(project, capsys):
    lock = ProjectLock(project)
    assert lock.acquire()
    try:
        assert main(["refine", str(project)]) == 2
    finally:
        lock.release()
    assert "open in another program" in capsys.readouterr().err


def test_resuming_without_a_broken_run_is_refused(project, capsys):
    assert main(["refine", str(project), "--resume"]) == 2
    assert "without --resume" in capsys.readouterr().err


def test_a_resumption_that_fails_leaves_the_settings_of_the_run(project, capsys):
    folder = project / "runs" / "run-001"
    folder.mkdir(parents=True)
    asked = RunRequest(preset="preview", frames=(0, 2))
    save_request(folder, asked)
    (folder / "checkpoint.pt").write_bytes(b"of other settings")
    assert main(["refine", str(project), "--resume", "--frames", "0:1", "--people", "0"]) == 2
    assert "what to do" in capsys.readouterr().err
    assert load_request(folder) == asked


def test_a_folder_for_the_result_that_cannot_be_made_is_told_before_the_run(
    project, tmp_path, capsys
):
    (tmp_path / "taken").write_text("a file")
    assert main(["refine", str(project), "--out", str(tmp_path / "taken")]) == 2
    assert "taken cannot be made" in capsys.readouterr().err
    assert not (project / "runs").exists()


def test_a_range_beyond_the_capture_is_told_to_be_cut(project, capsys):
    assert main(["refine", str(project), "--frames", "1:900", "--people", "7"]) == 2
    told = capsys.readouterr().err
    assert "note: the capture has frames 0 to" in told
    assert "of 1:900 only 1:" in told


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--people", "7"], "no person 7"),
        (["--cameras", "nowhere"], "no camera 'nowhere'"),
        (["--frames", "90:99"], "No frame lies between"),
    ],
)
def test_what_is_not_there_cannot_be_chosen(project, capsys, words, problem):
    assert main(["refine", str(project), *words]) == 2
    assert problem in capsys.readouterr().err


def started(project: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "avatarpose.cli", "refine", str(project), *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )


def read_until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    heard = []
    for line in process.stderr:
        heard.append(line)
        if words in line:
            return
    pytest.fail(f"{words!r} was never told, but: {''.join(heard)}")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process alone")
def test_the_first_interrupt_keeps_what_was_reached(project):
    with started(project, "--preset", "preview") as process:
        read_until(process, "silhouettes")
        process.send_signal(signal.SIGINT)
        printed, told = process.communicate()
    assert process.returncode == 0, told
    assert "stopped early" in printed
    assert "is kept" in told
    assert load_project(project).runs[0].name == "run:1"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process alone")
def test_the_second_interrupt_breaks_off_and_resume_goes_on(project):
    with started(project, "--preset", "preview", "--seed", "5", "--frames", "0:2") as process:
        read_until(process, "silhouettes")  # so that the stage before left a checkpoint
        process.send_signal(signal.SIGINT)
        read_until(process, "stopping")
        process.send_signal(signal.SIGINT)
        process.communicate()
    # The run may have ended between the two, which keeps it: then there is nothing to go on with.
    if process.returncode == 0:
        pytest.skip("the run ended before it could be broken off")
    assert process.returncode == 130
    assert load_project(project).runs == ()
    assert main(["refine", str(project), "--resume"]) == 0
    record = load_project(project).runs[0]
    assert (record.preset, record.frames) == ("preview", (0, 2))
