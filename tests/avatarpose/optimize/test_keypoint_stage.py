from dataclasses import replace

import numpy as np
import pytest
import torch

from avatarpose.errors import OptimizationError
from avatarpose.estimation.association import label_detections
from avatarpose.estimation.keypoint_alignment import align_to_keypoints
from avatarpose.optimize.keypoint_stage import KeypointAlignment
from tests.avatarpose.optimize.scenes import without_detections

FRAMES = np.arange(4)
CPU = torch.device("cpu")


def _start(scene):
    return {pid: scene.person(pid).poses() for pid in scene.pids}


def test_steps_are_handed_out_and_the_result_is_the_alignment(tiny_scene):
    scene = label_detections(tiny_scene)
    stage = KeypointAlignment(scene, _start(scene), FRAMES, 8, CPU)
    steps = list(stage.run())
    assert len(steps) == 8
    assert all(np.isfinite(step["keypoints"]) for step in steps)
    wanted = align_to_keypoints(scene, _start(scene), frames=FRAMES, steps=8)
    for pid, poses in wanted.items():
        assert np.array_equal(stage.poses[pid].body_pose, poses.body_pose)


def test_closing_early_ends_the_work_and_keeps_what_was_reached(tiny_scene):
    scene = label_detections(tiny_scene)
    start = _start(scene)
    stage = KeypointAlignment(scene, start, FRAMES, 100_000, CPU)
    steps = stage.run()
    next(steps)
    steps.close()
    assert not np.array_equal(stage.poses[0].body_pose, start[0].body_pose)


def test_errors_of_the_alignment_reach_the_caller(tiny_scene):
    scene = without_detections(tiny_scene)
    stage = KeypointAlignment(scene, _start(scene), FRAMES, 5, CPU)
    with pytest.raises(OptimizationError, match="No 2D keypoint"):
        list(stage.run())


def test_absent_people_stay_absent(tiny_scene):
    scene = label_detections(tiny_scene)
    start = _start(scene)
    start[1] = replace(start[1], valid=np.array([True, False, True, True]))
    stage = KeypointAlignment(scene, start, FRAMES, 3, CPU)
    list(stage.run())
    assert stage.poses[1].valid.tolist() == [True, False, True, True]
