from dataclasses import replace

import numpy as np
import pytest

from app.jobs.initialisation import Initialisation, lacks_poses
from avatarpose.scene.scene import Scene
from tests.app.scenes import make_bench, two_people


@pytest.fixture
def unposed() -> Scene:
    scene = two_people()
    people = tuple(replace(who, layers=(), shown="", edits={}) for who in scene.people)
    return scene.changed(people=people)


def test_only_a_capture_without_poses_lacks_them(unposed):
    assert lacks_poses(unposed)
    assert not lacks_poses(two_people())


def test_bodies_are_fitted_in_one_undo_step(qtbot, unposed):
    bench = make_bench(unposed)
    work = Initialisation(bench)
    with qtbot.waitSignal(work.ended, timeout=120_000) as ended:
        assert work.start()
        assert not work.start()
    assert ended.args == [True]
    document = bench.document
    truth = {who.pid: who.poses() for who in two_people().people}
    for who in document.scene.people:
        found = document.scene.body.skel19_sequence(who.poses())
        true = document.scene.body.skel19_sequence(truth[who.pid])
        assert np.median(np.linalg.norm(found - true, axis=-1)) < 0.03
    document.undo_stack.undo()
    assert lacks_poses(document.scene)


def test_cancelling_changes_nothing(qtbot, unposed):
    bench = make_bench(unposed)
    work = Initialisation(bench)
    with qtbot.waitSignal(work.ended, timeout=120_000) as ended:
        work.start()
        work.cancel()
    assert ended.args == [False]
    assert bench.document.scene is unposed
    assert not work.is_active
