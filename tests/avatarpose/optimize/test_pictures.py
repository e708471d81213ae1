from dataclasses import replace

import numpy as np
import pytest

from avatarpose.errors import OptimizationError
from avatarpose.optimize.pictures import (
    SOMEBODY,
    UNKNOWN,
    body_mask,
    load_pictures,
    working_size,
)
from avatarpose.scene.capture import View
from avatarpose.scene.layers import TRUTH
from tests.avatarpose.optimize.scenes import with_views

FRAMES = np.arange(4)


def _load(scene, **options):
    poses = {pid: scene.person(pid).poses() for pid in scene.pids}
    return load_pictures(scene, FRAMES, scene.capture.rig.names, 64, poses, **options)


def test_working_size_keeps_the_shape_and_never_enlarges(tiny_scene):
    camera = tiny_scene.capture.views[0].camera
    assert working_size(camera, 32) == (32, 24)
    assert working_size(camera, 500) == (64, 48)


def test_everything_is_read_at_working_size(tiny_scene):
    pictures = _load(tiny_scene)
    assert len(pictures.cameras) == 4
    assert pictures.images[0].shape == (4, 48, 64, 3)
    assert pictures.present.all()
    assert set(np.unique(pictures.labels[0])) <= {0, 1, 2, UNKNOWN}
    assert all(not camera.distortion.any() for camera in pictures.cameras)


def test_labels_lie_where_the_true_bodies_are(tiny_scene):
    pictures = _load(tiny_scene)
    truth = {pid: tiny_scene.person(pid).poses(TRUTH) for pid in tiny_scene.pids}
    for row, camera in enumerate(pictures.cameras):
        covered = body_mask(tiny_scene, camera, 1, truth, 0)
        labels = pictures.labels[row][1]
        assert np.mean(labels[covered] != 0) > 0.75


def test_the_empty_room_is_seen_where_people_never_stand(tiny_scene):
    pictures = _load(tiny_scene)
    known, room = pictures.background_known[0], pictures.background[0]
    assert 0.3 < known.mean() < 1
    seen = pictures.images[0][:, known].astype(float)
    assert np.abs(np.median(seen, axis=0) - room[known]).mean() < 10


def test_without_masks_labels_are_unknown_and_bodies_hide_the_room(tiny_scene):
    pictures = _load(with_views(tiny_scene, masks=False))
    assert all(np.all(labels == UNKNOWN) for labels in pictures.labels)
    assert 0.2 < pictures.background_known[0].mean() < 0.95


def test_masks_of_everybody_at_once_say_somebody(tiny_scene):
    views = tuple(
        View(view.camera, view.footage, replace(view.masks, per_person=False))
        for view in tiny_scene.capture.views
    )
    scene = tiny_scene.changed(capture=replace(tiny_scene.capture, views=views))
    labels = _load(scene).labels[0]
    assert SOMEBODY in labels
    assert not np.isin(labels, [1, 2]).any()


def test_lost_pictures_are_absent_and_the_rest_is_used(tiny_scene):
    view = tiny_scene.capture.views[1]
    numbers = view.footage.source_frames.copy()
    numbers[2] = -1
    names = tuple("" if index == 2 else name for index, name in enumerate(view.footage.names))
    views = list(tiny_scene.capture.views)
    views[1] = View(view.camera, replace(view.footage, source_frames=numbers, names=names))
    scene = tiny_scene.changed(capture=replace(tiny_scene.capture, views=tuple(views)))
    present = _load(scene).present
    assert not present[1, 2]
    assert present.sum() == 15


def test_no_pictures_at_all_is_an_error_with_a_remedy(tiny_scene):
    with pytest.raises(OptimizationError, match="could be read") as caught:
        _load(with_views(tiny_scene, footage=False))
    assert caught.value.remedy


def test_reading_tells_its_progress_and_can_be_stopped(tiny_scene):
    shares: list[float] = []

    def note(share: float) -> bool:
        shares.append(share)
        return True

    _load(tiny_scene, on_progress=note)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    shares.clear()
    pictures = _load(tiny_scene, on_progress=lambda share: bool(shares.append(share)))
    assert len(shares) == 1
    assert pictures.present.sum() == 1
