from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatarpose.body.pose import PoseSequence
from avatarpose.body.skeleton import Joint, Skel19
from avatarpose.body.smpl import load_open_body
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rigid import look_at
from avatarpose.installation import resource_path
from avatarpose.scene.capture import Capture, View
from avatarpose.scene.layers import EditLayer, PoseLayer, ViewPin
from avatarpose.scene.people import Detections2D, Person
from avatarpose.scene.pins import detected_pixel, detected_point, triangulated_target
from avatarpose.scene.scene import Scene

BODY = load_open_body(resource_path("body", "body_smpl24.npz"))
K = np.array([[400.0, 0, 160], [0, 400, 120], [0, 0, 1]])
WRIST = Joint.LEFT_WRIST


def camera(name: str, angle_deg: float) -> Camera:
    angle = np.deg2rad(angle_deg)
    centre = np.array([4 * np.cos(angle), 4 * np.sin(angle), 1.2])
    distortion = np.array([-0.1, 0.02, 0, 0, 0, 0, 0, 0])
    return Camera(name, 320, 240, K, look_at(centre, np.array([0, 0, 1.0])), distortion)


def scene_with(*pins: ViewPin, detected: np.ndarray | None = None) -> Scene:
    cameras = [camera("a", 0), camera("b", 60), camera("near a", 3)]
    capture = Capture("c", np.arange(2), 25.0, tuple(View(each) for each in cameras))
    layer = PoseLayer("initial", PoseSequence.rest(2))
    person = Person(0, "A", (layer,), "initial").with_edit(EditLayer(view_pins=pins))
    detections = {}
    if detected is not None:
        for each in cameras:
            xyc = np.full((2, 1, 19, 3), np.nan)
            xyc[..., 2] = 0
            xyc[0, 0, Skel19.LEFT_WRIST] = (*each.project(detected), 0.9)
            detections[each.name] = Detections2D("skel19", xyc, np.zeros((2, 1), int))
    return Scene("c", capture, BODY, (person,), detections)


def pin(scene: Scene, name: str, point: np.ndarray) -> ViewPin:
    x, y = scene.capture.rig[name].project(point).tolist()
    return ViewPin(name, 0, WRIST, (x, y))


@given(st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4), st.floats(0.6, 1.4)))
def test_exact_pins_of_two_views_give_the_point(point):
    wanted = np.array(point)
    bare = scene_with()
    found = triangulated_target(
        scene_with(pin(bare, "b", wanted)), 0, 0, WRIST, pin(bare, "a", wanted)
    )
    assert found.point_world is not None
    np.testing.assert_allclose(found.point_world, wanted, atol=1e-4)
    assert max(found.residuals_px.values()) < 0.05
    assert "third" in found.note


def test_one_pin_decides_no_depth():
    bare = scene_with()
    held = pin(bare, "a", np.array([0.1, 0.1, 1.0]))
    assert triangulated_target(bare, 0, 0, WRIST, held).point_world is None


def test_rays_closer_than_five_degrees_keep_the_depth_and_say_so():
    bare, point = scene_with(), np.array([0.1, 0.1, 1.0])
    found = triangulated_target(
        scene_with(pin(bare, "near a", point)), 0, 0, WRIST, pin(bare, "a", point)
    )
    assert found.point_world is None
    assert "same way" in found.note


def test_the_held_view_outweighs_the_other_pin_and_the_detections():
    bare, point = scene_with(), np.array([0.0, 0.0, 1.0])
    off = point + np.array([0.0, 0.0, 0.02])
    scene = scene_with(pin(bare, "b", off), detected=off)
    found = triangulated_target(scene, 0, 0, WRIST, pin(bare, "a", point))
    assert found.residuals_px["a"] < found.residuals_px["b"] / 2


def test_pins_of_other_joints_and_frames_do_not_count():
    bare, point = scene_with(), np.array([0.0, 0.0, 1.0])
    other = pin(bare, "b", point)
    scene = scene_with(replace(other, frame_index=1), replace(other, joint=int(Joint.HEAD)))
    assert triangulated_target(scene, 0, 0, WRIST, pin(bare, "a", point)).point_world is None


def test_detections_meet_where_they_were_made():
    point = np.array([0.1, -0.2, 1.1])
    scene = scene_with(detected=point)
    seen = detected_pixel(scene, 0, 0, WRIST, "a")
    assert seen is not None
    assert seen[2] == pytest.approx(0.9)
    assert detected_pixel(scene, 0, 1, WRIST, "a") is None
    assert detected_pixel(scene, 0, 0, Joint.SPINE1, "a") is None
    found, count = detected_point(scene, 0, 0, WRIST)
    assert found is not None
    np.testing.assert_allclose(found, point, atol=1e-3)
    assert count == 3
    assert detected_point(scene, 0, 1, WRIST) == (None, 0)
