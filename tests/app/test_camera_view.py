import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.selection import JointRef
from app.views.camera_grid import CameraGrid
from app.views.camera_view import CameraView, chain_order
from app.workbench import Workbench
from avatarpose.body.skeleton import Joint

LEFT, MIDDLE, RIGHT = (
    Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton,
)  # fmt: skip
NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
WRIST = Joint.LEFT_WRIST


def at(view: CameraView, joint: int, pid: int = 0) -> QPoint:
    found = view.joint_position(pid, joint)
    assert found is not None
    return found.toPoint()


def exact(view: CameraView, joint: int, pid: int = 0) -> np.ndarray:
    found = view.joint_position(pid, joint)
    assert found is not None
    return np.array([found.x(), found.y()])


def world(bench: Workbench, joint: int, pid: int = 0) -> np.ndarray:
    scene = bench.document.shown
    assert scene is not None
    body = bench.bodies.at(scene, pid, bench.playback.index)
    assert body is not None
    return body.joints_world[0, joint].astype(np.float64)


def move(view: CameraView, position: QPoint) -> None:
    """A mouse move that arrives at once (one of the real pointer would come when it pleases)."""
    place = QPointF(position)
    event = QMouseEvent(
        QEvent.Type.MouseMove, place, view.mapToGlobal(place),
        Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, NONE,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def press(view: CameraView, joint: int, pid: int = 0) -> QPoint:
    start = at(view, joint, pid)
    move(view, start)
    QTest.mousePress(view, LEFT, NONE, start)
    return start


def wheel(view: CameraView, position: QPoint, notches: int) -> None:
    event = QWheelEvent(
        QPointF(position), QPointF(view.mapToGlobal(position)), QPoint(), QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton, NONE, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def test_a_dragged_wrist_follows_the_cursor_and_one_undo_puts_it_back(
    view: CameraView, desk: Workbench
):
    before, placed = exact(view, WRIST), world(desk, WRIST)
    start = press(view, WRIST)
    move(view, start + QPoint(3, -6))
    assert desk.document.has_preview
    QTest.mouseRelease(view, LEFT, NONE, start + QPoint(6, -12))
    assert not desk.document.has_preview
    np.testing.assert_allclose(exact(view, WRIST), before + np.array([6, -12]), atol=0.1)
    assert desk.document.undo_stack.count() == 1
    assert desk.document.undo_stack.undoText() == "Drag left wrist, Ada, f 21"
    desk.document.undo_stack.undo()
    np.testing.assert_allclose(world(desk, WRIST), placed, atol=1e-6)
    desk.document.undo_stack.redo()
    np.testing.assert_allclose(exact(view, WRIST), before + np.array([6, -12]), atol=0.1)


def test_the_joint_stays_in_the_plane_parallel_to_the_image(view: CameraView, desk: Workbench):
    depth = view.camera.depth(world(desk, WRIST))
    start = press(view, WRIST)
    QTest.mouseRelease(view, LEFT, NONE, start + QPoint(-10, 10))
    assert view.camera.depth(world(desk, WRIST)) == pytest.approx(depth, abs=1e-3)


def test_a_release_leaves_a_view_pin_and_marks_the_joint(view: CameraView, desk: Workbench):
    start = press(view, WRIST)
    QTest.mouseRelease(view, LEFT, NONE, start + QPoint(6, -12))
    scene = desk.document.scene
    assert scene is not None
    edit = scene.person(0).edit()
    (pin,) = edit.view_pins
    assert (pin.camera, pin.frame_index, pin.joint) == (view.camera.name, 0, WRIST)
    np.testing.assert_allclose(view.camera.project(world(desk, WRIST)), pin.pixel, atol=0.1)
    assert edit.keys[0].strength[WRIST] == 1


@pytest.mark.parametrize("how", ["escape", "right button"])
def test_a_cancelled_drag_leaves_no_trace(view: CameraView, desk: Workbench, how: str):
    scene, placed = desk.document.scene, world(desk, WRIST)
    start = press(view, WRIST)
    move(view, start + QPoint(20, 20))
    assert not np.allclose(world(desk, WRIST), placed)
    if how == "escape":
        QTest.keyClick(view, Qt.Key.Key_Escape)
    else:
        QTest.mouseClick(view, RIGHT, NONE, start + QPoint(20, 20))
    QTest.mouseRelease(view, LEFT, NONE, start + QPoint(25, 25))
    assert desk.document.scene is scene
    assert desk.document.shown is scene
    assert desk.document.undo_stack.count() == 0


def test_a_click_selects_and_changes_nothing(view: CameraView, desk: Workbench):
    start = press(view, Joint.RIGHT_KNEE)
    QTest.mouseRelease(view, LEFT, NONE, start + QPoint(1, 0))
    assert (desk.selection.pid, desk.selection.joint) == (0, Joint.RIGHT_KNEE)
    assert desk.document.undo_stack.count() == 0
    assert not desk.document.has_preview


def test_the_wheel_in_a_drag_moves_the_joint_along_the_ray_only(
    view: CameraView, grid: CameraGrid, desk: Workbench
):
    other = grid.views[1]
    here, there = exact(view, WRIST), exact(other, WRIST)
    start = press(view, WRIST)
    wheel(view, start, -4)
    np.testing.assert_allclose(exact(view, WRIST), here, atol=0.2)
    assert np.linalg.norm(exact(other, WRIST) - there) > 1
    guide = grid.drag.guide(other.camera)
    assert guide is not None
    line = other.to_widget(guide.pixels)
    line = line[np.isfinite(line).all(1)]
    along = (line[-1] - line[0]) / np.linalg.norm(line[-1] - line[0])
    away = exact(other, WRIST) - line[0]
    assert abs(away[0] * along[1] - away[1] * along[0]) < 0.5
    QTest.mouseRelease(view, LEFT, NONE, start)
    assert desk.document.undo_stack.count() == 1


def test_d_turns_the_drag_into_depth(view: CameraView, desk: Workbench):
    depth = view.camera.depth(world(desk, WRIST))
    start = press(view, WRIST)
    QTest.keyPress(view, Qt.Key.Key_D)
    move(view, start + QPoint(0, 8))
    QTest.keyRelease(view, Qt.Key.Key_D)
    QTest.mouseRelease(view, LEFT, NONE, start + QPoint(0, 8))
    assert view.camera.depth(world(desk, WRIST)) < depth - 0.01


def test_shift_makes_the_drag_five_times_finer(view: CameraView):
    before = exact(view, WRIST)
    start = press(view, WRIST)
    QTest.mouseRelease(view, LEFT, SHIFT, start + QPoint(-20, 10))
    np.testing.assert_allclose(exact(view, WRIST), before + np.array([-4, 2]), atol=0.1)


def test_the_pelvis_takes_the_person_along(view: CameraView, desk: Workbench):
    head, pelvis = world(desk, Joint.HEAD), world(desk, Joint.PELVIS)
    start = press(view, Joint.PELVIS)
    QTest.mouseRelease(view, LEFT, NONE, start + QPoint(9, -7))
    moved = world(desk, Joint.PELVIS) - pelvis
    assert np.linalg.norm(moved) > 0.01
    np.testing.assert_allclose(world(desk, Joint.HEAD) - head, moved, atol=1e-5)


def test_pins_in_two_views_place_the_joint_in_space(grid: CameraGrid, desk: Workbench):
    wanted = world(desk, WRIST) + np.array([-0.05, 0.04, -0.08])
    for seen in grid.views[:2]:
        seen.repaint()
        start = press(seen, WRIST)
        goal = seen.to_widget(seen.camera.project(wanted))
        QTest.mouseRelease(seen, LEFT, NONE, QPoint(*np.rint(goal).astype(int).tolist()))
        assert start != goal.tolist()
    assert np.linalg.norm(world(desk, WRIST) - wanted) < 0.02
    scene = desk.document.scene
    assert scene is not None
    assert len(scene.person(0).edit().view_pins) == 2


def test_hover_lights_the_same_joint_everywhere(view: CameraView, desk: Workbench):
    move(view, at(view, Joint.RIGHT_WRIST))
    assert desk.selection.hover == JointRef(0, Joint.RIGHT_WRIST)
    move(view, QPoint(4, 40))
    assert desk.selection.hover is None


def test_repeated_clicks_cycle_through_joints_at_one_place(view: CameraView, desk: Workbench):
    place = at(view, Joint.SPINE2)
    expected = view.candidates_at(QPointF(place))
    assert len(expected) > 1
    chosen = []
    for _ in expected:
        QTest.mouseClick(view, LEFT, NONE, place)
        chosen.append((desk.selection.pid, desk.selection.joint))
    assert len(set(chosen)) == len(expected)


def test_a_locked_person_cannot_be_grabbed(view: CameraView, desk: Workbench):
    desk.selection.set_locked(0, True)
    place = at(view, WRIST)
    assert all(ref.pid != 0 for ref in view.candidates_at(QPointF(place)))


def test_zooming_keeps_the_pixel_under_the_cursor(view: CameraView):
    cursor = QPoint(view.width() // 3, view.height() // 2)
    pixel, scale = view.to_pixel(cursor), view.scale
    wheel(view, cursor, 3)
    np.testing.assert_allclose(view.to_pixel(cursor), pixel, atol=1e-6)
    assert view.scale > 1.5 * scale
    wheel(view, cursor, -3)
    np.testing.assert_allclose(view.to_pixel(cursor), pixel, atol=1e-6)


def test_the_middle_button_pans_and_home_fits(view: CameraView):
    fitted = view.to_pixel(QPoint(50, 60))
    QTest.mousePress(view, MIDDLE, NONE, QPoint(50, 60))
    move(view, QPoint(80, 70))
    QTest.mouseRelease(view, MIDDLE, NONE, QPoint(80, 70))
    np.testing.assert_allclose(view.to_pixel(QPoint(80, 70)), fitted, atol=1e-6)
    QTest.keyClick(view, Qt.Key.Key_Home)
    np.testing.assert_allclose(view.to_pixel(QPoint(50, 60)), fitted, atol=1e-6)


def test_the_edit_loop_needs_no_mouse(view: CameraView, desk: Workbench):
    desk.selection.select(0, WRIST)
    before = view.camera.project(world(desk, WRIST))
    QTest.keyClick(view, Qt.Key.Key_Return)
    QTest.keyClick(view, Qt.Key.Key_Left, SHIFT)
    QTest.keyClick(view, Qt.Key.Key_Up)
    QTest.keyClick(view, Qt.Key.Key_Return)
    after = view.camera.project(world(desk, WRIST))
    np.testing.assert_allclose(after, before + np.array([-10, -1]), atol=0.1)
    assert desk.document.undo_stack.count() == 1
    QTest.keyClick(view, Qt.Key.Key_Return)
    QTest.keyClick(view, Qt.Key.Key_PageUp)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    np.testing.assert_allclose(view.camera.project(world(desk, WRIST)), after, atol=1e-6)
    assert desk.document.undo_stack.count() == 1


def test_tab_walks_down_the_limbs(view: CameraView, desk: Workbench):
    QTest.keyClick(view, Qt.Key.Key_Tab)
    assert desk.selection.joint == Joint.PELVIS
    QTest.keyClick(view, Qt.Key.Key_Tab)
    assert desk.selection.joint == Joint.LEFT_HIP
    QTest.keyClick(view, Qt.Key.Key_Backtab)
    QTest.keyClick(view, Qt.Key.Key_Backtab)
    assert desk.selection.joint == chain_order()[-1]
    assert sorted(chain_order()) == list(range(24))


def test_an_arrow_at_the_border_drags_a_joint_outside_the_picture(
    view: CameraView, desk: Workbench
):
    wheel(view, at(view, Joint.HEAD), 9)
    view.repaint()
    foot = exact(view, Joint.LEFT_ANKLE)
    assert foot[1] > view.height()
    border = QPointF(float(np.clip(foot[0], 8, view.width() - 8)), view.height() - 8.0)
    refs = view.candidates_at(border)
    assert refs
    QTest.mousePress(view, LEFT, NONE, border.toPoint())
    joint = desk.selection.joint
    assert joint is not None
    start = exact(view, joint)
    QTest.mouseRelease(view, LEFT, NONE, border.toPoint() + QPoint(0, -12))
    np.testing.assert_allclose(exact(view, joint), start + np.array([0, -12]), atol=0.5)


def test_another_frame_puts_a_held_joint_back(view: CameraView, desk: Workbench):
    start = press(view, WRIST)
    move(view, start + QPoint(10, 10))
    desk.playback.seek(3)
    assert not desk.document.has_preview
    QTest.mouseRelease(view, LEFT, NONE, start)
    assert desk.document.undo_stack.count() == 0


def test_the_spread_of_the_toolbar_reaches_other_frames(view: CameraView, desk: Workbench):
    scene = desk.document.scene
    assert scene is not None
    initial = scene.person(0).layer("initial").poses
    desk.settings.change(spread="ease", ease_frames=4)
    start = press(view, WRIST)
    QTest.mouseRelease(view, LEFT, NONE, start + QPoint(-12, 12))
    scene = desk.document.scene
    assert scene is not None
    changed = np.abs(scene.person(0).poses().body_pose - initial.body_pose).max(axis=1)
    assert (changed[:5] > 1e-4).all()
    assert (np.diff(changed[:5]) < 0).all()
    assert (changed[5:] == 0).all()


def test_the_view_is_drawn_in_the_colours_of_the_people(view: CameraView):
    image = view.grab().toImage()
    colours = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(40, 300)}
    assert "#56b4e9" in colours
    assert "#e69f00" in colours
