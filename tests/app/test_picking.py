import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.selection import JointRef
from app.views.orbit_camera import OrbitCamera
from app.views.picking import (
    frustum_depth,
    frustum_lines,
    hit_frustum,
    hit_surface,
    nearest_body,
    nearest_joint,
)
from avatarpose.body.pose import PoseSequence
from avatarpose.body.smpl import load_open_body
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rigid import look_at
from avatarpose.installation import resource_path
from tests.strategies import cameras

VIEW = OrbitCamera().viewpoint(640, 480)


def camera_at(name: str, x: float) -> Camera:
    k = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    pose = look_at(np.array([x, -1.0, 1.5]), np.array([0.0, 0.0, 1.0]))
    return Camera(name, 640, 480, k, pose)


@given(st.integers(0, 23), st.floats(0.0, 6.28), st.floats(0.0, 9.9))
def test_a_joint_within_ten_pixels_is_found(joint, around, away):
    joints = np.zeros((24, 3))
    joints[:, 2] = np.linspace(0.1, 2.0, 24)  # about 18 px apart
    pixel = VIEW.project(joints[joint])
    pixel = pixel + away * np.array([np.sign(np.cos(around)), 0.0])  # sideways: no other is nearer
    assert nearest_joint(VIEW, pixel, {3: joints}) == JointRef(3, joint)
    assert nearest_joint(VIEW, pixel + np.array([30.0, 0.0]), {3: joints}) is None


def test_the_favoured_person_wins_near_ties_but_not_from_afar():
    here = np.full((24, 3), [0.0, 0.0, 1.0])
    there = here + VIEW.right_world * 4 * VIEW.metres_per_pixel(here[0])
    between = 0.5 * (VIEW.project(here[0]) + VIEW.project(there[0]))
    people = {0: here, 1: there}
    assert nearest_joint(VIEW, between, people, favoured=0) == JointRef(0, 0)
    assert nearest_joint(VIEW, between, people, favoured=1) == JointRef(1, 0)
    assert nearest_joint(VIEW, VIEW.project(there[0]), people, favoured=0) == JointRef(1, 0)


def test_a_joint_behind_the_eye_is_never_picked():
    behind = np.tile(VIEW.eye_world - VIEW.forward_world, (24, 1))
    assert nearest_joint(VIEW, np.array([320.0, 240.0]), {0: behind}) is None


def test_a_ray_meets_the_first_of_two_walls_from_either_side():
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    walls = np.concatenate([square, square + np.float32([0, 0, 1])])
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]], np.int32)
    up = np.array([0.0, 0.0, 1.0])
    inside = np.array([0.3, 0.6, -2.0])
    assert hit_surface(inside, up, walls, faces) == pytest.approx(2.0)
    assert hit_surface(inside + 4 * up, -up, walls, faces) == pytest.approx(1.0)
    assert hit_surface(inside, -up, walls, faces) is None
    assert hit_surface(inside + np.array([2.0, 0, 0]), up, walls, faces) is None


def test_of_two_bodies_the_one_in_front_is_picked():
    body = load_open_body(resource_path("body", "body_smpl24.npz"))
    surface = body.posed_sequence(PoseSequence.rest(1)).vertices_world[0]
    view = OrbitCamera(target_world=np.zeros(3), elevation_rad=0.0).viewpoint(640, 480)
    behind = surface + (0.6 * view.forward_world).astype(np.float32)
    chest = view.project(surface.mean(axis=0))
    assert nearest_body(view, chest, {0: behind, 1: surface}, body.faces) == 1
    assert nearest_body(view, chest, {0: surface, 1: behind}, body.faces) == 0
    assert nearest_body(view, np.array([3.0, 3.0]), {0: surface}, body.faces) is None


@given(cameras())
def test_the_drawn_frame_of_a_camera_is_the_edge_of_its_undistorted_picture(camera):
    starts, _ = frustum_lines(camera, 0.3)
    pixels = camera.undistorted().project(starts[4:8])
    expected = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * [camera.width, camera.height] - 0.5
    np.testing.assert_allclose(pixels, expected, atol=1e-6)
    np.testing.assert_allclose(starts[:4], np.tile(camera.centre_world, (4, 1)))


def test_a_camera_is_hit_at_its_centre_and_within_its_frame_and_the_nearer_wins():
    near, far = camera_at("near", -0.5), camera_at("far", 0.8)
    for camera in (near, far):
        starts, _ = frustum_lines(camera, 0.3)
        for point in (camera.centre_world, starts[4:8].mean(axis=0)):
            assert hit_frustum(VIEW, VIEW.project(point), [camera], 0.3) == camera.name
    twin = Camera("twin", 640, 480, near.pixel_from_camera, near.camera_from_world)
    pixel = VIEW.project(near.centre_world)
    assert hit_frustum(VIEW, pixel, [near, far], 0.3) == "near"
    assert hit_frustum(VIEW, pixel, [twin, near], 0.3) in {"twin", "near"}
    assert hit_frustum(VIEW, np.array([2.0, 2.0]), [near, far], 0.3) is None


def test_cameras_are_drawn_in_proportion_to_the_rig():
    small = frustum_depth([camera_at("a", -2.0), camera_at("b", 2.0)])
    assert 0.1 < small < frustum_depth([camera_at("a", -6.0), camera_at("b", 6.0)])
    assert frustum_depth([camera_at("a", 0.0)]) == pytest.approx(0.3)
