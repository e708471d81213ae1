from dataclasses import replace

import numpy as np
import pytest

from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import Joint
from avatarpose.errors import OptimizationError
from avatarpose.estimation.association import label_detections
from avatarpose.estimation.keypoint_alignment import align_to_keypoints
from avatarpose.formats.detect import read_capture
from avatarpose.installation import resource_path
from avatarpose.scene.layers import EditLayer, ViewPin


def errors_mm(scene, poses: dict[int, PoseSequence]) -> np.ndarray:
    """Joint errors per person, frame and joint against the layer "truth"."""
    return np.stack(
        [
            1000
            * np.linalg.norm(
                scene.body.skel19_sequence(poses[pid])
                - scene.body.skel19_sequence(scene.person(pid).layer("truth").poses),
                axis=-1,
            )
            for pid in poses
        ]
    )


def disturbed(poses: PoseSequence, seed: int) -> PoseSequence:
    """A start that is wrong by some centimetres, with one arm gone astray."""
    random = np.random.default_rng(seed)
    rotvecs, transl = poses.rotvecs, poses.transl + random.normal(0.0, 0.03, 3).astype(np.float32)
    rotvecs = rotvecs + random.normal(0.0, 0.12, (1, 24, 3)).astype(np.float32)
    rotvecs[2:4, Joint.RIGHT_SHOULDER] += np.float32([0.3, -1.2, -0.6])
    return poses.with_frames(np.arange(len(poses)), rotvecs, transl)


@pytest.fixture(scope="module")
def labelled(make_scene, two_people):
    return label_detections(make_scene(two_people, noise_px=1.0))


def test_bodies_come_back_to_exact_keypoints_and_an_astray_arm_too(labelled, two_people):
    start = {pid: disturbed(poses, pid) for pid, poses in two_people.items()}
    found = align_to_keypoints(labelled, start, frames=np.arange(6), steps=300)
    before, after = errors_mm(labelled, start), errors_mm(labelled, found)
    assert before.max() > 150
    assert after.mean() < 5
    assert after.max() < 25


def test_swapped_and_misplaced_detections_are_ignored(labelled, two_people):
    spoiled = {}
    for row, (name, found) in enumerate(labelled.detections.items()):
        xyc = found.xyc.copy()
        if row == 0:
            xyc[:, :, [3, 4, 6, 7]] = xyc[:, :, [6, 7, 3, 4]]  # arms swapped
        if row == 1:
            xyc[:, :, 4] = xyc[:, ::-1, 4]  # wrist on the other person
        spoiled[name] = replace(found, xyc=xyc)
    scene = labelled.changed(detections=spoiled)
    found = align_to_keypoints(scene, two_people, frames=np.arange(6), steps=300)
    assert errors_mm(scene, found).mean() < 6
    assert errors_mm(scene, found).max() < 30


def test_frames_that_were_not_asked_for_stay_and_absent_frames_too(labelled, two_people):
    valid = np.ones(6, bool)
    valid[3] = False
    start = {pid: replace(disturbed(poses, pid), valid=valid) for pid, poses in two_people.items()}
    found = align_to_keypoints(labelled, start, frames=np.array([2, 3, 4]), steps=5)
    for pid in start:
        kept = [0, 1, 3, 5]
        np.testing.assert_array_equal(found[pid].rotvecs[kept], start[pid].rotvecs[kept])
        np.testing.assert_array_equal(found[pid].transl[kept], start[pid].transl[kept])
        assert np.abs(found[pid].transl[[2, 4]] - start[pid].transl[[2, 4]]).min() > 0


def test_shapes_stay_when_they_must(labelled, two_people):
    found = align_to_keypoints(
        labelled, two_people, frames=np.arange(6), steps=5, refine_shape=False
    )
    for pid, poses in two_people.items():
        np.testing.assert_array_equal(found[pid].betas, poses.betas)


def test_one_frame_alone_can_be_aligned(labelled, two_people):
    start = {pid: disturbed(poses, pid) for pid, poses in two_people.items()}
    found = align_to_keypoints(labelled, start, frames=np.array([2]), steps=300, refine_shape=False)
    assert errors_mm(labelled, found)[:, 2].mean() < 12


def test_the_listener_hears_every_step_and_can_stop(labelled, two_people):
    heard = []

    def listen(step, cost, poses) -> bool:
        heard.append((step, cost, set(poses)))
        return step < 3

    align_to_keypoints(labelled, two_people, frames=np.arange(6), steps=50, on_step=listen)
    assert [step for step, _, _ in heard] == [0, 1, 2, 3]
    assert heard[0][2] == {0, 1}


def test_a_pin_is_believed_against_the_detector(labelled, two_people):
    camera = labelled.capture.rig.cameras[0]
    joints = labelled.body.posed_sequence(two_people[0]).joints_world[2, Joint.LEFT_WRIST]
    pixel = camera.project(joints) + np.array([0.0, 12.0])
    pin = ViewPin(camera.name, 2, int(Joint.LEFT_WRIST), (float(pixel[0]), float(pixel[1])))
    pinned = labelled.with_person(labelled.person(0).with_edit(EditLayer(view_pins=(pin,))))

    found = align_to_keypoints(
        pinned, two_people, frames=np.array([2]), steps=60, refine_shape=False
    )
    wrist = labelled.body.posed_sequence(found[0]).joints_world[2, Joint.LEFT_WRIST]
    assert np.linalg.norm(camera.project(wrist) - pixel) < 6


def test_without_labelled_keypoints_it_says_what_to_do(make_scene, two_people):
    with pytest.raises(OptimizationError) as raised:
        align_to_keypoints(make_scene(two_people), two_people, frames=np.arange(6), steps=5)
    assert "2D keypoints" in raised.value.remedy


@pytest.mark.slow
def test_the_sample_is_repaired_for_both_people():
    scene = read_capture(resource_path("sample", "hug"))
    scene = label_detections(scene)
    start = {person.pid: person.poses("initial") for person in scene.people}
    found = align_to_keypoints(scene, start, frames=np.arange(24), steps=200)
    before, after = errors_mm(scene, start), errors_mm(scene, found)
    assert before.mean() == pytest.approx(37.97, abs=0.01)
    assert after.mean() < 12
    assert (after.mean((1, 2)) < before.mean((1, 2))).all()
    assert (after.mean(2) < before.mean(2)).mean() > 0.95
    assert after.max() < 60  # two wrists and an elbow were on the other person
