import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.jobs.center import JobCenter, JobState
from app.jobs.courier import Courier, shared_parts
from app.jobs.mailbox import Mailbox
from app.workbench import Workbench
from avatarpose.optimize.settings import RunRequest
from avatarpose.scene import edits
from avatarpose.scene.scene import Scene
from tests.app.scenes import make_bench, two_people
from tests.app.smoothing_session import open_and_die, open_deaf, open_smoothing

PATIENCE_MS = 30_000  # a child process on a busy machine takes its time to start


@pytest.fixture(scope="module")
def scene() -> Scene:
    return two_people()


@pytest.fixture
def bench(qapp: QApplication, scene: Scene) -> Iterator[Workbench]:  # noqa: ARG001
    bench = make_bench(scene)
    yield bench
    bench.footage.close()


@pytest.fixture(params=["thread", "process"])
def center(request: pytest.FixtureRequest, bench: Workbench) -> Iterator[JobCenter]:
    center = JobCenter(bench, opener=open_smoothing, in_process=request.param == "process")
    yield center
    assert center.shutdown()


def wait_for(qtbot: QtBot, center: JobCenter, *states: JobState) -> None:
    qtbot.waitUntil(lambda: center.state in states, timeout=PATIENCE_MS)


def test_a_mailbox_keeps_the_newest_and_knocks_once() -> None:
    box: Mailbox[int] = Mailbox()
    assert box.put(1)
    assert not box.put(2)
    assert box.take() == 2
    assert box.take() is None
    assert box.put(3)


def test_a_mailbox_can_merge_what_was_not_read() -> None:
    box: Mailbox[int] = Mailbox(merge=lambda older, newer: older + newer)
    box.put(1)
    box.put(2)
    assert box.take() == 3


def test_a_posted_edit_travels_without_what_the_other_side_has(scene: Scene) -> None:
    here, there = Courier(shared_parts(scene)), Courier(shared_parts(scene))
    edited = edits.rename_person(scene, 0, "Eve")
    packed = here.pack(("post", (edited,)))
    name, (back,) = there.unpack(packed)
    assert name == "post"
    assert back.person(0).name == "Eve"
    assert back.body is scene.body
    assert back.person(1).layers[0] is scene.person(1).layers[0]
    assert len(packed) < 10_000


def test_a_run_ends_in_one_undo_step_that_can_be_taken_back(
    qtbot: QtBot, bench: Workbench, center: JobCenter, scene: Scene
) -> None:
    states: list[JobState] = []
    center.state_changed.connect(lambda: states.append(center.state))
    assert center.start(RunRequest("preview"))
    wait_for(qtbot, center, JobState.DONE)
    assert states[0] is JobState.PREPARING
    assert states[-1] is JobState.DONE
    assert bench.bodies.live is None
    after = bench.document.scene
    assert after is not None
    assert after.person(0).shown == "run:1"
    assert after.runs[0].frames == (21, 44)
    assert after.runs[0].losses["smoothness"]
    stack = bench.document.undo_stack
    assert [stack.text(row) for row in range(stack.count())] == ["Refine, frames 21–44"]
    stack.undo()
    assert bench.document.scene is scene
    stack.redo()
    assert bench.document.scene is after


def test_a_run_can_be_paused_resumed_and_stopped_keeping_its_result(
    qtbot: QtBot, bench: Workbench, center: JobCenter
) -> None:
    center.start(RunRequest("full"))
    wait_for(qtbot, center, JobState.RUNNING)
    with qtbot.waitSignal(center.progressed, timeout=PATIENCE_MS):
        pass
    assert bench.bodies.live is not None
    center.pause()
    assert center.state is JobState.PAUSED
    center.resume()
    assert center.state is JobState.RUNNING
    with qtbot.waitSignal(center.progressed, timeout=PATIENCE_MS):
        pass
    center.stop()
    wait_for(qtbot, center, JobState.DONE)
    assert bench.document.undo_stack.count() == 1


def test_a_paused_run_can_be_stopped(qtbot: QtBot, bench: Workbench, center: JobCenter) -> None:
    center.start(RunRequest("full"))
    wait_for(qtbot, center, JobState.RUNNING)
    center.pause()
    center.stop()
    wait_for(qtbot, center, JobState.DONE)
    assert bench.document.undo_stack.count() == 1


def test_a_cancelled_run_leaves_everything_as_it_was(
    qtbot: QtBot, bench: Workbench, center: JobCenter, scene: Scene
) -> None:
    center.start(RunRequest("full"))
    wait_for(qtbot, center, JobState.RUNNING)
    center.cancel()
    wait_for(qtbot, center, JobState.CANCELLED)
    assert bench.document.scene is scene
    assert bench.document.undo_stack.count() == 0
    assert bench.bodies.live is None


