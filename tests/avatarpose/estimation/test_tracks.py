from dataclasses import replace

import numpy as np

from avatarpose.estimation.association import label_detections
from avatarpose.estimation.tracks import track_people
from tests.avatarpose.estimation.scenes import moving


def same_people(a, b) -> bool:
    """Equal labels up to one renaming for the whole scene."""
    pairs = {
        (int(x), int(y))
        for name in a.detections
        for x, y in zip(a.detections[name].pid.ravel(), b.detections[name].pid.ravel(), strict=True)
    }
    return len(pairs) == len({x for x, _ in pairs}) == len({y for _, y in pairs})


def test_people_are_found_across_views_and_time(make_scene, two_people):
    scene = make_scene(two_people, noise_px=2.0)
    found = track_people(scene.changed(people=()))
    assert same_people(found, label_detections(scene))


def test_three_people_are_three(make_scene, two_people):
    third = replace(moving(0.0, 0.0, 3), transl=two_people[0].transl + np.float32([0.3, 0.8, 0.0]))
    scene = make_scene({**two_people, 2: third}, noise_px=2.0)
    found = track_people(scene.changed(people=()))
    assert same_people(found, label_detections(scene))


def test_somebody_missed_for_a_few_frames_keeps_the_identity(make_scene):
    people = {0: moving(-0.4, 1.5, 1, 14), 1: moving(0.4, -1.5, 2, 14)}
    scene = make_scene(people)
    truth = label_detections(scene)
    blind = {}
    for name, found in scene.detections.items():
        xyc = found.xyc.copy()
        rows, slots = np.nonzero(truth.detections[name].pid == 1)
        hidden = (rows >= 5) & (rows < 9)
        xyc[rows[hidden], slots[hidden]] = (np.nan, np.nan, 0.0)
        blind[name] = replace(found, xyc=xyc)
    found = track_people(scene.changed(people=(), detections=blind))
    names = {
        int(found.detections[n].pid[f][truth.detections[n].pid[f] == 1][0])
        for n in found.detections
        for f in (0, 1, 2, 3, 4, 9, 10, 11, 12, 13)
    }
    assert len(names) == 1


def test_a_pair_of_false_detections_is_nobody(make_scene, two_people):
    scene = make_scene({0: two_people[0]})
    random = np.random.default_rng(5)
    noisy = {}
    for name, found in scene.detections.items():
        clutter = np.ones((len(found.xyc), 1, 25, 3), np.float32)
        clutter[..., :2] = random.uniform(0, 480, clutter[..., :2].shape)
        xyc = np.concatenate([found.xyc, clutter], axis=1)
        noisy[name] = replace(found, xyc=xyc, pid=np.full(xyc.shape[:2], -1))
    found = track_people(scene.changed(people=(), detections=noisy))
    labels = np.concatenate([f.pid for f in found.detections.values()])
    assert set(np.unique(labels)) == {-1, 0}
    assert (labels[:, 0] == 0).all()
