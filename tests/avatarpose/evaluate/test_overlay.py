import cv2
import numpy as np
import pytest

from avatarpose.evaluate.overlay import (
    DrawnPerson,
    Overlay,
    drawn_people,
    recorded,
    wide_ideal_camera,
)
from avatarpose.formats.detect import read_capture
from avatarpose.geometry.camera import Camera
from avatarpose.geometry.rigid import look_at
from avatarpose.installation import resource_path

BLUE, ORANGE = (86, 180, 233), (230, 159, 0)
GREY = 90


def camera(width: int = 160, height: int = 120, k1: float = 0.0) -> Camera:
    """Four metres from the origin along +x, a metre high."""
    k = np.array([[150.0, 0, (width - 1) / 2], [0, 150, (height - 1) / 2], [0, 0, 1]])
    pose = look_at(np.array([4.0, 0, 1]), np.array([0.0, 0, 1]))
    lens = np.array([k1, 0, 0, 0, 0, 0, 0, 0])
    return Camera("c", width, height, k, pose, lens)


def card(x: float, colour: tuple[int, int, int], half: float = 0.3) -> DrawnPerson:
    """Somebody as flat as a card, across the view at a distance of 4 - x metres."""
    across, up = np.array([-half, half, half, -half]), 1 + np.array([-half, -half, half, half])
    corners = np.stack([np.full(4, x), across, up], -1)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    joints = np.tile([x, 0.0, 1.0], (24, 1))
    return DrawnPerson("Card", colour, corners, joints, faces)


def photo(view: Camera) -> np.ndarray:
    return np.full((view.height, view.width, 3), GREY, np.uint8)


def test_an_untouched_photo_comes_back_as_it_was():
    view = camera()
    noise = np.random.default_rng(0).integers(0, 256, (view.height, view.width, 3), np.uint8)
    before = noise.copy()
    drawing = Overlay(noise, view)
    assert np.array_equal(drawing.picture(), before)
    drawing.mesh([card(0.0, BLUE)])
    assert np.array_equal(noise, before)


def test_the_nearer_surface_hides_the_farther_in_any_order():
    view = camera()
    near, far = card(1.0, ORANGE, 0.1), card(0.0, BLUE)
    pictures = []
    for people in ([near, far], [far, near]):
        drawing = Overlay(photo(view), view)
        drawing.mesh(people, opacity=1.0)
        pictures.append(drawing.picture())
    assert np.array_equal(pictures[0], pictures[1])
    middle = pictures[0][60, 80].astype(float)
    beside = pictures[0][60, 72].astype(float)
    assert middle[0] > middle[2]  # orange
    assert beside[2] > beside[0]  # blue
    assert (pictures[0][5, 5] == GREY).all()


def test_a_translucent_mesh_lets_the_photo_through():
    view = camera()
    solid, half = Overlay(photo(view), view), Overlay(photo(view), view)
    solid.mesh([card(0.0, BLUE)], 1.0)
    half.mesh([card(0.0, BLUE)], 0.5)
    expected = 0.5 * solid.picture()[60, 80].astype(float) + 0.5 * GREY
    assert half.picture()[60, 80] == pytest.approx(expected, abs=1.5)


def test_an_outline_runs_along_the_edge_and_leaves_the_inside_alone():
    view = camera()
    drawing = Overlay(photo(view), view)
    drawing.outlines([card(0.0, BLUE)])
    changed = (drawing.picture() != GREY).any(-1)
    edge_x = round(float(view.project(np.array([0.0, 0.3, 1.0]))[0]))
    assert changed[60, edge_x]
    assert not changed[60, 80]
    assert not changed[60, edge_x + 12]


def test_nothing_is_drawn_behind_the_camera():
    view = camera()
    drawing = Overlay(photo(view), view)
    behind = card(6.0, BLUE)
    drawing.mesh([behind])
    drawing.outlines([behind])
    drawing.skeletons([behind])
    drawing.keypoints(np.full((19, 3), np.nan, np.float32), BLUE)
    assert (drawing.picture() == GREY).all()


def test_a_keypoint_is_a_ring_around_its_pixel():
    view = camera()
    xyc = np.full((19, 3), np.nan, np.float32)
    xyc[4] = (50.0, 40.0, 0.9)
    drawing = Overlay(photo(view), view)
    drawing.keypoints(xyc, BLUE)
    rows, columns = np.nonzero((drawing.picture() != GREY).any(-1))
    assert rows.mean() == pytest.approx(40.0, abs=0.3)
    assert columns.mean() == pytest.approx(50.0, abs=0.3)


def test_a_skeleton_lies_on_the_persons_joints():
    scene = read_capture(resource_path("sample", "hug"))
    view = scene.capture.rig["4"]
    poses = {person.pid: person.layer("truth").poses for person in scene.people}
    people = drawn_people(scene, poses, 0)
    assert [person.colour for person in people] == [person.colour for person in scene.people]
    drawing = Overlay(photo(view), view)
    drawing.skeletons(people)
    changed = (drawing.picture() != GREY).any(-1)
    for person in people:
        x, y = np.rint(view.project(person.joints_world)).astype(int).T
        assert changed[y, x].mean() > 0.8
    assert changed.mean() < 0.1


@pytest.mark.parametrize("k1", [-0.3, 0.0, 0.2])
def test_what_an_ideal_camera_sees_is_put_where_the_lens_records_it(k1):
    view = camera(k1=k1)
    wide, x, y = wide_ideal_camera(view)
    points = np.array([[0.0, 1.2, 1.9], [0.5, -0.6, 0.4], [0.0, 0.0, 1.0]])
    assert wide.is_inside(wide.project(points)).all()
    for point in points:
        rgba = np.zeros((wide.height, wide.width, 4), np.uint8)
        at = wide.project(point)
        cv2.circle(rgba, tuple(int(v) for v in np.rint(at)), 4, (200, 100, 50, 255), -1)
        seen = recorded(rgba, x, y)
        rows, columns = np.nonzero(seen[..., 3] > 127)
        expected = view.project(point)
        assert (columns.mean(), rows.mean()) == pytest.approx(expected, abs=0.7)
        assert seen[round(float(expected[1])), round(float(expected[0])), :3] == pytest.approx(
            (200, 100, 50), abs=2
        )


def test_avatars_cover_the_photo_by_their_opacity():
    view = camera()
    rgba = np.zeros((view.height, view.width, 4), np.uint8)
    rgba[:, :80] = (200, 0, 0, 255)
    rgba[:, 80:120] = (200, 0, 0, 128)
    drawing = Overlay(photo(view), view)
    drawing.avatars(rgba)
    picture = drawing.picture()
    assert picture[60, 40] == pytest.approx((200, 0, 0), abs=1)
    assert picture[60, 100] == pytest.approx((145, 45, 45), abs=2)
    assert (picture[60, 140] == GREY).all()
