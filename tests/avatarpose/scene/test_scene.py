import numpy as np
import pytest

from avatarpose.errors import SceneError
from avatarpose.scene import edits
from avatarpose.scene.scene import Scene


def test_people_stand_in_order_of_identity_however_they_came(scene):
    shuffled = scene.changed(people=tuple(reversed(scene.people)))
    assert shuffled.pids == (0, 1)
    rotvecs, transl = np.zeros((24, 3)), np.zeros(3)
    one = edits.set_pose(scene, 1, 2, rotvecs, transl)
    other = edits.set_pose(shuffled, 1, 2, rotvecs, transl)
    for pid in (0, 1):
        np.testing.assert_array_equal(
            one.person(pid).poses().rotvecs, other.person(pid).poses().rotvecs
        )


def test_colours_belong_to_the_identity_and_not_to_the_position(scene):
    alone = scene.changed(people=(scene.person(1),))
    assert alone.people[0].colour == scene.people[1].colour


def test_every_change_has_a_higher_revision(scene):
    after = scene.changed(name="other")
    assert after.revision > scene.revision
    assert after.changed(name="two").revision > after.revision


def test_detections_and_people_cannot_be_changed_in_place(scene):
    with pytest.raises(TypeError):
        scene.detections["4"] = None
    with pytest.raises(AttributeError):
        scene.name = "other"


def test_an_unknown_person_is_refused_with_a_remedy(scene):
    with pytest.raises(SceneError, match="no person 7") as refused:
        scene.person(7)
    assert refused.value.remedy


def test_a_scene_without_people_can_be_made(scene):
    empty = Scene("empty", scene.capture, scene.body)
    assert empty.pids == ()
    assert empty.next_run_name() == "run:1"
