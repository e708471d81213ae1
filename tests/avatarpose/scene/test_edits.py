from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avatarpose.errors import SceneError
from avatarpose.geometry.rotation import matrix_from_rotvec
from avatarpose.scene import edits
from avatarpose.scene.layers import INITIAL, Strength, ViewPin
from avatarpose.scene.scene import RunRecord
from tests.strategies import random_poses

WITH_SCENE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


def _assert_pose(scene, pid, index, rotvecs, transl) -> None:
    shown = scene.person(pid).poses()
    wanted = matrix_from_rotvec(np.asarray(rotvecs, np.float64))
    found = matrix_from_rotvec(shown.rotvecs[index].astype(np.float64))
    np.testing.assert_allclose(found, wanted, atol=2e-5)
    np.testing.assert_allclose(shown.transl[index], transl, atol=1e-6)


def _any_pose(seed: int, bend: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(0, bend, (24, 3)), random.normal(0, 1, 3)


@WITH_SCENE
@given(
    st.lists(
        st.tuples(st.integers(0, 11), st.integers(0, 5), st.integers(0, 999)),
        min_size=1,
        max_size=4,
    )
)
def test_the_shown_pose_becomes_exactly_what_was_asked_and_earlier_keys_stay(scene, verbs):
    asked = {}
    for index, ease, seed in verbs:
        rotvecs, transl = _any_pose(seed)
        scene = edits.set_pose(scene, 0, index, rotvecs, transl, ease_frames=ease)
        asked[index] = (rotvecs, transl)
    for index, (rotvecs, transl) in asked.items():
        _assert_pose(scene, 0, index, rotvecs, transl)


def test_the_edit_touches_no_other_person_and_not_the_source(scene):
    after = edits.set_pose(scene, 0, 3, *_any_pose(1), ease_frames=2)
    assert after.person(1) is scene.person(1)
    assert after.person(0).layer(INITIAL) is scene.person(0).layer(INITIAL)
    assert scene.person(0).edit().is_empty
    assert after.revision > scene.revision


def test_removing_the_keys_restores_the_source(scene):
    pin = ViewPin("4", 3, 20, (5.0, 6.0))
    after = edits.set_pose(scene, 0, 3, *_any_pose(1), ease_frames=2, pins=(pin,))
    restored = edits.remove_keys(after, 0, 2, 5)
    assert restored.person(0).edit().is_empty
    np.testing.assert_array_equal(
        restored.person(0).poses().rotvecs, scene.person(0).poses().rotvecs
    )


def test_setting_the_shown_pose_back_shows_the_source(scene):
    source = scene.person(0).poses()
    after = edits.set_pose(scene, 0, 3, *_any_pose(1))
    back = edits.set_pose(after, 0, 3, source.rotvecs[3], source.transl[3])
    _assert_pose(back, 0, 3, source.rotvecs[3], source.transl[3])


def test_a_newer_pin_replaces_the_older_one_of_the_same_joint_in_the_same_view(scene):
    old, new = ViewPin("4", 3, 20, (5.0, 6.0)), ViewPin("4", 3, 20, (9.0, 6.0))
    other = ViewPin("16", 3, 20, (1.0, 1.0))
    scene = edits.set_pose(scene, 0, 3, *_any_pose(1), pins=(old, other), joints=(20,))
    scene = edits.set_pose(scene, 0, 3, *_any_pose(2), pins=(new,))
    assert set(scene.person(0).edit().view_pins) == {other, new}
    assert scene.person(0).edit().keys[3].strength[20] == Strength.SOFT


def test_a_lock_survives_a_later_drag(scene):
    scene = edits.set_pose(scene, 0, 3, *_any_pose(1), joints=(20,))
    scene = edits.set_strength(scene, 0, 3, 20, Strength.LOCKED)
    scene = edits.set_pose(scene, 0, 3, *_any_pose(2), joints=(20, 21))
    strength = scene.person(0).edit().keys[3].strength
    assert strength[20] == Strength.LOCKED
    assert strength[21] == Strength.SOFT
    assert strength[0] == Strength.FREE


def test_strength_needs_a_correction(scene):
    with pytest.raises(SceneError, match="frame 24") as refused:
        edits.set_strength(scene, 0, 3, 20, Strength.LOCKED)
    assert refused.value.remedy


def test_somebody_who_is_absent_cannot_be_posed(scene):
    person = scene.person(0)
    poses = person.poses()
    valid = np.ones(len(poses), bool)
    valid[3] = False
    layer = replace(person.layer(INITIAL), poses=replace(poses, valid=valid))
    scene = scene.with_person(person.with_layer(layer))
    with pytest.raises(SceneError, match="absent in frame 24"):
        edits.set_pose(scene, 0, 3, *_any_pose(1))


def _run(scene, seed: int):
    random = np.random.default_rng(seed)
    poses = {pid: random_poses(random, 12, 0.2) for pid in scene.pids}
    record = RunRecord(scene.next_run_name(), "preview", (21, 32), scene.pids, 1.0)
    return edits.adopt_run(scene, record, poses), poses


def test_an_adopted_run_is_shown_with_an_empty_edit_and_earlier_edits_stay(scene):
    edited = edits.set_pose(scene, 0, 3, *_any_pose(1))
    after, poses = _run(edited, 1)
    for pid in after.pids:
        person = after.person(pid)
        assert person.shown == "run:1"
        assert person.edit().is_empty
        assert person.poses() is poses[pid]
        assert person.layer_names == (INITIAL, "run:1")
    assert not after.person(0).edit(INITIAL).is_empty
    assert [record.name for record in after.runs] == ["run:1"]


def test_runs_are_numbered_and_never_overwritten(scene):
    after, _ = _run(scene, 1)
    again, _ = _run(after, 2)
    assert again.person(0).layer_names == (INITIAL, "run:1", "run:2")
    assert again.next_run_name() == "run:3"


def test_an_edit_belongs_to_the_layer_it_was_made_on(scene):
    after, _ = _run(scene, 1)
    edited = edits.set_pose(after, 0, 3, *_any_pose(5))
    initial = edits.show_layer(edited, INITIAL)
    np.testing.assert_array_equal(
        initial.person(0).poses().rotvecs, scene.person(0).poses().rotvecs
    )
    back = edits.show_layer(initial, "run:1", (0,))
    _assert_pose(back, 0, 3, *_any_pose(5))
    assert back.person(1).shown == INITIAL


def test_people_are_renamed_by_identity(scene):
    after = edits.rename_person(scene, 1, "Bea")
    assert [person.name for person in after.people] == ["A", "Bea"]
    assert after.person(1).colour == scene.person(1).colour
