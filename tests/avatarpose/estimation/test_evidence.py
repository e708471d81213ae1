import numpy as np

from avatarpose.estimation.association import label_detections
from avatarpose.estimation.evidence import evidence_points, gather_evidence
from avatarpose.scene.people import Detections2D


def test_evidence_is_undistorted_and_in_the_order_of_people_frames_and_cameras(
    make_scene, two_people
):
    scene = label_detections(make_scene(two_people))
    evidence = gather_evidence(scene, (1, 0), np.array([4, 2]))
    for row, pid in enumerate((1, 0)):
        joints = scene.body.skel19_sequence(two_people[pid], np.array([4, 2])).astype(float)
        for column, camera in enumerate(scene.capture.rig):
            np.testing.assert_allclose(
                evidence.pixels[row, :, column, :19], camera.project_ideal(joints), atol=2e-3
            )


def test_a_middle_computed_from_other_keypoints_is_no_evidence():
    xyc = np.ones((1, 1, 17, 3), np.float32)
    points = evidence_points(Detections2D("coco17", xyc, np.zeros((1, 1), int)))
    assert np.isnan(points[0, 0, [0, 1], 0]).all()  # mid hip and neck
    assert (points[0, 0, 2:17, 2] == 1).all()


def test_eyes_of_coco_and_body25_are_the_same_points():
    coco, body25 = np.zeros((1, 1, 17, 3), np.float32), np.zeros((1, 1, 25, 3), np.float32)
    coco[0, 0, [1, 2]] = (3.0, 4.0, 0.9), (5.0, 6.0, 0.8)  # left, right
    body25[0, 0, [16, 15]] = (3.0, 4.0, 0.9), (5.0, 6.0, 0.8)
    label = np.zeros((1, 1), int)
    np.testing.assert_array_equal(
        evidence_points(Detections2D("coco17", coco, label))[..., 19:21, :],
        evidence_points(Detections2D("body25", body25, label))[..., 19:21, :],
    )


def test_of_two_detections_of_one_person_the_surer_counts(make_scene, two_people):
    scene = make_scene({0: two_people[0]}, views=2)
    doubled = {}
    for name, found in scene.detections.items():
        weak = found.xyc.copy()
        weak[..., :2] += 50.0
        weak[..., 2] = 0.3
        xyc = np.concatenate([weak, found.xyc], axis=1)
        doubled[name] = Detections2D("body25", xyc, np.zeros(xyc.shape[:2], int))
    evidence = gather_evidence(scene.changed(detections=doubled), (0,), np.arange(6))
    assert (evidence.confidence == 1.0).all()


def test_nobody_in_a_frame_gives_no_evidence(make_scene, two_people):
    evidence = gather_evidence(make_scene(two_people), (0,), np.arange(6))  # unlabelled
    assert (evidence.confidence == 0).all()
    assert np.isnan(evidence.pixels).all()
