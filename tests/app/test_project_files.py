from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.project_files import ProjectFiles, sample_folder
from app.workbench import Workbench
from avatarpose.scene.edits import rename_person, set_pose
from avatarpose.scene.scene import Scene
from tests.app.scenes import make_bench

OPEN_MS = 60_000


@pytest.fixture
def bench(qtbot: QtBot) -> Iterator[Workbench]:  # noqa: ARG001
    bench = make_bench(None)
    yield bench
    bench.footage.close()


def opened(
    qtbot: QtBot, bench: Workbench, projects: Path, path: Path | None = None
) -> ProjectFiles:
    files = ProjectFiles(bench, projects)
    with qtbot.waitSignal(files.opened, timeout=OPEN_MS):
        files.open(path or sample_folder())
    return files


def moved(scene: Scene) -> Scene:
    poses = scene.person(0).poses()
    return set_pose(scene, 0, 2, poses.rotvecs[2], poses.transl[2] + np.float32(0.1))


def test_a_capture_opens_unmodified_and_nothing_is_written(
    qtbot: QtBot, bench: Workbench, tmp_path: Path
):
    files = opened(qtbot, bench, tmp_path)
    assert not files.is_modified
    assert files.folder is not None
    assert files.folder.parent == tmp_path
    files.close()
    assert list(tmp_path.iterdir()) == []


def test_a_saved_project_is_found_again_by_the_capture(
    qtbot: QtBot, bench: Workbench, tmp_path: Path
):
    files = opened(qtbot, bench, tmp_path)
    scene = bench.document.scene
    assert scene is not None
    bench.document.edit("Rename", rename_person(moved(scene), 0, "Zoe"))
    assert files.is_modified
    with qtbot.waitSignal(files.saved, timeout=OPEN_MS):
        files.save()
    assert not files.is_modified
    bench.document.undo_stack.undo()
    assert files.is_modified
    bench.document.undo_stack.redo()
    assert not files.is_modified
    files.close()
    again = opened(qtbot, bench, tmp_path)
    scene = bench.document.scene
    assert scene is not None
    assert scene.person(0).name == "Zoe"
    assert list(scene.person(0).edit().keys) == [2]
    again.close()


def test_edits_that_were_never_saved_come_back_after_a_crash(
    qtbot: QtBot, bench: Workbench, tmp_path: Path
):
    files = opened(qtbot, bench, tmp_path)
    scene = bench.document.scene
    assert scene is not None
    bench.document.edit("Move", moved(scene))
    files.close()  # writes the journal down, saves nothing
    recovering = ProjectFiles(bench, tmp_path)
    with qtbot.waitSignal(recovering.recovered, timeout=OPEN_MS) as found:
        recovering.open(sample_folder())
    assert found.args == [1]
    scene = bench.document.scene
    assert scene is not None
    assert list(scene.person(0).edit().keys) == [2]
    assert recovering.is_modified
    bench.document.undo_stack.undo()
    scene = bench.document.scene
    assert scene is not None
    assert scene.person(0).edit().is_empty
    recovering.close()


def test_forgotten_changes_do_not_come_back(qtbot: QtBot, bench: Workbench, tmp_path: Path):
    files = opened(qtbot, bench, tmp_path)
    scene = bench.document.scene
    assert scene is not None
    bench.document.edit("Move", moved(scene))
    files.forget_changes()
    files.close()
    again = opened(qtbot, bench, tmp_path)
    scene = bench.document.scene
    assert scene is not None
    assert scene.person(0).edit().is_empty
    again.close()


def test_a_second_window_is_told_that_its_changes_are_not_kept(
    qtbot: QtBot, bench: Workbench, tmp_path: Path
):
    first = opened(qtbot, bench, tmp_path)
    scene = bench.document.scene
    assert scene is not None
    bench.document.edit("Move", moved(scene))
    with qtbot.waitSignal(first.saved, timeout=OPEN_MS):
        first.save()
    other_bench = make_bench(None)
    second = opened(qtbot, other_bench, tmp_path)
    other = other_bench.document.scene
    assert other is not None
    with qtbot.waitSignal(second.failed, timeout=OPEN_MS) as told:
        other_bench.document.edit("Rename", rename_person(other, 1, "Late"))
    assert told.args is not None
    assert "another window" in told.args[0]
    second.close()
    first.close()
    other_bench.footage.close()


def test_save_as_writes_a_whole_project_elsewhere(qtbot: QtBot, bench: Workbench, tmp_path: Path):
    files = opened(qtbot, bench, tmp_path / "projects")
    target = tmp_path / "elsewhere"
    with qtbot.waitSignal(files.saved, timeout=OPEN_MS):
        files.save(target)
    assert files.folder == target
    files.close()
    again = opened(qtbot, bench, tmp_path / "projects", target)
    scene = bench.document.scene
    assert scene is not None
    assert scene.capture.rig.names == ("4", "16", "28", "40", "52", "64", "76", "88")
    again.close()
