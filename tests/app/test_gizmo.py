import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.views.gizmo import (
    AXIS_HANDLES,
    PLANE_PX,
    RING_PX,
    VIEW_RING_PX,
    Axes,
    BallTurn,
    GizmoPlace,
    Handle,
    HandleMove,
    RingTurn,
    hit_arrow,
    hit_ring,
    joint_axes,
    perpendicular_pair,
    turned_locally,
)
from app.views.orbit_camera import OrbitCamera
from avatarpose.body.skeleton import Joint, descendants
from avatarpose.body.smpl import load_open_body
from avatarpose.geometry.rotation import matrix_from_rotvec
from avatarpose.installation import resource_path
from tests.strategies import directions, random_poses, rotvecs, vectors

WIDTH, HEIGHT = 800, 600
CENTRE = np.array([0.1, -0.2, 1.1])


@st.composite
def places(draw: st.DrawFn) -> GizmoPlace:
    camera = OrbitCamera(
        target_world=CENTRE + draw(vectors(-0.3, 0.3)),
        distance_m=draw(st.floats(1.5, 6.0)),
        azimuth_rad=draw(st.floats(-3.0, 3.0)),
        elevation_rad=draw(st.floats(-1.3, 1.3)),
    )
    axes = matrix_from_rotvec(draw(rotvecs()))
    return GizmoPlace(CENTRE, axes, camera.viewpoint(WIDTH, HEIGHT))


def test_rings_keep_their_size_on_screen_at_every_distance():
    for distance in (0.8, 3.0, 20.0):
        view = OrbitCamera(target_world=CENTRE, distance_m=distance).viewpoint(WIDTH, HEIGHT)
        place = GizmoPlace(CENTRE, np.eye(3), view)
        outer = view.project(place.ring(Handle.VIEW)) - view.project(CENTRE)
        np.testing.assert_allclose(np.linalg.norm(outer, axis=-1), VIEW_RING_PX, rtol=0.03)


@given(places(), st.sampled_from([*AXIS_HANDLES, Handle.VIEW]), st.integers(0, 95))
def test_a_point_of_a_ring_that_faces_the_viewer_hits_a_ring(place, handle, step):
    point = place.ring(handle)[step]
    assume(handle is Handle.VIEW or place.faces_viewer(point[None])[0])
    hit = hit_ring(place, place.view.project(point))
    assert hit in (*AXIS_HANDLES, Handle.VIEW)


def test_the_ring_under_the_cursor_is_hit_within_six_pixels_and_not_beyond():
    view = OrbitCamera(target_world=CENTRE, azimuth_rad=0.0, elevation_rad=0.0)
    place = GizmoPlace(CENTRE, np.eye(3), view.viewpoint(WIDTH, HEIGHT))
    middle = place.view.project(CENTRE)
    sideways = np.array([0.6, 0.8])
    assert hit_ring(place, middle + (RING_PX + 5) * sideways) is Handle.X
    assert hit_ring(place, middle + (RING_PX - 5) * sideways) is Handle.X
    assert hit_ring(place, middle + (VIEW_RING_PX + 4) * sideways) is Handle.VIEW
    assert hit_ring(place, middle + (VIEW_RING_PX + 9) * sideways) is None
    assert hit_ring(place, middle + 20 * sideways) is Handle.BALL


@given(places(), st.sampled_from([*AXIS_HANDLES, Handle.VIEW]), st.integers(0, 95), st.data())
def test_dragging_along_the_projected_ring_turns_by_the_angle_passed(place, handle, start, data):
    assume(abs(place.sight_world @ place.axis_world(handle)) > 0.25)
    ring = place.view.project(place.ring(handle))
    steps = data.draw(st.integers(-150, 150))  # more than a full turn either way
    turn = RingTurn(place, handle, ring[start])
    angle = 0.0
    way = range(1, abs(steps) + 1)
    for step in way:
        angle = turn.turned_to(ring[(start + int(np.sign(steps)) * step) % 96])
    np.testing.assert_allclose(angle, steps * 2 * np.pi / 96, atol=1e-6)


@given(places(), st.sampled_from(AXIS_HANDLES))
def test_a_ring_seen_edge_on_still_turns_and_the_near_side_follows_the_cursor(place, handle):
    sight = place.sight_world
    across, _ = perpendicular_pair(sight)
    axes = np.eye(3)
    axes[:, handle.value] = across
    place = GizmoPlace(place.centre_world, axes, place.view)
    near = place.centre_world - sight * RING_PX * place.metres_per_pixel
    start = place.view.project(near)
    turn = RingTurn(place, handle, start)
    push = place.view.project(near + 0.05 * np.cross(across, -sight)) - start
    push = push / np.linalg.norm(push)
    assert turn.turned_to(start + 20 * push) == pytest.approx(20 / RING_PX, rel=0.02)
    assert turn.turned_to(start) == pytest.approx(0.0, abs=1e-9)


def test_fine_dragging_counts_a_fifth():
    view = OrbitCamera(target_world=CENTRE, azimuth_rad=0.0, elevation_rad=0.0)
    place = GizmoPlace(CENTRE, np.eye(3), view.viewpoint(WIDTH, HEIGHT))
    ring = place.view.project(place.ring(Handle.X))
    turn = RingTurn(place, Handle.X, ring[0])
    whole = RingTurn(place, Handle.X, ring[0]).turned_to(ring[8])
    assert turn.turned_to(ring[8], share=0.2) == pytest.approx(0.2 * whole)


