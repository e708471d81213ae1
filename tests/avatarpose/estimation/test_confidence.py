from dataclasses import replace

import numpy as np

from avatarpose.body.skeleton import Skel19
from avatarpose.estimation.association import label_detections
from avatarpose.estimation.confidence import joint_confidence


def test_joints_that_all_views_see_are_not_in_doubt(make_scene, two_people):
    scene = label_detections(make_scene(two_people, views=6))
    found = joint_confidence(scene, 0, two_people[0])
    assert (found.agreeing_views == 6).all()
    assert found.doubt.max() < 0.15
    assert found.spread_m.max() < 0.015


def test_an_astray_arm_is_in_doubt_and_the_rest_is_not(make_scene, two_people):
    scene = label_detections(make_scene(two_people, views=6))
    rotvecs = two_people[0].rotvecs
    rotvecs[2, 16] += np.float32([0.0, 0.8, 0.8])  # left shoulder
    astray = two_people[0].with_frames(np.arange(6), rotvecs, two_people[0].transl)
    doubt = joint_confidence(scene, 0, astray).doubt
    assert doubt[2, Skel19.LEFT_WRIST] > 0.9
    assert np.delete(doubt[2], [Skel19.LEFT_WRIST, Skel19.LEFT_ELBOW]).max() < 0.2
    assert doubt[3].max() < 0.2


def test_fewer_views_mean_more_spread_and_one_means_no_certainty(make_scene, two_people):
    spreads = []
    for views in (8, 4, 2, 1):
        scene = label_detections(make_scene(two_people, views=views))
        spreads.append(joint_confidence(scene, 0, two_people[0]).spread_m.mean())
    assert spreads == sorted(spreads)
    assert np.isinf(spreads[-1])


def test_facing_views_leave_the_depth_open(make_scene, two_people):
    scene = label_detections(make_scene(two_people, views=4))
    pairs = {
        names: joint_confidence(
            scene.changed(detections={name: scene.detections[name] for name in names}),
            0,
            two_people[0],
        ).spread_m.mean()
        for names in (("cam0", "cam2"), ("cam0", "cam1"))
    }
    assert pairs["cam0", "cam2"] > 2 * pairs["cam0", "cam1"]


def test_somebody_absent_has_no_doubt(make_scene, two_people):
    scene = label_detections(make_scene(two_people))
    valid = np.array([True, True, False, True, True, True])
    found = joint_confidence(scene, 0, replace(two_people[0], valid=valid), np.array([1, 2]))
    assert np.isfinite(found.doubt[0]).all()
    assert np.isnan(found.doubt[1]).all()
