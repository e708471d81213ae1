from dataclasses import replace

import numpy as np
import pytest

from app import verbs
from app.workbench import Workbench
from avatarpose.body.skeleton import Joint, Skel19
from avatarpose.scene.edits import add_layer, adopt_run, set_pose, show_layer
from avatarpose.scene.scene import RunRecord, Scene


def corrected(scene: Scene, pid: int, index: int) -> Scene:
    poses = scene.person(pid).poses()
    return set_pose(scene, pid, index, poses.rotvecs[index], poses.transl[index] + np.float32(0.1))


@pytest.fixture
def edited(desk: Workbench, walk: Scene) -> Scene:
    """Ada is corrected at 4 and 9, Ben at 6."""
    scene = corrected(corrected(corrected(walk, 0, 4), 0, 9), 1, 6)
    desk.document.edit("Corrections", scene)
    return scene


def test_people_are_chosen_by_number_and_in_turn(desk: Workbench):
    verbs.choose_person(desk, 1)
    assert desk.selection.pid == 1
    verbs.choose_person(desk, 7)
    assert desk.selection.pid == 1
    verbs.next_person(desk)
    assert desk.selection.pid == 0


@pytest.mark.usefixtures("edited")
def test_edited_frames_are_visited_in_order(desk: Workbench):
    visited = []
    while verbs.go_to_nearest(desk, verbs.edited_frames(desk, everybody=True), 1):
        visited.append(desk.playback.index)
    assert visited == [4, 6, 9]
    assert verbs.go_to_nearest(desk, verbs.edited_frames(desk, everybody=False), -1)
    assert desk.playback.index == 4


@pytest.mark.usefixtures("edited")
def test_corrections_are_removed_from_the_frame_or_the_range(desk: Workbench):
    assert not verbs.remove_corrections(desk)
    desk.playback.seek(4)
    assert verbs.remove_corrections(desk)
    assert verbs.edited_frames(desk, everybody=True) == [6, 9]
    desk.playback.select_range((0, 20))
    assert verbs.remove_corrections(desk)
    assert verbs.edited_frames(desk, everybody=True) == [6]
    assert desk.document.undo_stack.count() == 3


def test_before_an_edit_is_the_source_alone(walk: Scene, edited: Scene):
    before = verbs.scene_before(edited)
    for pid in walk.pids:
        source = walk.person(pid).layer("initial").poses
        np.testing.assert_array_equal(before.person(pid).poses().transl, source.transl)
    assert verbs.scene_before(walk) is walk


def test_before_a_run_is_what_it_started_from(walk: Scene):
    scene = add_layer(walk, 0, "other", walk.person(0).poses())
    scene = show_layer(scene, "other", (0,))
    record = RunRecord("run:1", "preview", (21, 44), (0,), 1.0, source="other")
    run = adopt_run(scene, record, {0: replace(walk.person(0).poses(), betas=np.ones(10))})
    assert verbs.scene_before(run).person(0).shown == "other"


def test_the_ik_mode_goes_round(desk: Workbench):
    modes = [verbs.cycle_ik_mode(desk.settings) for _ in range(3)]
    assert modes == ["body", "fk", "limb"]


def test_a_joint_is_placed_where_its_detections_meet(desk: Workbench, walk: Scene):
    wanted = walk.body.joint_transforms(
        walk.person(0).poses().betas,
        walk.person(0).poses().rotvecs[:1],
        walk.person(0).poses().transl[:1],
    )[1][0, Joint.LEFT_WRIST] + np.array([0.03, -0.05, 0.06])
    detections = {}
    for camera in walk.capture.rig:
        found = walk.detections[camera.name]
        xyc = found.xyc.copy()
        xyc[0, 0, Skel19.LEFT_WRIST, :2] = camera.project(wanted)
        detections[camera.name] = replace(found, xyc=xyc)
    desk.document.open(walk.changed(detections=detections))
    assert verbs.triangulate_joint(desk) == "Choose a joint first"
    desk.selection.select(0, Joint.LEFT_WRIST)
    verbs.triangulate_joint(desk)
    scene = desk.document.scene
    assert scene is not None
    body = desk.bodies.at(scene, 0, 0)
    assert body is not None
    assert np.linalg.norm(body.joints_world[0, Joint.LEFT_WRIST] - wanted) < 2e-3
    assert desk.document.undo_stack.undoText() == "Triangulate left wrist, Ada, f 21"
    desk.selection.select(0, Joint.LEFT_HAND)
    assert "two are needed" in verbs.triangulate_joint(desk)
