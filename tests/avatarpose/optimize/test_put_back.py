from dataclasses import replace

import numpy as np

from avatarpose.estimation.association import label_detections
from avatarpose.optimize.put_back import worse_person_frames
from avatarpose.scene.layers import INITIAL, TRUTH
from tests.avatarpose.optimize.scenes import without_detections

FRAMES = np.arange(4)


def _poses(scene, layer):
    return {pid: scene.person(pid).poses(layer) for pid in scene.pids}


def _labelled(scene):
    return label_detections(scene, TRUTH)


def test_frames_that_got_worse_are_named_and_others_are_not(tiny_scene):
    scene = _labelled(tiny_scene)
    before = _poses(scene, TRUTH)
    after = dict(before)
    moved = before[1].transl.copy()
    moved[2] += 0.25
    after[1] = replace(before[1], transl=moved)
    worse = worse_person_frames(scene, before, after, FRAMES)
    assert {pid: frames.tolist() for pid, frames in worse.items()} == {1: [2]}


def test_improvements_and_no_change_stay(tiny_scene):
    scene = _labelled(tiny_scene)
    truth = _poses(scene, TRUTH)
    assert worse_person_frames(scene, truth, truth, FRAMES) == {}
    assert worse_person_frames(scene, _poses(scene, INITIAL), truth, FRAMES) == {}


def test_without_keypoints_nothing_is_judged(tiny_scene):
    scene = without_detections(tiny_scene)
    truth = _poses(scene, TRUTH)
    moved = {pid: replace(poses, transl=poses.transl + 1) for pid, poses in truth.items()}
    assert worse_person_frames(scene, truth, moved, FRAMES) == {}
