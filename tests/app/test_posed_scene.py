import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.posed_scene import PosedScene
from avatarpose.optimize.snapshot import Preview
from avatarpose.scene.edits import set_pose
from avatarpose.scene.scene import Scene


@pytest.fixture
def edited(walk: Scene) -> Scene:
    """A correction at index 5 that eases over three frames."""
    poses = walk.person(0).layer("initial").poses
    rotvecs = poses.rotvecs[5] + 0.1
    return set_pose(walk, 0, 5, rotvecs, poses.transl[5] + np.float32(0.05), ease_frames=3)


@pytest.mark.parametrize("index", [0, 3, 5, 7, 20])
def test_a_body_is_the_model_posed_by_source_and_corrections(edited: Scene, index: int):
    person = edited.person(0)
    poses = person.edit().apply(person.layer("initial").poses)
    truth = edited.body.posed_sequence(poses, np.array([index]))
    body = PosedScene().at(edited, 0, index)
    assert body is not None
    np.testing.assert_allclose(body.vertices_world, truth.vertices_world, atol=1e-5)
    skel19 = PosedScene().skel19_at(edited, 0, index)
    np.testing.assert_allclose(skel19, edited.body.skel19(truth)[0], atol=1e-5)


def test_frames_an_edit_does_not_touch_stay_the_same_object(walk: Scene, edited: Scene):
    bodies = PosedScene()
    assert bodies.at(walk, 0, 20) is bodies.at(edited, 0, 20)
    assert bodies.at(walk, 0, 5) is not bodies.at(edited, 0, 5)
    assert bodies.layer_at(edited, 0, "initial", 5) is bodies.at(edited, 0, 5)


def test_nobody_is_where_a_person_is_absent(walk: Scene):
    assert PosedScene().at(walk, 0, 999) is None
    assert PosedScene().at(walk, 0, -1) is None


def test_a_run_is_shown_beside_the_document_until_it_ends(qtbot: QtBot, walk: Scene):
    bodies = PosedScene()
    poses = walk.person(1).poses()
    with qtbot.waitSignal(bodies.live_changed):
        bodies.set_live({1: poses})
    assert bodies.live_at(walk, 0, 2) is None
    assert bodies.live_at(walk, 1, 2) is bodies.at(walk, 1, 2)
    bodies.set_live(None)
    assert bodies.live_at(walk, 1, 2) is None


def test_the_newest_rendered_picture_of_a_view_is_kept(qtbot: QtBot):
    bodies = PosedScene()
    first, second = (Preview("4", 3, np.full((2, 2, 4), n, np.uint8)) for n in (1, 2))
    bodies.add_previews((first,))
    with qtbot.waitSignal(bodies.live_changed):
        bodies.add_previews((second,))
    assert bodies.preview("4", 3) is second
    assert bodies.preview("4", 2) is None
    bodies.clear()
    assert bodies.preview("4", 3) is None
