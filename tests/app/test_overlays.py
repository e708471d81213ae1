import numpy as np
import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from app.views import overlays
from app.views.canvas import Canvas, bgr
from app.views.overlays import LensMap, Placement, Style
from avatarpose.body.smpl import PosedBody
from avatarpose.geometry.camera import Camera
from avatarpose.optimize.snapshot import Preview
from avatarpose.scene.scene import Scene
from tests.app.scenes import ring_camera

WIDE = Camera(
    "wide", 320, 240, np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]]), np.eye(4),
    np.array([-0.2, 0.05, 0.001, -0.002, 0, 0, 0, 0]),
)  # fmt: skip


@pytest.fixture(scope="module")
def body(walk: Scene) -> PosedBody:
    return walk.body.posed_sequence(walk.person(0).poses(), np.array([0]))


def test_joints_lie_inside_the_outline(walk: Scene, body: PosedBody):
    camera = ring_camera("a", 0.3)
    overlay = overlays.body_overlay(walk.body, body, camera, 1.0)
    truth = camera.project(body.joints_world[0].astype(np.float64))
    np.testing.assert_allclose(overlay.joints, truth, atol=0.02)
    outer = max(overlay.outline, key=len)
    vertices = camera.project(body.vertices_world[0].astype(np.float64))
    np.testing.assert_allclose(outer.min(0), vertices.min(0), atol=2)
    np.testing.assert_allclose(outer.max(0), vertices.max(0), atol=2)


def test_somebody_behind_is_hidden_and_somebody_in_front_is_not(walk: Scene, body: PosedBody):
    camera = ring_camera("a", 0.3)
    away = 1.2 * camera.camera_from_world[2, :3].astype(np.float32)
    behind = PosedBody(body.vertices_world + away, body.joints_world + away, body.world_from_rest)
    front = overlays.body_overlay(walk.body, body, camera, 1.0)
    back = overlays.body_overlay(walk.body, behind, camera, 1.0)
    alone = overlays.occluded(front, [front])  # the far side, behind the own body
    np.testing.assert_array_equal(overlays.occluded(front, [front, back]), alone)
    assert overlays.occluded(back, [front, back]).sum() >= max(12, alone.sum())


def test_errors_have_three_levels_that_scale_with_the_picture():
    errors = np.array([1.0, 3.0, 8.0])
    np.testing.assert_array_equal(overlays.error_levels(errors, 1080), [0, 1, 2])
    np.testing.assert_array_equal(overlays.error_levels(errors, 2160), [0, 0, 1])


def test_a_rendered_picture_is_bent_like_the_lens(qapp: QApplication):  # noqa: ARG001
    rgba = np.zeros((240, 320, 4), np.uint8)
    spots = np.array([[60.0, 50.0], [160.0, 120.0], [270.0, 200.0], [40.0, 190.0]])
    for x, y in spots.astype(int):
        rgba[y - 2 : y + 3, x - 2 : x + 3] = 255
    image = LensMap(WIDE).distorted(Preview("wide", 0, rgba))
    assert (image.width(), image.height()) == (320, 240)
    for x, y in WIDE.distort(spots):
        assert image.pixelColor(round(x), round(y)).alpha() > 200
    assert image.pixelColor(100, 120).alpha() == 0


def test_marks_are_drawn_where_they_belong():
    canvas = Canvas(np.zeros((60, 90, 4), np.uint8), 1.0)
    places = np.array([[15.5, 30.5], [45.5, 30.5], [75.5, 30.5], [np.nan, 5.0]])
    red = bgr(QColor(255, 0, 0))
    filled = np.array([True, False, True, True])
    canvas.marks(places, 6.0, np.array([1, -1, 0, 1]), red, filled)
    assert tuple(canvas.pixels[30, 15, :3]) == red
    assert tuple(canvas.pixels[30, 75, :3]) == red
    assert tuple(canvas.pixels[30, 45, :3]) != red  # hollow
    assert canvas.pixels[5, :, :3].max() == 0


def test_lines_follow_the_placement_and_the_screens_scale():
    place = Placement(2.0, 10.0, 20.0)
    np.testing.assert_allclose(place(np.array([0.0, 0.0])), [11.0, 21.0])
    for ratio in (1.0, 2.0):
        canvas = Canvas(np.zeros((round(50 * ratio), round(80 * ratio), 4), np.uint8), ratio)
        line = np.array([[[5.0, 25.0], [75.0, 25.0]], [[0.0, np.nan], [9.0, 9.0]]])
        canvas.segments(line, (0, 255, 0), 3.0)
        assert canvas.pixels[round(25 * ratio), round(40 * ratio), 1] == 255
        assert canvas.pixels[round(10 * ratio), :, 1].max() == 0


def test_large_errors_are_drawn_and_small_ones_are_not():
    detected, body = np.array([[10.0, 10.0], [10.0, 40.0]]), np.array([[60.0, 10.0], [60.0, 40.0]])
    canvas = Canvas(np.zeros((60, 90, 4), np.uint8), 1.0)
    overlays.draw_errors(canvas, detected, body, np.array([50.0, 0.1]), 1080)
    assert canvas.pixels[10, 30, 2] > 200
    assert canvas.pixels[40, 30].max() == 0


def test_every_person_is_drawn_in_their_colour(walk: Scene, body: PosedBody):
    camera = ring_camera("a", 0.3)
    overlay = overlays.body_overlay(walk.body, body, camera, 1.0)
    canvas = Canvas(np.zeros((240, 320, 4), np.uint8), 1.0)
    colour = QColor(86, 180, 233)
    overlays.draw_outline(canvas, overlay, Placement(1.0, 0.0, 0.0), Style(colour, 3.0))
    hidden = np.zeros(24, bool)
    overlays.draw_skeleton(canvas, overlay.joints + 0.5, hidden, Style(colour, 3.0))
    drawn = (canvas.pixels[..., :3] == bgr(colour)).all(-1)
    assert drawn.sum() > 300