@given(places(), directions(), st.floats(5.0, 60.0))
def test_the_ball_turns_what_faces_the_viewer_after_the_cursor(place, push, length):
    middle = place.view.project(place.centre_world)
    ball = BallTurn(place, middle)
    flat = push[:2] / max(np.linalg.norm(push[:2]), 1e-9)
    assume(np.linalg.norm(flat) > 0.5)
    rotation = ball.turned_to(middle + length * flat)
    front = -place.view.forward_world
    moved = rotation @ front - front
    on_screen = np.array([moved @ place.view.right_world, moved @ place.view.down_world])
    assert on_screen @ flat > 0


@given(rotvecs(), rotvecs(), directions(), st.floats(-3.0, 3.0))
def test_a_turn_in_the_world_is_composed_in_the_parents_frame(parent, local, axis, angle):
    world_from_parent = matrix_from_rotvec(parent)
    turn = matrix_from_rotvec(angle * axis)
    new = turned_locally(turn, world_from_parent, local)
    found = world_from_parent @ matrix_from_rotvec(new)
    expected = turn @ world_from_parent @ matrix_from_rotvec(local)
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_the_children_of_a_turned_joint_follow_rigidly_and_nothing_else_moves():
    body = load_open_body(resource_path("body", "body_smpl24.npz"))
    poses = random_poses(np.random.default_rng(3), 1, 0.4)
    turn = matrix_from_rotvec(np.array([0.2, -0.5, 0.3]))
    before, joints = body.joint_transforms(poses.betas, poses.rotvecs, poses.transl)
    joint = Joint.LEFT_SHOULDER
    rotvecs = poses.rotvecs
    rotvecs[0, joint] = turned_locally(
        turn, before[0, Joint.LEFT_COLLAR, :3, :3], rotvecs[0, joint]
    )
    _, after = body.joint_transforms(poses.betas, rotvecs, poses.transl)
    below = list(descendants(joint))
    pivot = joints[0, joint]
    expected = joints[0].copy()
    expected[below] = (joints[0, below] - pivot) @ turn.T + pivot
    np.testing.assert_allclose(after[0], expected, atol=1e-5)


@given(places(), st.sampled_from(AXIS_HANDLES), st.floats(-0.3, 0.3))
def test_an_arrow_moves_along_its_axis_as_far_as_the_cursor(place, handle, way):
    axis = place.axis_world(handle)
    assume(abs(place.sight_world @ axis) < 0.9)
    start = place.centre_world + 0.05 * axis
    move = HandleMove(place, handle, place.view.project(start))
    moved = move.moved_to(place.view.project(start + way * axis))
    np.testing.assert_allclose(moved, way * axis, atol=1e-6)


@given(places(), st.sampled_from([Handle.YZ, Handle.ZX, Handle.XY, Handle.VIEW]))
def test_a_plane_moves_within_itself(place, handle):
    normal = place.axis_world(handle)
    assume(abs(place.sight_world @ normal) > 0.2)
    across, along = perpendicular_pair(normal)
    way = 0.07 * across - 0.03 * along
    move = HandleMove(place, handle, place.view.project(place.centre_world))
    moved = move.moved_to(place.view.project(place.centre_world + way))
    np.testing.assert_allclose(moved, way, atol=1e-6)


def test_arrows_squares_and_the_centre_are_hit_where_they_are_drawn():
    view = OrbitCamera(target_world=CENTRE, azimuth_rad=0.0, elevation_rad=0.0)
    place = GizmoPlace(CENTRE, np.eye(3), view.viewpoint(WIDTH, HEIGHT))
    middle = place.view.project(CENTRE)  # seen along -x: +y is right, +z is up
    assert hit_arrow(place, middle) is Handle.VIEW
    assert hit_arrow(place, middle + np.array([70.0, 2.0])) is Handle.Y
    assert hit_arrow(place, middle + np.array([-1.0, -70.0])) is Handle.Z
    assert hit_arrow(place, middle + np.array([PLANE_PX, -PLANE_PX])) is Handle.YZ
    assert hit_arrow(place, middle + np.array([-60.0, 40.0])) is None


def test_the_axes_follow_the_chosen_frame():
    view = OrbitCamera().viewpoint(WIDTH, HEIGHT)
    parent, own = (
        matrix_from_rotvec(np.array([0.3, 0, 0])),
        matrix_from_rotvec(np.array([0.0, 1, 0])),
    )
    np.testing.assert_array_equal(joint_axes(Axes.LOCAL, view, parent, own), own)
    np.testing.assert_array_equal(joint_axes(Axes.PARENT, view, parent, own), parent)
    np.testing.assert_array_equal(joint_axes(Axes.WORLD, view, parent, own), np.eye(3))
    towards = joint_axes(Axes.VIEW, view, parent, own)
    np.testing.assert_allclose(np.linalg.det(towards), 1.0)
    np.testing.assert_allclose(towards[:, 2], -view.forward_world)