def test_a_run_cancelled_while_it_prepares_ends_too(qtbot: QtBot, center: JobCenter) -> None:
    center.start(RunRequest("full"))
    center.cancel()
    wait_for(qtbot, center, JobState.CANCELLED)


def test_a_second_run_is_refused_with_a_remedy(qtbot: QtBot, center: JobCenter) -> None:
    center.start(RunRequest("full"))
    with qtbot.waitSignal(center.trouble) as told:
        assert not center.start(RunRequest("preview"))
    assert "running already" in told.args[0]
    assert told.args[1]
    center.cancel()
    wait_for(qtbot, center, JobState.CANCELLED)


def test_a_run_that_fails_says_why_and_can_be_started_again(
    qtbot: QtBot, center: JobCenter
) -> None:
    with qtbot.waitSignal(center.trouble, timeout=PATIENCE_MS) as told:
        center.start(RunRequest("preview", seed=-1))
    assert told.args == ["The seed is negative.", "Choose a seed from 0 on."]
    assert center.state is JobState.FAILED
    assert center.problem[0] == "The seed is negative."
    center.start(RunRequest("preview"))
    wait_for(qtbot, center, JobState.DONE)


def test_an_edit_during_a_run_is_posted_and_kept(
    qtbot: QtBot, bench: Workbench, center: JobCenter, scene: Scene
) -> None:
    center.start(RunRequest("full"))
    wait_for(qtbot, center, JobState.RUNNING)
    poses = scene.person(1).poses()
    transl = poses.transl[3] + np.array([0, 0, 0.3], np.float32)
    bench.document.edit("Lift", edits.set_pose(scene, 1, 3, poses.rotvecs[3], transl))
    assert center.waiting_edits == 1
    qtbot.waitUntil(lambda: center.waiting_edits == 0, timeout=PATIENCE_MS)
    center.stop()
    wait_for(qtbot, center, JobState.DONE)
    after = bench.document.scene
    assert after is not None
    assert 3 in after.person(1).edit("initial").keys
    assert bench.document.undo_stack.count() == 2


def test_a_result_waits_until_the_user_lets_go_of_a_joint(
    qtbot: QtBot, bench: Workbench, center: JobCenter, scene: Scene
) -> None:
    center.start(RunRequest("full"))
    wait_for(qtbot, center, JobState.RUNNING)
    bench.document.preview(edits.rename_person(scene, 0, "in hand"))
    center.stop()
    with qtbot.assertNotEmitted(center.adopted, wait=400):
        pass
    qtbot.waitUntil(lambda: not center.is_working, timeout=PATIENCE_MS)
    assert center.state is JobState.FINISHING
    bench.document.preview(None)
    assert center.state is JobState.DONE


def test_opening_another_scene_ends_the_run(
    qtbot: QtBot, bench: Workbench, center: JobCenter, scene: Scene
) -> None:
    center.start(RunRequest("full"))
    wait_for(qtbot, center, JobState.RUNNING)
    other = edits.rename_person(scene, 0, "Zoe")
    bench.document.open(other)
    wait_for(qtbot, center, JobState.CANCELLED)
    assert bench.document.scene is other
    assert bench.document.undo_stack.count() == 0


def test_a_process_that_does_not_listen_is_ended_by_force(qtbot: QtBot, bench: Workbench) -> None:
    center = JobCenter(bench, opener=open_deaf, in_process=True)
    center.start(RunRequest("full"))
    wait_for(qtbot, center, JobState.RUNNING)
    assert center.shutdown()
    assert center.state is JobState.CANCELLED


def test_a_process_that_dies_is_reported_and_takes_nothing_down(
    qtbot: QtBot, bench: Workbench, scene: Scene
) -> None:
    center = JobCenter(bench, opener=open_and_die, in_process=True)
    with qtbot.waitSignal(center.trouble, timeout=PATIENCE_MS) as told:
        center.start(RunRequest("preview"))
    assert "exit code 3" in told.args[0]
    assert bench.document.scene is scene
    assert center.shutdown()


def test_shutting_down_right_after_the_start_leaves_no_thread(center: JobCenter) -> None:
    center.start(RunRequest("full"))
    assert center.shutdown()
    assert center.state is JobState.CANCELLED


def test_the_window_does_not_import_torch() -> None:
    code = "import sys, app.jobs.center; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
