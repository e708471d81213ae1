import numpy as np
import pytest

from avatarpose.errors import SceneError
from avatarpose.scene.layers import EditLayer, KeyOffset
from avatarpose.scene.people import PERSON_COLOURS, Detections2D


def _detections(seed: int, pid: np.ndarray) -> Detections2D:
    random = np.random.default_rng(seed)
    return Detections2D("body25", random.uniform(0.2, 1.0, (*pid.shape, 25, 3)), pid)


def test_the_keypoints_of_a_person_are_found_wherever_they_stand_in_the_file():
    pid = np.array([[0, 1], [1, 0], [-1, 1]])
    detections = _detections(1, pid)
    swapped = Detections2D("body25", detections.xyc[:, ::-1], pid[:, ::-1])
    for who in (0, 1):
        np.testing.assert_array_equal(swapped.skel19(who), detections.skel19(who))
    expected = detections.xyc[1, 1, 8]  # frame 1, person 0 in slot 1, BODY_25's mid hip
    np.testing.assert_array_equal(detections.skel19(0)[1, 0], expected)
    missing = detections.skel19(0)[2]
    assert np.isnan(missing[:, :2]).all()
    assert not missing[:, 2].any()


def test_somebody_nobody_saw_has_no_keypoints():
    assert not _detections(1, np.array([[0, 1]])).skel19(5)[..., 2].any()


def test_a_layer_is_replaced_by_name_or_added(scene):
    person = scene.person(0)
    layer = person.layer("initial")
    assert person.with_layer(layer).layers == person.layers
    with pytest.raises(SceneError, match="no layer 'run:1'") as refused:
        person.layer("run:1")
    assert "initial" in refused.value.remedy


def test_an_edit_is_found_under_its_layer(scene):
    edit = EditLayer({1: KeyOffset(np.zeros((24, 3)), np.ones(3))})
    person = scene.person(0).with_edit(edit)
    assert person.edit() is edit
    assert person.edit("run:1").is_empty
    assert person.poses().transl[1, 0] == pytest.approx(
        person.layer("initial").poses.transl[1, 0] + 1
    )


def test_the_colours_of_people_differ():
    assert len(set(PERSON_COLOURS)) == len(PERSON_COLOURS)
