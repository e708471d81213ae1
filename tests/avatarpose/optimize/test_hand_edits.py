import numpy as np
import pytest

from avatarpose.body.skeleton import Joint
from avatarpose.optimize.hand_edits import pins_of_frame
from avatarpose.scene.edits import set_pose, set_strength
from avatarpose.scene.layers import INITIAL, Strength, ViewPin
from tests.avatarpose.optimize.scenes import joints_of

LAYERS = {0: INITIAL, 1: INITIAL}


def _small_cameras(scene):
    return tuple(view.camera.resized(32, 24).undistorted() for view in scene.capture.views)


def _edited(scene, pins=(), joints=(Joint.LEFT_WRIST,)):
    source = scene.person(1).poses()
    rotvecs = source.rotvecs[2]
    rotvecs[Joint.LEFT_ELBOW, 1] -= 0.5
    return set_pose(scene, 1, 2, rotvecs, source.transl[2], pins=pins, joints=joints)


def test_frames_without_corrections_have_no_pins(tiny_scene):
    scene = _edited(tiny_scene)
    assert pins_of_frame(scene, LAYERS, 0, _small_cameras(scene)) is None
    assert pins_of_frame(tiny_scene, LAYERS, 2, _small_cameras(scene)) is None


def test_corrected_joints_are_anchored_where_the_user_left_them(tiny_scene):
    scene = _edited(tiny_scene)
    pins = pins_of_frame(scene, LAYERS, 2, _small_cameras(scene))
    wanted = joints_of(scene, scene.person(1).poses(), 2)[Joint.LEFT_WRIST]
    assert np.allclose(pins.anchor[1, Joint.LEFT_WRIST], wanted, atol=1e-5)
    assert pins.is_held.sum() == 1
    assert not pins.locked.any()


def test_locked_joints_are_told_apart(tiny_scene):
    scene = set_strength(_edited(tiny_scene), 1, 2, Joint.LEFT_WRIST, Strength.LOCKED)
    pins = pins_of_frame(scene, LAYERS, 2, ())
    assert np.argwhere(pins.locked).tolist() == [[1, Joint.LEFT_WRIST]]


def test_view_pins_go_to_the_undistorted_picture_at_working_size(tiny_scene):
    view = tiny_scene.capture.views[2]
    point = joints_of(tiny_scene, tiny_scene.person(1).poses(), 2)[Joint.LEFT_WRIST]
    recorded = view.camera.project(point.astype(np.float64))
    pin = ViewPin(view.camera.name, 2, Joint.LEFT_WRIST, tuple(map(float, recorded)))
    scene = _edited(tiny_scene, (pin,), joints=())
    cameras = _small_cameras(scene)
    pins = pins_of_frame(scene, LAYERS, 2, cameras)
    assert (pins.row[0], pins.joint[0], pins.camera[0]) == (1, Joint.LEFT_WRIST, 2)
    wanted = cameras[2].project_ideal(point.astype(np.float64))
    assert pins.pixel[0].tolist() == pytest.approx(wanted.tolist(), abs=0.02)


def test_pins_of_cameras_that_are_not_used_are_left_out(tiny_scene):
    pin = ViewPin(tiny_scene.capture.views[0].camera.name, 2, Joint.LEFT_WRIST, (3.0, 4.0))
    scene = _edited(tiny_scene, (pin,), joints=())
    assert pins_of_frame(scene, LAYERS, 2, _small_cameras(scene)[1:]) is None


def test_corrections_of_other_layers_do_not_count(tiny_scene):
    scene = _edited(tiny_scene)
    assert pins_of_frame(scene, {0: "truth", 1: "truth"}, 2, _small_cameras(scene)) is None
