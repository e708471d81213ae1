from dataclasses import replace

import numpy as np

from avatarpose.avatar.marching import Band
from avatarpose.optimize.previews import render_avatars
from avatarpose.scene.layers import TRUTH
from tests.avatarpose.optimize.scenes import tiny_plan
from tests.avatarpose.optimize.stages import Workplace, workplace


def _render(place: Workplace, poses, scene, **options) -> np.ndarray:
    camera = scene.capture.views[0].camera
    return render_avatars(
        place.avatars, poses, 1, camera, place.smpl, place.topology, Band(), **options
    )


def test_untrained_avatars_cover_the_people_in_the_masks(tiny_scene):
    place = workplace(tiny_scene, tiny_plan(), TRUTH)
    poses = place.variables.poses()
    picture = _render(place, poses, tiny_scene)
    shown = picture[..., 3] > 128
    masked = (place.pictures.labels[0][1] > 0) & (place.pictures.labels[0][1] < 255)
    both, either = (shown & masked).sum(), (shown | masked).sum()
    assert both / either > 0.6


def test_gain_brightens_and_absent_people_are_left_out(tiny_scene):
    place = workplace(tiny_scene, tiny_plan(), TRUTH)
    poses = place.variables.poses()
    plain = _render(place, poses, tiny_scene)
    bright = _render(
        place, poses, tiny_scene, gain=np.full(3, 0.3, np.float32), offset=np.zeros(3, np.float32)
    )
    solid = plain[..., 3] > 200
    assert bright[solid][:, :3].mean() > 1.2 * plain[solid][:, :3].mean()
    gone = {pid: replace(p, valid=np.zeros(4, bool)) for pid, p in poses.items()}
    assert not _render(place, gone, tiny_scene).any()


def test_the_same_picture_comes_out_every_time(tiny_scene):
    place = workplace(tiny_scene, tiny_plan(), TRUTH)
    poses = place.variables.poses()
    assert np.array_equal(_render(place, poses, tiny_scene), _render(place, poses, tiny_scene))
