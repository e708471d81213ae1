from dataclasses import replace

import numpy as np

from avatarpose.body.pose import PoseSequence
from avatarpose.estimation.association import has_labels, label_detections
from avatarpose.scene.people import Detections2D


def true_labels(scene, detections: Detections2D, camera) -> np.ndarray:
    """Whose detection each is, by the nearest projected neck."""
    necks = np.stack(
        [camera.project(scene.body.skel19_sequence(p.poses("truth"))[:, 1]) for p in scene.people]
    )
    gap = np.linalg.norm(detections.xyc[:, :, None, 1, :2] - necks.swapaxes(0, 1)[:, None], axis=-1)
    return np.array(scene.pids)[gap.argmin(-1)]


def test_every_detection_gets_its_person_in_whatever_order_they_come(make_scene, two_people):
    scene = make_scene(two_people, noise_px=3.0)
    labelled = label_detections(scene)
    for camera in scene.capture.rig:
        found = labelled.detections[camera.name]
        np.testing.assert_array_equal(found.pid, true_labels(scene, found, camera))


def test_numbers_of_people_are_pids_not_positions(make_scene, two_people):
    people = {3: two_people[0], 7: two_people[1]}
    labelled = label_detections(make_scene(people))
    assert {int(p) for f in labelled.detections.values() for p in f.pid.ravel()} == {3, 7}


def test_a_stranger_belongs_to_nobody(make_scene, two_people):
    far = replace(two_people[1], transl=two_people[1].transl + np.float32([0.0, 1.5, 0.0]))
    seen = make_scene({0: two_people[0], 1: far})
    known = seen.changed(people=tuple(p for p in seen.people if p.pid == 0))
    labelled = label_detections(known)
    for camera in seen.capture.rig:
        found = labelled.detections[camera.name]
        expected = np.where(true_labels(seen, found, camera) == 0, 0, -1)
        np.testing.assert_array_equal(found.pid, expected)


def test_one_wrist_on_the_other_person_does_not_change_whose_detection_it_is(
    make_scene, two_people
):
    scene = make_scene(two_people)
    spoiled = {}
    for name, found in scene.detections.items():
        xyc = found.xyc.copy()
        xyc[:, :, [4, 7]] = xyc[:, ::-1][:, :, [4, 7]]
        spoiled[name] = replace(found, xyc=xyc)
    before = label_detections(scene)
    after = label_detections(scene.changed(detections=spoiled))
    for name in scene.detections:
        np.testing.assert_array_equal(after.detections[name].pid, before.detections[name].pid)


def test_somebody_absent_gets_no_detection(make_scene, two_people):
    gone = np.ones(len(two_people[1].valid), bool)
    gone[2] = False
    scene = make_scene(two_people)
    person = scene.person(1)
    absent: PoseSequence = replace(person.poses(), valid=gone)
    scene = scene.with_person(person.with_layer(replace(person.layers[0], poses=absent)))
    labelled = label_detections(scene)
    assert all((found.pid[2] != 1).all() for found in labelled.detections.values())
    assert all((found.pid[3] == 1).any() for found in labelled.detections.values())


def test_without_poses_nothing_changes(make_scene, two_people):
    scene = make_scene(two_people).changed(people=())
    assert label_detections(scene) is scene
    assert not has_labels(scene)
